import test from "ava";
import fc from "fast-check";
import type { Node, Pod } from "../../../src/kinds/generated/types.ts";
import type { Draft } from "../../../src/kinds/kind.ts";
import { filters } from "../../../src/actors/scheduler/catalogue.ts";
import { nodeFacts, podFacts, type NodeFacts } from "../../../src/actors/scheduler/facts.ts";
import { unschedulableMessage } from "../../../src/actors/scheduler/message.ts";
import { schedule, totalScores } from "../../../src/actors/scheduler/schedule.ts";
import { createScheduler } from "../../../src/actors/scheduler/scheduler.ts";
import { balanced } from "../../../src/actors/scheduler/score/balanced.ts";
import { leastAllocated } from "../../../src/actors/scheduler/score/least-allocated.ts";
import type { RowRef, TimedView } from "../../../src/store/view.ts";
import { World } from "../controllers/harness.ts";

function podOf(name: string, spec: Readonly<Record<string, unknown>> = {}): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default", uid: name, creationTimestamp: "2030-01-01T00:00:00Z" },
    spec: { containers: [{ name: "main" }], ...spec },
  } as unknown as Pod;
}

function asking(requests: Readonly<Record<string, string>>): Readonly<Record<string, unknown>> {
  return { containers: [{ name: "main", resources: { requests } }] };
}

function nodeOf(
  name: string,
  spec: Readonly<Record<string, unknown>> = {},
  allocatable: Readonly<Record<string, string>> = { cpu: "4", memory: "32Gi", pods: "110" },
): Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, uid: name, labels: { "kubernetes.io/hostname": name, disk: "3" } },
    spec,
    status: { allocatable },
  } as unknown as Node;
}

function facts(node: Node, ...pods: readonly Pod[]): NodeFacts {
  return nodeFacts(node, pods.map(podFacts));
}

/** The reasons of the only node. */
function refusal(pod: Pod, node: Node, ...others: readonly Pod[]): string {
  const decision = schedule(pod, [node], new Map([[node.metadata.name, others]]));
  if ("node" in decision) return "fits";
  return unschedulableMessage(podFacts(pod), decision.refusals);
}

const helpless = "1 Preemption is not helpful for scheduling";
const noVictims = "1 No preemption victims found for incoming pod";

function sentence(reason: string, preemption: string): string {
  return `0/1 nodes are available: ${reason}. preemption: 0/1 nodes are available: ${preemption}.`;
}

test("each filter refuses in Kubernetes' words, with the preemption that would not help", (t) => {
  const cases: readonly (readonly [string, Pod, Node, readonly Pod[], string])[] = [
    [
      "cordoned",
      podOf("p"),
      nodeOf("n", { unschedulable: true }),
      [],
      sentence("1 node(s) were unschedulable", helpless),
    ],
    [
      "tainted",
      podOf("p"),
      nodeOf("n", { taints: [{ key: "a", effect: "NoExecute" }] }),
      [],
      sentence("1 node(s) had untolerated taint(s)", helpless),
    ],
    [
      "selector",
      podOf("p", { nodeSelector: { disk: "ssd" } }),
      nodeOf("n"),
      [],
      sentence("1 node(s) didn't match Pod's node affinity/selector", helpless),
    ],
    [
      "port",
      podOf("p", { containers: [{ name: "c", ports: [{ containerPort: 1, hostPort: 80, hostIP: "10.0.0.1" }] }] }),
      nodeOf("n"),
      [podOf("q", { containers: [{ name: "c", ports: [{ containerPort: 1, hostPort: 80 }] }] })],
      sentence("1 node(s) didn't have free ports for the requested pod ports", noVictims),
    ],
    [
      "udp is another port",
      podOf("p", { containers: [{ name: "c", ports: [{ containerPort: 1, hostPort: 80, protocol: "UDP" }] }] }),
      nodeOf("n"),
      [podOf("q", { containers: [{ name: "c", ports: [{ containerPort: 1, hostPort: 80 }] }] })],
      "fits",
    ],
    [
      "taken cpu",
      podOf("p", asking({ cpu: "3" })),
      nodeOf("n"),
      [podOf("q", asking({ cpu: "1500m" }))],
      sentence("1 Insufficient cpu", noVictims),
    ],
    [
      "more than the node has",
      podOf("p", asking({ cpu: "5", memory: "33Gi" })),
      nodeOf("n"),
      [],
      sentence("1 Insufficient cpu, 1 Insufficient memory", helpless),
    ],
    [
      "an unknown resource",
      podOf("p", asking({ "example.com/gpu": "1" })),
      nodeOf("n"),
      [],
      sentence("1 Insufficient example.com/gpu", helpless),
    ],
    [
      "too many pods",
      podOf("p"),
      nodeOf("n", {}, { cpu: "4", memory: "1Gi", pods: "1" }),
      [podOf("q")],
      sentence("1 Too many pods", noVictims),
    ],
    [
      "a full node takes a pod that asks for nothing",
      podOf("p"),
      nodeOf("n"),
      [podOf("q", asking({ cpu: "4" }))],
      "fits",
    ],
    [
      "never preempts",
      podOf("p", { ...asking({ cpu: "5" }), preemptionPolicy: "Never" }),
      nodeOf("n"),
      [],
      "0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never.",
    ],
  ];
  for (const [name, pod, node, others, expected] of cases) {
    t.is(refusal(pod, node, ...others), expected, name);
  }
});

