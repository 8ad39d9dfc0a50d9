import test from "ava";
import { transition, type AnyMachineSnapshot, type AnyStateNode } from "xstate";
import { machines } from "../../../src/actors/objects/catalogue.ts";
import { createEvaluator, idOf, inertTransition, resolve } from "../../../src/actors/runtime/evaluator.ts";
import type { MachineDef } from "../../../src/actors/runtime/machine.ts";
import { kinds } from "../../../src/kinds/catalogue.ts";
import type { KubeObject } from "../../../src/kinds/kind.ts";

const all: readonly MachineDef[] = [...machines.values()].flat();
const evaluator = createEvaluator();

function nodesOf(def: MachineDef): readonly AnyStateNode[] {
  const walk = (node: AnyStateNode): AnyStateNode[] => [
    node,
    ...Object.values(node.states).flatMap((child) => walk(child as AnyStateNode)),
  ];
  return walk(def.machine.root);
}

const leavesOf = (def: MachineDef): readonly string[] =>
  nodesOf(def)
    .filter((node) => node.type === "atomic" || node.type === "final")
    .map((node) => node.path.join("."));

const eventsOf = (def: MachineDef): readonly string[] => [
  ...new Set(nodesOf(def).flatMap((node) => node.ownEvents as readonly string[])),
];

test("every kind names a machine of the catalogue", (t) => {
  for (const kind of kinds) t.true(machines.has(kind.machine), `${kind.id}: ${kind.machine}`);
});

test("every machine resolves its targets, initial states, delays and actions", (t) => {
  const vocabulary = new Set(["write", "timer", "cancelTimer", "message", "note"]);
  const known = (action: unknown): boolean => {
    if (typeof action === "function") return true; // raise and cancel of `after`, assign
    return vocabulary.has((action as { type: string }).type);
  };
  for (const def of all) {
    t.is(def.machine.options.maxIterations, 100, def.name);
    t.is(def.machine.id, def.name);
    for (const node of nodesOf(def)) {
      if (node.type === "compound") t.truthy(node.initial.target, `${def.name} ${node.id}`);
      t.not(node.type, "history", `${def.name} ${node.id}`);
      t.not(node.type, "parallel", `${def.name} ${node.id}`);
      t.is(node.invoke.length, 0, `${def.name} ${node.id}`);
      for (const action of [...node.entry, ...node.exit]) t.true(known(action), node.id);
      for (const { delay } of node.after) {
        const resolved =
          typeof delay === "number" || Object.hasOwn(def.machine.implementations.delays, delay as string);
        t.true(resolved, `${def.name} ${node.id}: delay ${String(delay)}`);
      }
      for (const transitions of node.transitions.values()) {
        for (const { actions, target, eventType } of transitions) {
          t.not(eventType, "*", `${def.name} ${node.id}`);
          for (const action of actions) t.true(known(action), `${def.name} ${node.id}`);
          for (const reached of target ?? []) t.truthy(reached.id);
        }
      }
    }
  }
});

test("every machine steps from every state on every event as XState's own function does", (t) => {
  let steps = 0;
  for (const def of all) {
    for (const id of leavesOf(def)) {
      for (const type of [...eventsOf(def), "never heard of"]) {
        const snapshot = resolve(def.machine, { id, context: {} });
        const mine = inertTransition(def.machine, snapshot, { type });
        const [theirs, actions] = transition(def.machine, snapshot, { type });
        const shown = (next: AnyMachineSnapshot, done: readonly { type: string; params: unknown }[]): unknown => [
          idOf(next.value),
          next.context,
          done.map((action) => [action.type, JSON.stringify(action.params)]),
        ];
        t.deepEqual(
          shown(mine.snapshot, mine.actions),
          shown(theirs as AnyMachineSnapshot, actions as { type: string; params: unknown }[]),
        );
        steps += 1;
      }
    }
  }
  t.true(steps > 300, `${steps} steps`);
});

