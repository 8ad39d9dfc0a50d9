// The certificates of a data directory: what is there, when one is made anew, and what stays.
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { listCertificates, renewalDueMs } from "../../../src/cli/certificates.ts";
import type { ClusterFile } from "../../../src/cli/cluster-file.ts";
import { leftText } from "../../../src/cli/commands/cert.ts";
import { withContext, withUser } from "../../../src/cli/kubeconfig.ts";
import { ensurePki } from "../../../src/cli/pki.ts";
import { keepCertificates, lookEveryMs, lookMinMs, untilLook } from "../../../src/cli/renewal.ts";

const day = 24 * 60 * 60 * 1_000;
const cluster: ClusterFile = {
  version: 1,
  name: "dev",
  id: "1",
  number: 0,
  runtime: "simulated",
  nodes: ["n1", "n2"],
  apiPort: 6443,
  grpcPort: 6444,
  address: "192.0.2.1",
  network: "host",
  podCidr: "10.42.0.0/16",
  serviceCidr: "10.43.0.0/16",
  dnsAddress: "10.43.0.10",
  clusterDomain: "cluster.local",
};

async function folderOf(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "troupe-pki-"));
  t.teardown(() => rm(folder, { recursive: true }));
  return folder;
}

async function fingerprints(folder: string): Promise<Readonly<Record<string, string>>> {
  return Object.fromEntries((await listCertificates(folder)).map(({ name, fingerprint }) => [name, fingerprint]));
}

test("each purpose has an authority of its own, and each leaf a year", async (t) => {
  const folder = await folderOf(t);
  t.deepEqual(await listCertificates(join(folder, "nowhere")), []);
  await ensurePki(folder, cluster);
  const found = await listCertificates(folder);
  t.deepEqual(
    found.map(({ name, use, issuer }) => [name, use, issuer.split("@")[0]]),
    [
      ["client-ca", "authority", "troupe-client-ca"],
      ["node-ca", "authority", "troupe-node-ca"],
      ["serving-ca", "authority", "troupe-serving-ca"],
      ["admin", "client", "troupe-client-ca"],
      ["node-n1", "client", "troupe-node-ca"],
      ["node-n2", "client", "troupe-node-ca"],
      ["serving", "server", "troupe-serving-ca"],
    ],
  );
  const node = found.find(({ name }) => name === "node-n1")!;
  t.is(node.subject, "CN=system:node:n1, O=system:nodes");
  t.true(Math.abs(node.toMs - Date.now() - 365 * day) < day);
  t.is(found.find(({ name }) => name === "node-ca")!.renewalMs, undefined);
});

test("a certificate stays while it has a third of its life, and one that is over is made anew", async (t) => {
  const folder = await folderOf(t);
  await ensurePki(folder, cluster);
  const first = await fingerprints(folder);
  await ensurePki(folder, cluster);
  t.deepEqual(await fingerprints(folder), first);
  await ensurePki(folder, cluster, { renew: (name) => name === "node-n1", validMs: -1_000 });
  const over = await fingerprints(folder);
  t.deepEqual(
    Object.keys(first).filter((name) => over[name] !== first[name]),
    ["node-n1"],
  );
  t.is(leftText((await listCertificates(folder)).find(({ name }) => name === "node-n1")!.toMs - Date.now()), "over");
  const pki = await ensurePki(folder, cluster);
  const last = await fingerprints(folder);
  t.not(last["node-n1"], over["node-n1"]);
  t.is(createHash("sha256").update(pki.node("n1").key).digest("hex").length, 64);
  t.true((await readFile(join(folder, "node-n1.pem"), "utf8")).includes(pki.node("n1").key));
  t.is(last["node-n2"], first["node-n2"]);
});

test("a short one is renewed after two thirds as well, and is looked at in time", async (t) => {
  t.is(renewalDueMs({ fromMs: 0, toMs: 90 }), 60);
  t.is(renewalDueMs({ fromMs: 100, toMs: 50 }), 50, "it was over when it was made");
  t.is(untilLook(365 * day, 0), lookEveryMs);
  t.is(untilLook(60_000, 0), 60_000);
  t.is(untilLook(0, 60_000), lookMinMs);
  const folder = await folderOf(t);
  await ensurePki(folder, cluster);
  await ensurePki(folder, cluster, { renew: () => true, validMs: 3_600_000 });
  const made = await fingerprints(folder);
  await ensurePki(folder, cluster);
  t.deepEqual(await fingerprints(folder), made, "an hour is enough for an hour's certificate");
});

test("what is left is told in words that are short", (t) => {
  const cases: readonly (readonly [number, string])[] = [
    [364 * day + 5, "364d"],
    [47 * 3_600_000, "47h"],
    [119_999, "119s"],
    [120_000, "2m"],
    [0, "over"],
    [-day, "over"],
  ];
  for (const [ms, words] of cases) t.is(leftText(ms), words, String(ms));
});

test("a renewed user keeps the context that is current, and a file without it stays as it is", (t) => {
  const entry = { name: "troupe-dev", server: "https://x", authority: "A", certificate: "C", key: "K" };
  const before = withContext(undefined, entry).replace("current-context: troupe-dev", "current-context: work");
  const after = withUser(before, { name: "troupe-dev", certificate: "C2", key: "K2" });
  t.true(after.includes("current-context: work"));
  t.true(after.includes(Buffer.from("C2").toString("base64")));
  t.false(after.includes(`client-key-data: ${Buffer.from("K").toString("base64")}\n`));
  t.is(withUser(before, { name: "troupe-other", certificate: "C2", key: "K2" }), before);
});

test("looks at certificates follow one another: what is shown in the end is what was there last", async (t) => {
  const folder = await folderOf(t);
  const seen: string[] = [];
  const shown: string[] = [];
  let goOn = (): void => undefined;
  const firstMayEnd = new Promise<void>((resolve) => (goOn = resolve));
  const before = process.listeners("SIGHUP");
  const look = keepCertificates({
    folder,
    cluster,
    log: () => undefined,
    own: (pki) => {
      seen.push(pki.serving.certificate);
      return pki.serving;
    },
    believed: () => "",
    take: ({ certificate }) => void shown.push(certificate),
    tell: () => (seen.length === 1 ? firstMayEnd : Promise.resolve()),
  });
  t.teardown(() => {
    for (const listener of process.listeners("SIGHUP")) {
      if (!before.includes(listener)) process.off("SIGHUP", listener);
    }
  });
  while (seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const renewed = await ensurePki(folder, cluster, { renew: (name) => name === "serving" });
  const second = look();
  // What a look does, thrice: time enough for one that did not wait.
  for (let turn = 0; turn < 3; turn += 1) await ensurePki(folder, cluster);
  t.is(seen.length, 1, "the first has not ended");
  goOn();
  await second;
  t.is(seen.length, 2);
  t.deepEqual(shown, [renewed.serving.certificate]);
});