test("without nodes the message says so, and reasons are counted and sorted as texts", (t) => {
  t.is(unschedulableMessage(podFacts(podOf("p")), new Map()), "no nodes available to schedule pods");
  const nodes = [nodeOf("a", { unschedulable: true }), nodeOf("b"), nodeOf("c")];
  const decision = schedule(podOf("p", asking({ cpu: "9" })), nodes, new Map());
  t.true("refusals" in decision);
  if (!("refusals" in decision)) return;
  t.is(
    unschedulableMessage(podFacts(podOf("p")), decision.refusals),
    "0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu. " +
      "preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
  );
});

test("tolerations match by key, value and effect", (t) => {
  const taint = { key: "a", value: "b", effect: "NoSchedule" };
  const fits = (toleration: Readonly<Record<string, unknown>>): boolean =>
    refusal(podOf("p", { tolerations: [toleration] }), nodeOf("n", { taints: [taint] })) === "fits";
  t.true(fits({ operator: "Exists" }));
  t.true(fits({ key: "a", operator: "Exists" }));
  t.true(fits({ key: "a", value: "b" }));
  t.true(fits({ key: "a", operator: "Equal", value: "b", effect: "NoSchedule" }));
  t.false(fits({ key: "a", value: "c" }));
  t.false(fits({ key: "a", operator: "Exists", effect: "NoExecute" }));
  t.false(fits({ key: "x", operator: "Exists" }));
  const cordoned = { key: "node.kubernetes.io/unschedulable", operator: "Exists" };
  t.is(refusal(podOf("p", { tolerations: [cordoned] }), nodeOf("n", { unschedulable: true })), "fits");
});

test("required node affinity: terms are alternatives, expressions all hold, an empty term matches nothing", (t) => {
  const fits = (...nodeSelectorTerms: readonly unknown[]): boolean => {
    const required = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } };
    return refusal(podOf("p", { affinity: { nodeAffinity: required } }), nodeOf("n")) === "fits";
  };
  const disk = (operator: string, ...values: string[]): unknown => ({
    matchExpressions: [{ key: "disk", operator, values }],
  });
  t.false(fits({}));
  t.true(fits({}, disk("In", "3", "4")));
  t.false(fits(disk("NotIn", "3")));
  t.true(fits(disk("Exists")));
  t.false(fits(disk("DoesNotExist")));
  t.true(fits(disk("Gt", "2")));
  t.false(fits(disk("Gt", "3")));
  t.true(fits(disk("Lt", "4")));
  t.true(fits({ matchExpressions: [{ key: "none", operator: "NotIn", values: ["x"] }] }));
  t.true(fits({ matchFields: [{ key: "metadata.name", operator: "In", values: ["n"] }] }));
  const other = { matchFields: [{ key: "metadata.name", operator: "In", values: ["m"] }] };
  t.false(fits(other));
  const required = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [other] } };
  t.is(
    refusal(podOf("p", { affinity: { nodeAffinity: required } }), nodeOf("n")),
    sentence("1 node(s) didn't satisfy plugin(s) [NodeAffinity]", helpless),
  );
});