test("every state that a row can show is a state of the machine, and gone is where nothing is", (t) => {
  for (const def of all) {
    t.is(def.derive(undefined).id, "gone", def.name);
    t.true(leavesOf(def).includes("gone"), def.name);
    for (const id of Object.values(def.renamed)) t.true(leavesOf(def).includes(id), id);
  }
});

// ---- the commuting square, over a world of legal edits ----

type World = Readonly<Record<string, unknown>>;

interface Writer {
  readonly name: string;
  /** The row after this writer's edit; undefined: it has nothing to do here. `null`: the row goes. */
  readonly edit: (world: World) => World | null | undefined;
}

interface Model {
  readonly machine: string;
  readonly births: readonly World[];
  readonly object: (world: World) => unknown;
  readonly writers: readonly Writer[];
  /** States that the walk must reach, so that it proves something. */
  readonly reaches: readonly string[];
}

const edit = (name: string, when: (world: World) => boolean, change: World | null): Writer => ({
  name,
  edit: (world) => (when(world) ? (change === null ? null : { ...world, ...change }) : undefined),
});

/** Every edge of the world: what the machine does about the edit is what the row then shows. */
function walk(model: Model): {
  readonly holes: readonly string[];
  readonly reached: ReadonlySet<string>;
  readonly edges: number;
} {
  const def = machines.get(model.machine)?.[0];
  if (def === undefined) throw new Error(`no machine ${model.machine}`);
  const holes: string[] = [];
  const reached = new Set<string>();
  const seen = new Set<string>();
  let edges = 0;
  const make = (world: World | null): KubeObject | undefined =>
    world === null ? undefined : (model.object(world) as KubeObject);
  const check = (from: World | null, to: World | null, writer: string): void => {
    edges += 1;
    const [previous, next] = [make(from), make(to)];
    const before = def.derive(previous);
    const event = def.classify(previous, next);
    const after = event === undefined ? before : evaluator.step(def, before, event).next;
    const shown = def.derive(next).id;
    reached.add(shown);
    if (after.id !== shown) holes.push(`${writer}: ${before.id} → machine ${after.id}, row ${shown}`);
  };
  const queue: World[] = [];
  const visit = (world: World): void => {
    const key = JSON.stringify(world);
    if (seen.has(key)) return;
    seen.add(key);
    queue.push(world);
  };
  for (const world of model.births) {
    check(null, world, "create");
    visit(world);
  }
  for (let world = queue.shift(); world !== undefined; world = queue.shift()) {
    for (const writer of model.writers) {
      const next = writer.edit(world);
      if (next === undefined) continue;
      check(world, next, writer.name);
      if (next !== null) visit(next);
    }
  }
  return { holes, reached, edges };
}

const meta = (world: World, more: object = {}): object => ({
  metadata: {
    name: "x",
    uid: "u",
    resourceVersion: "1",
    creationTimestamp: "2026-01-01T00:00:00Z",
    generation: world["generation"] ?? 1,
    ...(world["deleting"] === true ? { deletionTimestamp: "2026-01-01T00:00:10Z" } : {}),
    ...more,
  },
});
const alive = (world: World): boolean => world["deleting"] !== true;
const remove = edit("remove", () => true, null);
const deleteIt = edit("delete", alive, { deleting: true });

