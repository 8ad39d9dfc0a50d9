import test from "ava";
import fc from "fast-check";
import { createDecide } from "../../../src/api/decide.ts";
import { deployment } from "../../../src/actors/controllers/deployment.ts";
import { replicaset } from "../../../src/actors/controllers/replicaset.ts";
import { machines } from "../../../src/actors/objects/catalogue.ts";
import type { ActorHost } from "../../../src/actors/runtime/actor-host.ts";
import { codecOf } from "../../../src/actors/runtime/codec.ts";
import type { WriteReply, WriteRequest } from "../../../src/actors/runtime/command.ts";
import { controllerChildren } from "../../../src/actors/runtime/controller-host.ts";
import { runMasterTree } from "../../../src/actors/runtime/master-tree.ts";
import { createHost } from "../../../src/actors/runtime/host.ts";
import { createScheduler } from "../../../src/actors/scheduler/scheduler.ts";
import { realCrypto } from "../../../src/env/real/crypto.ts";
import { kinds } from "../../../src/kinds/catalogue.ts";
import type { Draft, KubeObject } from "../../../src/kinds/kind.ts";
import { createSimEnv, type SimEnv } from "../../../src/sim/env.ts";
import { createStore, type Store } from "../../../src/store/store.ts";
import { StatusError } from "../../../src/util/errors.ts";
import { createFakeLog, type FakeLog } from "./fakes.ts";

/** The host on the real store, verbs, machines and controllers; only the log is a fake. */
interface Rig {
  readonly env: SimEnv;
  readonly store: Store;
  readonly log: FakeLog;
  readonly host: ActorHost;
  readonly fatal: Error[];
  readonly send: (request: Omit<WriteRequest, "user">) => Promise<WriteReply | StatusError>;
}

const plainKinds = kinds.filter(({ sealed, storage }) => sealed !== true && storage === "rows");
const kindsById = new Map(plainKinds.map((kind) => [kind.id, kind]));

function rig(seed = 1): Rig {
  const env = createSimEnv({ seed, shuffle: true });
  const store = createStore({ kinds: plainKinds, crc32: (bytes) => realCrypto.crc32(bytes) });
  const log = createFakeLog(env.clock);
  const decide = createDecide({ kinds: plainKinds, admission: [] });
  const fatal: Error[] = [];
  const host = createHost({
    env,
    store,
    log,
    kinds: kindsById,
    codec: codecOf(store),
    decide,
    machines,
    identity: { member: 1, incarnation: 1 },
    onFatal: (error) => void fatal.push(error),
  });
  const controllers = [deployment, replicaset, createScheduler()];
  const leader = controllerChildren({ env, store, host, decide, controllers });
  runMasterTree({
    env,
    host,
    leader,
    giveUp: (error) => {
      throw error;
    },
  });
  log.listener = host;
  log.becomeLeader();
  const send: Rig["send"] = (request) =>
    host
      .write({ ...request, user: { name: "alice", groups: ["system:masters"] } }, { class: "user", deadlineMs: 60_000 })
      .catch((error: unknown) => {
        if (error instanceof StatusError) return error;
        throw error;
      });
  return { env, store, log, host, fatal, send };
}

const create = (kind: string, namespace: string, object: object): Omit<WriteRequest, "user"> => ({
  verb: "create",
  kind,
  namespace,
  name: (object as Draft).metadata.name ?? "",
  object: object as Draft,
});

const namespaceOf = (name: string): Omit<WriteRequest, "user"> =>
  create("namespaces", "", { apiVersion: "v1", kind: "Namespace", metadata: { name } });

const configMapOf = (name: string, data: Record<string, string>): Omit<WriteRequest, "user"> =>
  create("configmaps", "default", {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace: "default" },
    data,
  });