test("a pod needs what its widest moment needs", (t) => {
  const container = (cpu: string, restartPolicy?: string): unknown => ({
    name: "c",
    resources: { requests: { cpu } },
    ...(restartPolicy === undefined ? {} : { restartPolicy }),
  });
  const cpu = (spec: Readonly<Record<string, unknown>>): number | undefined =>
    podFacts(podOf("p", spec)).request["cpu"];
  t.is(cpu({ containers: [container("1"), container("500m")] }), 1500);
  t.is(cpu({ containers: [container("1")], initContainers: [container("3")] }), 3000);
  t.is(cpu({ containers: [container("1")], initContainers: [container("2", "Always"), container("3")] }), 5000);
  t.is(cpu({ containers: [container("1")], initContainers: [container("3"), container("2", "Always")] }), 3000);
  t.is(cpu({ containers: [container("1")], overhead: { cpu: "250m" } }), 1250);
  t.is(cpu({ containers: [container("1")], resources: { requests: { cpu: "7" } } }), 7000);
});

test("the arithmetic of the scores is Kubernetes'", (t) => {
  const node = facts(nodeOf("n"), podOf("q", asking({ cpu: "1", memory: "2Gi" })));
  const pod = podFacts(podOf("p", asking({ cpu: "100m", memory: "500Mi" })));
  t.is(leastAllocated.raw(pod, node), 82);
  t.is(balanced.raw(pod, node), 90);
  const idle = podFacts(podOf("p"));
  t.is(balanced.raw(idle, node), 0);
  t.deepEqual(idle.assumed, { cpu: 100, memory: 209_715_200 });
});

test("taint preference is spread over the nodes that can take the pod only", (t) => {
  const prefer = (count: number): unknown[] =>
    Array.from({ length: count }, (_, at) => ({ key: `k${at}`, effect: "PreferNoSchedule" }));
  const pod = podFacts(podOf("p"));
  const nodes = [0, 1, 2].map((count) => facts(nodeOf(`n${count}`, { taints: prefer(count) })));
  const base = totalScores(pod, [nodes[0]!])[0]! - 300;
  t.deepEqual(
    totalScores(pod, nodes).map((total) => total - base),
    [300, 150, 0],
  );
  t.deepEqual(
    totalScores(pod, nodes.slice(0, 2)).map((total) => total - base),
    [300, 0],
  );
});

test("preferred node affinity counts twice its share of the highest sum of weights", (t) => {
  const term = (weight: number, value: string): unknown => ({
    weight,
    preference: { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: [value] }] },
  });
  const preferred = { preferredDuringSchedulingIgnoredDuringExecution: [term(10, "a"), term(5, "b")] };
  const pod = podOf("p", { affinity: { nodeAffinity: preferred } });
  const nodes = ["a", "b", "c"].map((name) => nodeOf(name));
  const totals = totalScores(
    podFacts(pod),
    nodes.map((node) => facts(node)),
  );
  t.deepEqual(
    totals.map((total) => total - totals[2]!),
    [200, 100, 0],
  );
});

test("property: the chosen node fits, no better one was passed over, and the first of equals wins", (t) => {
  const amount = fc
    .integer({ min: 0, max: 40 })
    .map((tenths) => ({ cpu: `${tenths * 100}m`, memory: `${tenths * 100}Mi` }));
  const world = fc.array(fc.tuple(fc.boolean(), fc.array(amount, { maxLength: 4 })), { maxLength: 6 });
  fc.assert(
    fc.property(world, amount, (nodes, request) => {
      const rows = nodes.map(([unschedulable], at) =>
        nodeOf(`n${at}`, { unschedulable }, { cpu: "4", memory: "4Gi", pods: "4" }),
      );
      const pods = new Map(
        nodes.map(([, list], at) => [`n${at}`, list.map((each, pod) => podOf(`${at}-${pod}`, asking(each)))]),
      );
      const pod = podOf("p", asking(request));
      const all = rows.map((node) => facts(node, ...(pods.get(node.metadata.name) ?? [])));
      const feasible = all.filter((node) =>
        filters.every((filter) => filter.refuse(podFacts(pod), node) === undefined),
      );
      const decision = schedule(pod, rows, pods);
      if ("refusals" in decision) {
        t.is(feasible.length, 0);
        t.is(decision.refusals.size, rows.length);
        return;
      }
      const totals = totalScores(podFacts(pod), feasible);
      t.is(decision.node, feasible[totals.indexOf(Math.max(...totals))]!.name);
    }),
  );
});

function pendingDraft(name: string, spec: Readonly<Record<string, unknown>> = {}): Draft {
  const { metadata, ...pod } = podOf(name, spec);
  return { ...pod, metadata: { name, namespace: "default", labels: metadata.labels ?? {} } };
}

function nodeDraft(name: string, cpu: string): Draft {
  const { metadata, ...node } = nodeOf(name, {}, { cpu, memory: "8Gi", pods: "110" });
  return { ...node, metadata: { name, labels: metadata.labels ?? {} } };
}