const podStates: Readonly<Record<string, object>> = {
  none: {},
  init: {
    initContainerStatuses: [{ state: { running: {} } }],
    containerStatuses: [{ state: { waiting: { reason: "PodInitializing" } } }],
  },
  starting: { containerStatuses: [{ state: { waiting: { reason: "ContainerCreating" } } }] },
  pullFails: { containerStatuses: [{ state: { waiting: { reason: "ImagePullBackOff" } } }] },
  crashLoop: { phase: "Running", containerStatuses: [{ state: { waiting: { reason: "CrashLoopBackOff" } } }] },
  running: { phase: "Running", containerStatuses: [{ state: { running: {} } }] },
  ready: {
    phase: "Running",
    containerStatuses: [{ state: { running: {} } }],
    conditions: [{ type: "Ready", status: "True" }],
  },
  succeeded: { phase: "Succeeded", containerStatuses: [{ state: { terminated: {} } }] },
  failed: { phase: "Failed", containerStatuses: [{ state: { terminated: {} } }] },
};
const ended = (world: World): boolean => world["status"] === "succeeded" || world["status"] === "failed";
const report = (from: readonly string[], to: string): Writer =>
  edit(`node reports ${to}`, (world) => world["node"] === true && from.includes(String(world["status"])), {
    status: to,
  });
const active = ["none", "init", "starting", "pullFails", "crashLoop", "running", "ready"];