const web = (replicas: number): object => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", namespace: "default" },
  spec: {
    replicas,
    selector: { matchLabels: { app: "web" } },
    template: {
      metadata: { labels: { app: "web" } },
      spec: { containers: [{ name: "c", image: "nginx" }] },
    },
  },
});

const readyNode = {
  apiVersion: "v1",
  kind: "Node",
  metadata: { name: "n1" },
  status: {
    conditions: [{ type: "Ready", status: "True" }],
    allocatable: { cpu: "8", memory: "16Gi", pods: "110" },
    capacity: { cpu: "8", memory: "16Gi", pods: "110" },
  },
};

const codeOf = (answer: WriteReply | StatusError): number =>
  answer instanceof StatusError ? answer.status.code : answer.code;

test("a Deployment becomes a ReplicaSet and pods, bound to the ready node, without a jump of own code", async (t) => {
  const { env, store, host, fatal, send } = rig();
  await Promise.all([
    send(namespaceOf("default")),
    send(create("nodes", "", readyNode)),
    send(create("deployments.apps", "default", web(3))),
    env.advance(3_000),
  ]);
  t.deepEqual(fatal, []);
  const pods = store.committed.list("pods", { namespace: "default" });
  t.is(pods.length, 3, JSON.stringify(env.lines.filter(({ level }) => level !== "debug")));
  t.deepEqual(
    pods.map((row) => row.object<KubeObject & { spec: { nodeName?: string } }>().spec.nodeName),
    ["n1", "n1", "n1"],
  );
  t.is(store.committed.list("replicasets.apps").length, 1);
  t.deepEqual([...host.reactions.jumps], []);
  t.deepEqual(host.quarantine.all(), []);
});

test("when all is settled, planning every key again writes nothing", async (t) => {
  const { env, log, store, send } = rig(2);
  await Promise.all([
    send(namespaceOf("default")),
    send(create("nodes", "", readyNode)),
    send(create("deployments.apps", "default", web(2))),
    env.advance(3_000),
  ]);
  const { revision } = store;
  log.loseTerm(0);
  log.becomeLeader();
  await env.advance(3_000);
  t.is(store.revision, revision);
});

test("leaders that come and go at any moment lose nothing that was acknowledged and do nothing twice", async (t) => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("write" as const), name: fc.integer({ min: 0, max: 3 }), value: fc.nat(9) }),
    fc.record({ do: fc.constant("advance" as const), ms: fc.integer({ min: 0, max: 3 }) }),
    fc.record({ do: fc.constant("lose" as const), kept: fc.nat(3) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.nat(1_000), async (steps, seed) => {
      const { env, store, log, fatal, send } = rig(seed);
      void send(namespaceOf("default"));
      await env.advance(50);
      const answers: { readonly name: string; answer: WriteReply | StatusError | undefined }[] = [];
      for (const now of steps) {
        if (now.do === "advance") await env.advance(now.ms);
        else if (now.do === "lose") {
          log.loseTerm(now.kept);
          await env.advance(1);
          log.becomeLeader();
        } else {
          const name = `c${now.name}`;
          const entry: (typeof answers)[number] = { name, answer: undefined };
          answers.push(entry);
          void send(configMapOf(name, { v: String(now.value) })).then((answer) => (entry.answer = answer));
        }
      }
      await env.settle();
      if (fatal.length > 0) throw fatal[0]!;
      for (const name of ["c0", "c1", "c2", "c3"]) {
        const codes = answers.filter((entry) => entry.name === name).map(({ answer }) => answer && codeOf(answer));
        if (codes.length === 0) continue;
        // Of all creates of one name exactly one succeeds, however often the leader went.
        if (codes.filter((code) => code === 201).length !== 1) return false;
        if (codes.filter((code) => code === 409).length !== codes.length - 1) return false;
        if (store.committed.get("configmaps", "default", name)?.object().metadata.name !== name) return false;
      }
      return store.tip.revision === store.revision;
    }),
    { numRuns: 150, seed: 42 },
  );
  t.pass();
});
