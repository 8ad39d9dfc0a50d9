import test from "ava";
import { createDecide } from "../../../src/api/decide.ts";
import { machines } from "../../../src/actors/objects/catalogue.ts";
import type { ActorHost } from "../../../src/actors/runtime/actor-host.ts";
import { codecOf } from "../../../src/actors/runtime/codec.ts";
import { createHost } from "../../../src/actors/runtime/host.ts";
import { realCrypto } from "../../../src/env/real/crypto.ts";
import { kinds } from "../../../src/kinds/catalogue.ts";
import type { Draft } from "../../../src/kinds/kind.ts";
import { createRaft, type Raft } from "../../../src/raft/driver.ts";
import { createSimDisk, type SimDisk } from "../../../src/sim/disk.ts";
import { createSimEnv, type SimEnv } from "../../../src/sim/env.ts";
import { createRng } from "../../../src/sim/random.ts";
import { createStore, type Store } from "../../../src/store/store.ts";

const plainKinds = kinds.filter(({ sealed, storage }) => sealed !== true && storage === "rows");

interface Member {
  readonly env: SimEnv;
  readonly raft: Raft;
  readonly store: Store;
  readonly host: ActorHost;
}

/** Runs virtual time until the promise is settled. */
async function waitFor<T>(env: SimEnv, promise: Promise<T>): Promise<T> {
  let settled = false;
  const mark = (): void => void (settled = true);
  promise.then(mark, mark);
  for (let turns = 0; turns < 10_000 && !settled; turns += 1) await env.advance(1);
  return promise;
}

/** A lone master on the real log and store; the disk and the time are simulated. */
async function member(disk: SimDisk): Promise<Member> {
  const env = createSimEnv({ seed: 1, disk: disk.attach(), crypto: realCrypto });
  const store = createStore({ kinds: plainKinds, crc32: (bytes) => realCrypto.crc32(bytes) });
  const onFatal = (error: Error): void => {
    throw error;
  };
  const raft: Raft = createRaft({
    env,
    listener: {
      committed: (entries) => host.committed(entries),
      role: (role, term) => host.role(role, term),
    },
    stateMachine: {
      restore: () => Promise.reject(new Error("no snapshot in this test")),
      snapshot: () => {
        throw new Error("no snapshot in this test");
      },
    },
    onFatal,
  });
  const host = createHost({
    env,
    store,
    log: raft,
    kinds: new Map(plainKinds.map((kind) => [kind.id, kind])),
    codec: codecOf(store),
    decide: createDecide({ kinds: plainKinds, admission: [] }),
    machines,
    identity: {
      get member() {
        return raft.memberId;
      },
      get incarnation() {
        return raft.incarnation;
      },
    },
    onFatal,
  });
  await waitFor(env, raft.start());
  return { env, raft, store, host };
}

const createMap = (host: ActorHost, name: string): Promise<{ code: number }> => {
  const namespaced = { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "default" } };
  return host
    .write(
      {
        verb: "create",
        kind: "configmaps",
        namespace: "default",
        name,
        user: { name: "alice", groups: ["system:masters"] },
        object: namespaced as Draft,
      },
      { class: "user", deadlineMs: 30_000 },
    )
    .catch((error: { status: { code: number } }) => ({ code: error.status.code }));
};

test("what a lone master acknowledged is there after the power failed, and commands go on", async (t) => {
  const disk = createSimDisk({ rng: createRng(9, "disk") });
  const first = await member(disk);
  const codes = await waitFor(
    first.env,
    Promise.all(Array.from({ length: 50 }, (_, at) => createMap(first.host, `c${at}`))),
  );
  t.deepEqual(new Set(codes.map(({ code }) => code)), new Set([201]));
  const unacknowledged = createMap(first.host, "late");
  void unacknowledged;
  disk.crash();
  const second = await member(disk);
  t.is(second.raft.incarnation, 2);
  const names = second.store.committed.list("configmaps").map(({ name }) => name);
  for (let at = 0; at < 50; at += 1) t.true(names.includes(`c${at}`), `c${at}`);
  const again = await waitFor(second.env, createMap(second.host, "c0"));
  t.is(again.code, 409);
  const next = await waitFor(second.env, createMap(second.host, "new"));
  t.is(next.code, 201);
  const results = second.store.systemRows("result").map(([key]) => key);
  t.deepEqual(
    results.map((key) => key.split("/")[1]),
    ["2"],
    "results of the first start are dropped",
  );
});

test("a read barrier on the real log resolves, and a no-op write costs no entry", async (t) => {
  const { env, raft, host } = await member(createSimDisk({ rng: createRng(4, "disk") }));
  await waitFor(env, createMap(host, "a"));
  const { applied } = raft;
  const twice = await waitFor(env, createMap(host, "a"));
  t.is(twice.code, 409);
  await waitFor(env, host.readBarrier());
  t.is(raft.applied, applied);
});