function placeOf(world: World, name: string): string {
  return world.get<Pod>("pods", "default", name).spec.nodeName ?? "";
}

test("a pod is bound, and an Event says where", (t) => {
  const world = new World();
  world.add("nodes", nodeDraft("n1", "4"));
  world.add("pods", pendingDraft("web"));
  const scheduler = createScheduler();
  world.settle([scheduler]);
  t.is(placeOf(world, "web"), "n1");
  t.deepEqual(world.messages("Scheduled"), ["Successfully assigned default/web to n1"]);
  t.deepEqual(world.restless([scheduler]), []);
});

test("a pod without a node says why once, and is placed as soon as room is made", (t) => {
  const world = new World();
  world.add("nodes", nodeDraft("n1", "1"));
  const scheduler = createScheduler();
  const first = world.add<Pod>("pods", pendingDraft("first", asking({ cpu: "800m" })));
  world.settle([scheduler]);
  world.add("pods", pendingDraft("second", asking({ cpu: "800m" })));
  world.settle([scheduler]);
  const message = sentence("1 Insufficient cpu", noVictims);
  t.deepEqual(world.messages("FailedScheduling"), [message]);
  const second = world.get<Pod>("pods", "default", "second");
  t.like(second.status?.conditions?.[0], { type: "PodScheduled", status: "False", reason: "Unschedulable", message });
  t.deepEqual(world.restless([scheduler]), []);

  const [podWatch] = scheduler.watches;
  const previous = world.view().get("pods", "default", "first");
  world.drop("pods", "default", first.metadata.name);
  t.deepEqual(podWatch?.keys(world.view(), previous, undefined), ["default/second"]);
  world.step(scheduler, "default/second");
  t.is(placeOf(world, "second"), "n1");
});

test("changes of nodes that may help wake all waiting pods; heartbeats wake none", (t) => {
  const world = new World();
  const node = world.add<Node>("nodes", nodeDraft("n1", "1"));
  world.add("pods", pendingDraft("a"));
  world.add("pods", pendingDraft("b", { priority: 10 }));
  const nodeWatch = createScheduler().watches[1]!;
  const keysAfter = (change: () => void): readonly string[] => {
    const previous = world.view().get("nodes", "", "n1");
    change();
    return nodeWatch.keys(world.view(), previous, world.view().get("nodes", "", "n1"));
  };
  const status = { ...node.status, conditions: [{ type: "Ready", status: "True" }] };
  t.deepEqual(
    keysAfter(() => world.setStatus("nodes", node, status)),
    [],
  );
  const larger = { ...status, allocatable: { cpu: "2", memory: "8Gi", pods: "110" } };
  const all = ["default/b", "default/a"];
  t.deepEqual(
    keysAfter(() => world.setStatus("nodes", node, larger)),
    all,
  );
  t.deepEqual(
    keysAfter(() => world.edit<Node>("nodes", node, (old) => ({ ...old, spec: { taints: [] } }))),
    all,
  );
});

test("whatever key comes first, a pod of higher priority that was not tried yet is placed before", (t) => {
  const world = new World();
  world.add("nodes", nodeDraft("n1", "1"));
  world.add("pods", pendingDraft("a", asking({ cpu: "800m" })));
  world.add("pods", pendingDraft("b", { ...asking({ cpu: "800m" }), priority: 10 }));
  const scheduler = createScheduler();
  t.true(world.step(scheduler, "default/a").more);
  t.is(placeOf(world, "b"), "n1");
  world.step(scheduler, "default/a");
  t.is(placeOf(world, "a"), "");
});

test("a plan looks at the pods of the nodes and at urgent ones, not at thousands that wait", (t) => {
  const world = new World();
  world.add("nodes", nodeDraft("n1", "1"));
  for (let i = 0; i < 300; i++) world.add("pods", pendingDraft(`w${i}`, asking({ cpu: "9" })));
  world.add("pods", pendingDraft("b", { priority: 10 }));
  const view = world.view();
  let seen = 0;
  const counted = {
    now: view.now,
    revision: view.revision,
    get: view.get.bind(view),
    list: view.list.bind(view),
    index: (...asked: Parameters<typeof view.index>) => {
      const rows = view.index(...asked);
      seen += rows.length;
      return rows;
    },
  };
  t.true(createScheduler().plan(counted, "default/w7").more, "the urgent one goes first");
  t.true(seen < 10, `${seen} rows`);
});