const models: readonly Model[] = [
  {
    machine: "object",
    births: [{}],
    object: (world) => meta(world),
    writers: [deleteIt, remove, edit("label", alive, { label: true })],
    reaches: ["live", "terminating", "gone"],
  },
  {
    machine: "pod",
    births: [{ status: "none" }, { status: "none", gated: true }, { status: "none", node: true }],
    object: (world) => ({
      ...meta(world),
      spec: {
        ...(world["node"] === true ? { nodeName: "n1" } : {}),
        ...(world["gated"] === true ? { schedulingGates: [{ name: "g" }] } : {}),
      },
      status: { phase: "Pending", ...podStates[String(world["status"])] },
    }),
    writers: [
      edit("ungate", (world) => world["gated"] === true, { gated: false }),
      edit("bind", (world) => world["node"] !== true && world["gated"] !== true && alive(world) && !ended(world), {
        node: true,
      }),
      report(["none", "starting", "crashLoop", "pullFails"], "init"),
      report(["none", "init", "pullFails"], "starting"),
      report(["none", "init", "starting"], "pullFails"),
      report(["running", "ready", "starting", "init"], "crashLoop"),
      report(["none", "init", "starting", "pullFails", "crashLoop", "ready"], "running"),
      report(["none", "init", "starting", "pullFails", "crashLoop", "running"], "ready"),
      report(active, "succeeded"),
      report(active, "failed"),
      edit("garbage collection fails it", (world) => active.includes(String(world["status"])), { status: "failed" }),
      deleteIt,
      remove,
    ],
    reaches: [
      "gated",
      "unscheduled",
      "bound",
      "init",
      "starting",
      "ready",
      "unready",
      "backoff",
      "terminating",
      "succeeded",
      "failed",
      "gone",
    ],
  },
  {
    machine: "node",
    births: [{ ready: "" }, { ready: "True" }, { ready: "False" }, { ready: "True", cordoned: true }],
    object: (world) => ({
      ...meta(world),
      spec: {
        unschedulable: world["cordoned"] === true,
        taints: world["evicts"] === true ? [{ key: "node.kubernetes.io/unreachable", effect: "NoExecute" }] : [],
      },
      status: { conditions: world["ready"] === "" ? [] : [{ type: "Ready", status: world["ready"] }] },
    }),
    writers: [
      edit("cordon", (world) => world["cordoned"] !== true, { cordoned: true }),
      edit("uncordon", (world) => world["cordoned"] === true, { cordoned: false }),
      edit("node is ready", () => true, { ready: "True" }),
      edit("node is not ready", () => true, { ready: "False" }),
      edit("node is silent", () => true, { ready: "Unknown" }),
      edit("taint", (world) => world["ready"] === "Unknown" || world["ready"] === "False", { evicts: true }),
      edit("untaint", (world) => world["evicts"] === true, { evicts: false }),
      deleteIt,
      remove,
    ],
    reaches: ["joining", "ready", "draining", "notReady", "unknown", "evicting", "terminating", "gone"],
  },
  {
    machine: "deployment",
    births: [{ want: 1 }, { want: 0 }, { want: 1, paused: true }],
    object: (world) => ({
      ...meta(world),
      spec: { replicas: world["want"], paused: world["paused"] === true },
      status: {
        observedGeneration: world["observed"] ?? 0,
        replicas: world["have"] ?? 0,
        updatedReplicas: world["have"] ?? 0,
        availableReplicas: world["have"] ?? 0,
        conditions:
          world["late"] === true ? [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" }] : [],
      },
    }),
    writers: [
      // A change of the spec is a new generation, which the controller has not observed.
      edit("pause", (world) => world["paused"] !== true, { paused: true, observed: 0 }),
      edit("resume", (world) => world["paused"] === true, { paused: false, observed: 0 }),
      edit("scale", () => true, { want: 1, observed: 0 }),
      edit("controller observes", () => true, { observed: 1 }),
      edit("pods become available", (world) => world["observed"] === 1, { have: 1, late: false }),
      edit("pods are lost", (world) => world["observed"] === 1, { have: 0 }),
      edit(
        "the deadline passes",
        (world) => world["observed"] === 1 && (world["have"] ?? 0) !== world["want"] && world["paused"] !== true,
        { late: true },
      ),
      deleteIt,
      remove,
    ],
    reaches: ["progressing", "complete", "paused", "deadlineExceeded", "terminating", "gone"],
  },
  {
    machine: "replicaset",
    births: [{ want: 1 }, { want: 0 }],
    object: (world) => ({
      ...meta(world),
      spec: { replicas: world["want"] },
      status: {
        observedGeneration: world["observed"] ?? 0,
        replicas: world["have"] ?? 0,
        conditions: world["fails"] === true ? [{ type: "ReplicaFailure", status: "True" }] : [],
      },
    }),
    writers: [
      edit("scale up", () => true, { want: 1, observed: 0 }),
      edit("scale down", () => true, { want: 0, observed: 0 }),
      edit("controller observes", () => true, { observed: 1 }),
      edit("pods exist", () => true, { have: 1, observed: 1 }),
      edit("pods are gone", () => true, { have: 0, observed: 1 }),
      edit("quota", () => true, { fails: true }),
      edit("quota is raised", (world) => world["fails"] === true, { fails: false }),
      deleteIt,
      remove,
    ],
    reaches: ["scaling", "stable", "blocked", "terminating", "gone"],
  },
  {
    machine: "namespace",
    births: [{}],
    object: (world) => ({
      ...meta(world),
      status: {
        conditions: [
          { type: "NamespaceDeletionContentFailure", status: world["blocked"] === true ? "True" : "False" },
          { type: "NamespaceFinalizersRemaining", status: world["waits"] === true ? "True" : "False" },
        ],
      },
    }),
    writers: [
      deleteIt,
      edit("content cannot go", (world) => !alive(world), { blocked: true }),
      edit("content goes", (world) => world["blocked"] === true, { blocked: false }),
      edit("finalizers remain", (world) => !alive(world), { waits: true }),
      edit("finalizers are done", (world) => world["waits"] === true, { waits: false }),
      remove,
    ],
    reaches: ["active", "terminating.emptying", "terminating.blocked", "terminating.finalizing", "gone"],
  },
];

for (const model of models) {
  test(`${model.machine}: on every legal edit the machine goes where the row shows`, (t) => {
    const { holes, reached, edges } = walk(model);
    t.deepEqual(holes, []);
    for (const state of model.reaches) t.true(reached.has(state), `${state} is reached`);
    t.true(edges >= 3);
  });
}

test("a row that skips what no writer may skip is a jump: the machine stays and the row wins", (t) => {
  const def = machines.get("pod")?.[0];
  if (def === undefined) return t.fail("no pod machine");
  const event = { type: "ready" };
  const result = evaluator.step(def, { id: "succeeded", context: {} }, event);
  t.true(result.ignored);
  t.is(result.next.id, "succeeded");
});
