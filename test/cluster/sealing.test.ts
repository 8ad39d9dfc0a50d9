import test from "ava";
import { sealedBody } from "../../src/store/row-version.ts";
import { createCluster, type Cluster } from "../../src/testing/cluster.ts";

/** Secrets at rest: every row is sealed, and a new key takes all of them over. */

const keys = [new Uint8Array(32), new Uint8Array(32).fill(2)];

async function withSecrets(seed: number, count: number): Promise<Cluster> {
  const cluster = await createCluster({ nodes: 0, seed, time: "virtual" });
  for (let at = 0; at < count; at += 1) {
    await cluster.apply({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: `s${at}` },
      stringData: { password: `hunter-${at}` },
    } as never);
  }
  return cluster;
}

function stale(cluster: Cluster): number {
  const { store, ring } = cluster.master;
  return store.committed.list("secrets").filter((row) => !ring.isCurrent(sealedBody(row)!)).length;
}

function password(cluster: Cluster, name: string): string {
  return Buffer.from(cluster.get("secrets", name)?.data?.["password"] ?? "", "base64").toString();
}

function rotate(cluster: Cluster): void {
  cluster.sealingKeys = keys;
  cluster.master.ring.load(keys);
  cluster.master.resealer.begin();
}

test("a new key seals every Secret anew, with the same content, and restarts find all of them", async (t) => {
  await using cluster = await withSecrets(1, 150);
  t.is(stale(cluster), 0);
  const [uid, revision] = [cluster.get("secrets", "s7")!.metadata.uid, cluster.master.store.revision];
  rotate(cluster);
  t.is(stale(cluster), 150);
  await cluster.until(() => cluster.master.resealer.left === 0);
  t.is(stale(cluster), 0);
  t.is(cluster.master.store.revision, revision + 150, "each is written once");
  t.is(password(cluster, "s7"), "hunter-7");
  t.is(cluster.get("secrets", "s7")?.metadata.uid, uid);
  await cluster.restartMaster();
  t.is(password(cluster, "s149"), "hunter-149");
  await cluster.until(() => cluster.master.resealer.left === 0);
  t.is(cluster.master.store.revision, revision + 150, "nothing is sealed twice");
});

test("a rotation that a crash interrupts is finished by the next master", async (t) => {
  await using cluster = await withSecrets(2, 130);
  rotate(cluster);
  await cluster.until(() => stale(cluster) < 130, { stepMs: 1 });
  await cluster.restartMaster();
  t.true(stale(cluster) > 0);
  await cluster.until(() => cluster.master.resealer.left === 0);
  t.is(stale(cluster), 0);
  for (const at of [0, 64, 129]) t.is(password(cluster, `s${at}`), `hunter-${at}`);
});

test("clients see a Secret as it was written, over both doors, before and after a rotation", async (t) => {
  await using cluster = await withSecrets(3, 1);
  for (const round of ["before", "after"]) {
    const rest = await cluster.request("GET", "/api/v1/namespaces/default/secrets/s0");
    const native = await cluster.run(cluster.client().kind("secrets").get("s0"));
    t.deepEqual(native as unknown, rest.json<unknown>(), round);
    t.deepEqual(native.data, { password: Buffer.from("hunter-0").toString("base64") });
    rotate(cluster);
    await cluster.until(() => cluster.master.resealer.left === 0);
  }
});