test("the pods of a node are looked at again when they have changed, not for each pod that is placed", (t) => {
  const world = new World();
  for (const name of ["n1", "n2"]) world.add("nodes", nodeDraft(name, "4"));
  world.add("pods", pendingDraft("a"));
  const base = world.view();
  const stamps = new Map<string, object>();
  let revision = base.revision;
  const scheduler = createScheduler();
  const looked = (): string => {
    const nodes: string[] = [];
    revision += 1;
    scheduler.plan(
      {
        now: base.now,
        revision,
        get: base.get.bind(base),
        list: base.list.bind(base),
        index: (kind, name, value) => {
          if (name === "node") nodes.push(value);
          return base.index(kind, name, value);
        },
        indexStamp: (_kind, _name, value) => stamps.get(value),
      },
      "default/a",
    );
    return nodes.join(" ");
  };
  t.is(looked(), "n1 n2");
  t.is(looked(), "n1 n2", "nothing says that they are the same");
  for (const name of ["n1", "n2"]) stamps.set(name, {});
  t.is(looked(), "n1 n2");
  t.is(looked(), "");
  stamps.set("n2", {});
  t.is(looked(), "n2");
  scheduler.seed?.(base);
  t.is(looked(), "n1 n2");
});

test("a refused binding is recorded on the pod and does not hold up others", (t) => {
  const world = new World();
  world.add("nodes", nodeDraft("n1", "4"));
  world.add("pods", pendingDraft("bad", { priority: 10 }));
  world.add("pods", pendingDraft("good"));
  world.refuse = (write) =>
    write.op === "update" && write.subresource === "binding" && write.object.metadata.name === "bad"
      ? { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", code: 409, message: "is busy" }
      : undefined;
  const scheduler = createScheduler();
  world.step(scheduler, "default/good");
  world.step(scheduler, "default/good");
  t.is(placeOf(world, "good"), "n1");
  t.like(world.get<Pod>("pods", "default", "bad").status?.conditions?.[0], {
    reason: "SchedulerError",
    message: "binding rejected: is busy",
  });
});

test("gated, terminating and foreign pods are left alone", (t) => {
  const world = new World();
  world.add("nodes", nodeDraft("n1", "4"));
  world.add("pods", pendingDraft("gated", { schedulingGates: [{ name: "wait" }] }));
  world.add("pods", pendingDraft("foreign", { schedulerName: "other" }));
  const scheduler = createScheduler();
  world.settle([scheduler]);
  t.is(placeOf(world, "gated"), "");
  t.is(placeOf(world, "foreign"), "");
  t.like(world.get<Pod>("pods", "default", "gated").status?.conditions?.[0], {
    reason: "SchedulingGated",
    message: "Scheduling is blocked due to non-empty scheduling gates",
  });
});

test("pods spread over equal nodes, and ended pods take no room", (t) => {
  const world = new World();
  for (const name of ["n1", "n2", "n3"]) world.add("nodes", nodeDraft(name, "1"));
  const scheduler = createScheduler();
  for (const name of ["a", "b", "c"]) world.add("pods", pendingDraft(name, asking({ cpu: "600m" })));
  world.settle([scheduler]);
  t.deepEqual(
    ["a", "b", "c"].map((name) => placeOf(world, name)),
    ["n1", "n2", "n3"],
  );
  world.setStatus("pods", world.get("pods", "default", "b"), { phase: "Succeeded" });
  world.add("pods", pendingDraft("d", asking({ cpu: "600m" })));
  world.settle([scheduler]);
  t.is(placeOf(world, "d"), "n2");
});

test("however many pods wait, the plan of one decodes none of the others", (t) => {
  const world = new World();
  const count = 2_500;
  for (let at = 0; at < count; at += 1) world.add("pods", pendingDraft(`p${at}`));
  let decoded = 0;
  const counting = (row: RowRef): RowRef => ({
    ...row,
    object: () => {
      decoded += 1;
      return row.object();
    },
  });
  const view = world.view();
  const counted: TimedView = {
    revision: view.revision,
    now: view.now,
    list: (kind, options) => view.list(kind, options),
    get: (kind, namespace, name) => view.get(kind, namespace, name),
    index: (kind, index, value) => view.index(kind, index, value).map(counting),
  };
  const scheduler = createScheduler();
  scheduler.plan(counted, "default/p0");
  scheduler.plan({ ...counted, revision: view.revision + 1 }, "default/p1");
  scheduler.plan({ ...counted, revision: view.revision + 2 }, "default/p2");
  t.is(decoded, 0);
});
