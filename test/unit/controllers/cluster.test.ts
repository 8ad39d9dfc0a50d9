import test from "ava";
import type { Endpoints, EndpointSlice, Namespace, Node, Pod, Service } from "../../../src/kinds/generated/types.ts";
import type { Draft, KubeObject } from "../../../src/kinds/kind.ts";
import { kinds } from "../../../src/kinds/catalogue.ts";
import { createControllers } from "../../../src/actors/controllers/catalogue.ts";
import { defaultNamespaces } from "../../../src/actors/controllers/default-namespaces.ts";
import { eventTtl } from "../../../src/actors/controllers/event-ttl.ts";
import { createGarbageCollector } from "../../../src/actors/controllers/garbage-collector.ts";
import { createKubernetesService } from "../../../src/actors/controllers/kubernetes-service.ts";
import { createNamespaceController } from "../../../src/actors/controllers/namespace.ts";
import { createNodeIpam } from "../../../src/actors/controllers/node-ipam.ts";
import { createNodeLifecycle } from "../../../src/actors/controllers/node-lifecycle.ts";
import { podGc } from "../../../src/actors/controllers/pod-gc.ts";
import { createRootCa } from "../../../src/actors/controllers/root-ca.ts";
import { serviceaccount } from "../../../src/actors/controllers/serviceaccount.ts";
import { taintEviction } from "../../../src/actors/controllers/taint-eviction.ts";
import { formatTime } from "../../../src/util/time-format.ts";
import { start, World } from "./harness.ts";
import { podDraft, ready } from "./objects.ts";

function namespaceDraft(name: string): Draft {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name }, spec: { finalizers: ["kubernetes"] } };
}

function configMap(name: string, metadata: Partial<Draft["metadata"]> = {}): Draft {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "default", ...metadata } };
}

function ownedBy(...owners: readonly KubeObject[]): Partial<Draft["metadata"]> {
  const ownerReferences = owners.map(({ apiVersion, kind, metadata: { name, uid } }) => ({
    apiVersion,
    kind,
    name,
    uid,
    blockOwnerDeletion: true,
  }));
  return { ownerReferences };
}

test("the four namespaces, their account and their certificate are made and kept", (t) => {
  const world = new World();
  let certificate = "PEM 1";
  const all = [defaultNamespaces, serviceaccount, createRootCa(() => certificate)];
  world.settle(all);
  const names = ["default", "kube-node-lease", "kube-public", "kube-system"];
  t.deepEqual(
    world.all("namespaces").map(({ metadata }) => metadata.name),
    names,
  );
  for (const name of names) {
    t.true(world.has("serviceaccounts", name, "default"));
    t.like(world.get("configmaps", name, "kube-root-ca.crt"), { data: { "ca.crt": "PEM 1" } });
  }
  world.drop("serviceaccounts", "default", "default");
  certificate = "PEM 2";
  world.settle(all);
  t.true(world.has("serviceaccounts", "default", "default"));
  t.like(world.get("configmaps", "default", "kube-root-ca.crt"), { data: { "ca.crt": "PEM 2" } });
  t.deepEqual(world.restless(all), []);
});

test("a terminating namespace gets no account and no certificate", (t) => {
  const world = new World();
  world.delete("namespaces", world.add("namespaces", namespaceDraft("x")));
  world.settle([serviceaccount, createRootCa(() => "PEM")]);
  t.is(world.all("serviceaccounts").length + world.all("configmaps").length, 0);
});

test("the Service kubernetes points at the masters, and edits are undone", (t) => {
  const world = new World();
  world.add("namespaces", namespaceDraft("default"));
  let masters = [{ address: "10.0.0.1", port: 6443 }];
  const controller = createKubernetesService({ clusterIp: "10.43.0.1", servicePort: 443, masters: () => masters });
  world.settle([controller]);
  const service = world.get<Service>("services", "default", "kubernetes");
  t.is(service.spec.clusterIP, "10.43.0.1");
  t.like(service.spec.ports?.[0], { name: "https", port: 443, targetPort: 6443 });
  masters = [...masters, { address: "10.0.0.2", port: 6443 }];
  world.edit<Service>("services", service, (old) => ({ ...old, spec: { ...old.spec, ports: [] } }));
  world.settle([controller]);
  t.is(world.get<Service>("services", "default", "kubernetes").spec.ports?.length, 1);
  const ips = world.get<Endpoints>("endpoints", "default", "kubernetes").subsets?.[0]?.addresses?.map(({ ip }) => ip);
  t.deepEqual(ips, ["10.0.0.1", "10.0.0.2"]);
  const slice = world.get<EndpointSlice>("endpointslices.discovery.k8s.io", "default", "kubernetes");
  t.is(slice.endpoints?.length, 2);
  t.deepEqual(world.restless([controller]), []);
});

test("a namespace ends: pods first, then the rest, then itself; what holds it up is named", (t) => {
  const world = new World();
  const controller = createNamespaceController(kinds);
  const namespace = world.add("namespaces", namespaceDraft("default"));
  const draft = podDraft("a");
  const pod = world.add("pods", { ...draft, spec: { ...(draft["spec"] as object), nodeName: "n1" } });
  world.add("configmaps", configMap("plain"));
  const held = world.add("configmaps", configMap("held", { finalizers: ["example.com/hold"] }));
  world.settle([controller]);
  t.true(world.has("configmaps", "default", "plain"), "nothing happens while the namespace lives");
  world.delete("namespaces", namespace);
  world.settle([controller]);
  t.true(world.has("configmaps", "default", "plain"), "the pod is still ending");
  const message = (): string | undefined =>
    world
      .get<Namespace>("namespaces", "", "default")
      .status?.conditions?.find(({ type }) => type === "NamespaceContentRemaining")?.message;
  t.regex(message() ?? "", /^Some resources are remaining: configmaps\. has 2 resource instances, pods\. has 1 /);
  world.drop("pods", "default", pod.metadata.name);
  world.settle([controller]);
  t.false(world.has("configmaps", "default", "plain"));
  const conditions = world.get<Namespace>("namespaces", "", "default").status?.conditions;
  t.is(conditions?.length, 5);
  t.like(conditions?.at(-1), {
    status: "True",
    reason: "SomeFinalizersRemain",
    message: "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances",
  });
  t.deepEqual(world.restless([controller]), []);
  world.drop("configmaps", "default", held.metadata.name);
  world.settle([controller]);
  t.false(world.has("namespaces", "", "default"));
});

test("dependents whose owners are all gone are deleted; those with a living one lose the dead reference", (t) => {
  const world = new World();
  const controller = createGarbageCollector(kinds);
  const [a, b] = [world.add("configmaps", configMap("a")), world.add("configmaps", configMap("b"))];
  world.add("configmaps", configMap("of-a", ownedBy(a)));
  world.add("configmaps", configMap("of-both", ownedBy(a, b)));
  world.settle([controller]);
  t.is(world.all("configmaps").length, 4);
  world.drop("configmaps", "default", "a");
  world.add("configmaps", configMap("a"));
  world.settle([controller]);
  t.false(world.has("configmaps", "default", "of-a"), "an owner of the same name and another uid is another owner");
  t.deepEqual(
    world.get("configmaps", "default", "of-both").metadata.ownerReferences?.map(({ name }) => name),
    ["b"],
  );
});

test("the deletion of an owner plans its dependents", (t) => {
  const world = new World();
  const controller = createGarbageCollector(kinds);
  const owner = world.add("configmaps", configMap("a"));
  world.add("secrets", { ...configMap("s", ownedBy(owner)), kind: "Secret" });
  const previous = world.view().get("configmaps", "default", "a");
  world.drop("configmaps", "default", "a");
  const watch = controller.watches.find(({ kind }) => kind === "configmaps");
  t.deepEqual(watch?.keys(world.view(), previous, undefined), ["secrets|default|s"]);
});

test("foreground: the owner waits for its dependents, down the chain, and goes last", (t) => {
  const world = new World();
  const controller = createGarbageCollector(kinds);
  const top = world.add("configmaps", configMap("top"));
  const middle = world.add("configmaps", configMap("middle", ownedBy(top)));
  const leaf = world.add("configmaps", configMap("leaf", { ...ownedBy(middle), finalizers: ["example.com/hold"] }));
  world.delete("configmaps", top, undefined, "Foreground");
  world.settle([controller]);
  t.deepEqual(
    world.all("configmaps").map(({ metadata }) => [metadata.name, metadata.deletionTimestamp !== undefined]),
    [
      ["leaf", true],
      ["middle", true],
      ["top", true],
    ],
  );
  t.deepEqual(world.restless([controller]), []);
  world.drop("configmaps", "default", leaf.metadata.name);
  world.settle([controller]);
  t.is(world.all("configmaps").length, 0);
});

test("two objects that own each other both go in the foreground", (t) => {
  const world = new World();
  const controller = createGarbageCollector(kinds);
  const a = world.add("configmaps", configMap("a"));
  const b = world.add("configmaps", configMap("b", ownedBy(a)));
  world.edit("configmaps", a, (old) => ({ ...old, metadata: { ...old.metadata, ...ownedBy(b) } }) as KubeObject);
  world.delete("configmaps", a, undefined, "Foreground");
  world.settle([controller]);
  t.is(world.all("configmaps").length, 0);
});

test("orphan: dependents are let go, then the owner", (t) => {
  const world = new World();
  const controller = createGarbageCollector(kinds);
  const owner = world.add("configmaps", configMap("a"));
  world.add("configmaps", configMap("b", ownedBy(owner)));
  world.delete("configmaps", owner, undefined, "Orphan");
  world.settle([controller]);
  t.deepEqual(
    world.all("configmaps").map(({ metadata }) => metadata.name),
    ["b"],
  );
  t.is(world.get("configmaps", "default", "b").metadata.ownerReferences, undefined);
});

test("an owner in another namespace counts as absent and is said to be; its own dependents stay", (t) => {
  const world = new World();
  const controller = createGarbageCollector(kinds);
  const owner = world.add("configmaps", configMap("a", { namespace: "other" }));
  world.add("configmaps", configMap("real", { namespace: "other", ...ownedBy(owner) }));
  world.add("configmaps", configMap("false", ownedBy(owner)));
  world.settle([controller]);
  t.deepEqual(
    world.all("configmaps").map(({ metadata }) => metadata.name),
    ["a", "real"],
  );
  t.is(world.messages("OwnerRefInvalidNamespace").length, 1);
});

test("an owner of a kind that is not served is not taken for absent", (t) => {
  const world = new World();
  const controller = createGarbageCollector(kinds);
  const owner = { apiVersion: "example.com/v1", kind: "Thing", metadata: { name: "x", uid: "x" } };
  world.add("configmaps", configMap("a", ownedBy(owner as unknown as KubeObject)));
  world.settle([controller]);
  t.is(world.all("configmaps").length, 1);
});

function nodeDraft(name: string, labels: Readonly<Record<string, string>> = {}): Draft {
  const conditions = [{ type: "Ready", status: "True", lastTransitionTime: formatTime(start) }];
  return { apiVersion: "v1", kind: "Node", metadata: { name, labels }, spec: {}, status: { conditions } };
}

/** A world of `count` nodes in one zone, of which those in `silent` are heard no more. */
function withNodes(count: number, silent: (at: number) => boolean, zone = "z") {
  const world = new World();
  const health = {
    lastHeard: (name: string) => (silent(Number(name.slice(1))) ? undefined : { atMs: world.now }),
    listeningSinceMs: () => start,
    graceMs: 50_000,
  };
  for (let at = 0; at < count; at += 1) {
    world.add("nodes", nodeDraft(`n${at}`, { "topology.kubernetes.io/zone": zone }));
  }
  const lifecycle = createNodeLifecycle(health);
  return { world, lifecycle };
}

function taints(world: World, name: string): readonly string[] {
  const { spec } = world.get<Node>("nodes", "", name);
  return (spec.taints ?? []).map(({ key, effect }) => `${key.replace("node.kubernetes.io/", "")}:${effect}`);
}

function addPod(world: World, name: string, node: string, spec: Readonly<Record<string, unknown>> = {}): Pod {
  const draft = podDraft(name);
  const pod = world.add<Pod>("pods", { ...draft, spec: { ...(draft["spec"] as object), nodeName: node, ...spec } });
  ready(world, pod);
  return world.get<Pod>("pods", "default", name);
}

test("a silent node becomes Unknown after the grace, is tainted, and its pods go when they tolerate it no longer", (t) => {
  let isSilent = true;
  const { world, lifecycle } = withNodes(2, (at) => at === 0 && isSilent);
  const all = [lifecycle, taintEviction];
  const unreachable = { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute" };
  addPod(world, "web", "n0", { tolerations: [{ ...unreachable, tolerationSeconds: 300 }] });
  addPod(world, "daemon", "n0", { tolerations: [unreachable] });
  world.settle(all);
  t.deepEqual(world.messages("RegisteredNode")[0], "Node n0 event: Registered Node n0 in Controller");
  t.is(world.wakes.get("node-lifecycle n0"), start + 50_000);
  world.now = start + 49_999;
  world.settle(all);
  t.deepEqual(taints(world, "n0"), []);
  world.now = start + 50_000;
  world.settle(all);
  t.deepEqual(taints(world, "n0"), ["unreachable:NoSchedule", "unreachable:NoExecute"]);
  const conditions = world.get<Node>("nodes", "", "n0").status?.conditions ?? [];
  t.like(
    conditions.find(({ type }) => type === "Ready"),
    {
      status: "Unknown",
      reason: "NodeStatusUnknown",
      message: "Kubelet stopped posting node status.",
    },
  );
  t.is(conditions.find(({ type }) => type === "DiskPressure")?.reason, "NodeStatusNeverUpdated");
  t.deepEqual(world.messages("NodeNotReady").toSorted(), [
    "Node is not ready",
    "Node is not ready",
    "Node n0 status is now: NodeNotReady",
  ]);
  t.is(
    world.get<Pod>("pods", "default", "web").status?.conditions?.find(({ type }) => type === "Ready")?.status,
    "False",
  );
  t.deepEqual(world.restless(all), []);
  world.now = start + 349_000;
  world.settle(all);
  t.is(world.get("pods", "default", "web").metadata.deletionTimestamp, undefined);
  world.now = start + 350_000;
  world.settle(all);
  const web = world.get<Pod>("pods", "default", "web");
  t.not(web.metadata.deletionTimestamp, undefined);
  t.like(
    web.status?.conditions?.find(({ type }) => type === "DisruptionTarget"),
    { reason: "DeletionByTaintManager" },
  );
  t.deepEqual(world.messages("TaintManagerEviction"), ["Marking for deletion Pod default/web"]);
  t.is(world.get("pods", "default", "daemon").metadata.deletionTimestamp, undefined);
  isSilent = false;
  const node = world.get<Node>("nodes", "", "n0");
  world.setStatus("nodes", node, { conditions: [{ type: "Ready", status: "True" }] });
  world.settle(all);
  t.deepEqual(taints(world, "n0"), []);
});

test("silence counts only from when this leader began to listen", (t) => {
  const world = new World();
  world.add("nodes", nodeDraft("n0"));
  world.now = start + 45_000;
  const lifecycle = createNodeLifecycle({
    lastHeard: () => undefined,
    listeningSinceMs: () => start + 45_000,
    graceMs: 50_000,
  });
  world.now = start + 94_000;
  world.settle([lifecycle]);
  t.deepEqual(taints(world, "n0"), []);
});

test("if all nodes are silent, none is given up: the fault is ours", (t) => {
  const { world, lifecycle } = withNodes(1, () => true);
  world.now = start + 60_000;
  world.settle([lifecycle]);
  t.deepEqual(taints(world, "n0"), ["unreachable:NoSchedule"]);
  t.deepEqual(world.restless([lifecycle]), []);
});

test("if most of a small zone is silent, none of its nodes is given up", (t) => {
  const { world, lifecycle } = withNodes(10, (at) => at < 6);
  world.now = start + 60_000;
  world.settle([lifecycle]);
  const given = world.all<Node>("nodes").filter(({ metadata }) => taints(world, metadata.name).length > 1);
  t.true(given.length <= 3, "before the zone counted as partly silent at most three were given up");
  const before = given.length;
  world.now += 1_000_000;
  world.settle([lifecycle]);
  t.is(world.all<Node>("nodes").filter(({ metadata }) => taints(world, metadata.name).length > 1).length, before);
});

test("nodes of a zone are given up one after another", (t) => {
  const { world, lifecycle } = withNodes(8, (at) => at < 2);
  world.now = start + 60_000;
  world.settle([lifecycle]);
  t.deepEqual([taints(world, "n0").length, taints(world, "n1").length], [2, 1]);
  t.is(world.wakes.get("node-lifecycle n1"), world.now + 10_000);
  world.now += 10_000;
  world.settle([lifecycle]);
  t.is(taints(world, "n1").length, 2);
});

test("conditions and cordons become taints, and taints of users stay", (t) => {
  const { world, lifecycle } = withNodes(1, () => false);
  const node = world.get<Node>("nodes", "", "n0");
  const conditions = [
    { type: "Ready", status: "True" },
    { type: "DiskPressure", status: "True" },
  ];
  world.setStatus("nodes", node, { conditions });
  world.edit<Node>("nodes", node, (old) => ({
    ...old,
    spec: { unschedulable: true, taints: [{ key: "mine", effect: "NoExecute" }] },
  }));
  world.settle([lifecycle]);
  t.deepEqual(taints(world, "n0"), ["mine:NoExecute", "disk-pressure:NoSchedule", "unschedulable:NoSchedule"]);
  t.is(world.get<Node>("nodes", "", "n0").spec.taints?.[0]?.timeAdded, formatTime(world.now));
  t.deepEqual(world.restless([lifecycle]), []);
});

test("a pod that does not tolerate an evicting taint goes at once", (t) => {
  const world = new World();
  const draft = nodeDraft("n0");
  world.add("nodes", { ...draft, spec: { taints: [{ key: "mine", effect: "NoExecute" }] } });
  addPod(world, "a", "n0");
  world.settle([taintEviction]);
  t.not(world.get("pods", "default", "a").metadata.deletionTimestamp, undefined);
});

test("pods of a node that is gone are kept for a while and then removed as failed", (t) => {
  const world = new World();
  world.add("nodes", nodeDraft("n0"));
  addPod(world, "a", "n0");
  world.settle([podGc]);
  world.drop("nodes", "", "n0");
  world.settle([podGc]);
  t.is(world.wakes.get("pod-gc default/a"), world.now + 40_000);
  world.now += 30_000;
  world.add("nodes", nodeDraft("n0"));
  world.step(podGc, "default/a");
  t.is(
    world.get<Pod>("pods", "default", "a").status?.conditions?.some(({ type }) => type === "troupe.dev/NodeGone"),
    false,
  );
  world.drop("nodes", "", "n0");
  world.settle([podGc]);
  world.now += 39_000;
  world.settle([podGc]);
  t.true(world.has("pods", "default", "a"));
  world.now += 1_000;
  world.step(podGc, "default/a");
  const pod = world.get<Pod>("pods", "default", "a");
  t.is(pod.status?.phase, "Failed");
  t.like(
    pod.status?.conditions?.find(({ type }) => type === "DisruptionTarget"),
    {
      reason: "DeletionByPodGC",
      message: "PodGC: node no longer exists",
    },
  );
  world.settle([podGc]);
  t.false(world.has("pods", "default", "a"));
});

test("pods on a node that is out of service end at once, once they are deleted", (t) => {
  const world = new World();
  const draft = nodeDraft("n0");
  const taint = { key: "node.kubernetes.io/out-of-service", effect: "NoExecute" };
  world.add("nodes", {
    ...draft,
    spec: { taints: [taint] },
    status: { conditions: [{ type: "Ready", status: "Unknown" }] },
  });
  addPod(world, "kept", "n0");
  world.delete("pods", addPod(world, "going", "n0"));
  world.settle([podGc]);
  t.deepEqual(
    world.all("pods").map(({ metadata }) => metadata.name),
    ["kept"],
  );
});

test("each node gets a range of its own; services and preset ranges are left out; none left is said", (t) => {
  const world = new World();
  const ipam = createNodeIpam({ clusterCidr: "10.42.0.0/22", serviceCidr: "10.42.0.0/24" });
  world.add("nodes", { ...nodeDraft("preset"), spec: { podCIDR: "10.42.2.0/24", podCIDRs: ["10.42.2.0/24"] } });
  for (const name of ["a", "b", "c"]) world.add("nodes", nodeDraft(name));
  world.settle([ipam]);
  const range = (name: string): string | undefined => world.get<Node>("nodes", "", name).spec.podCIDR;
  t.deepEqual(["preset", "a", "b", "c"].map(range), ["10.42.2.0/24", "10.42.1.0/24", "10.42.3.0/24", undefined]);
  t.is(world.messages("CIDRNotAvailable")[0], "Node c status is now: CIDRNotAvailable");
  const previous = world.view().get("nodes", "", "a");
  world.drop("nodes", "", "a");
  t.deepEqual(
    ipam.watches.flatMap((watch) => watch.keys(world.view(), previous, undefined)),
    ["a", "c"],
  );
  world.step(ipam, "c");
  t.is(range("c"), "10.42.1.0/24");
});

test("Events go an hour after they were last seen", (t) => {
  const world = new World();
  const event = (name: string, lastTimestamp: string): Draft => ({
    apiVersion: "v1",
    kind: "Event",
    metadata: { name, namespace: "default" },
    involvedObject: { uid: "x" },
    lastTimestamp,
  });
  world.add("events", event("old", formatTime(start)));
  world.add("events", event("new", formatTime(start + 1_800_000)));
  world.settle([eventTtl]);
  t.is(world.all("events").length, 2);
  world.now = Math.min(...world.wakes.values());
  t.true(world.now >= start + 3_600_000 && world.now <= start + 3_900_000);
  world.settle([eventTtl]);
  t.deepEqual(
    world.all("events").map(({ metadata }) => metadata.name),
    ["new"],
  );
});

test("the catalogue names every controller once, and each declares kinds that exist", (t) => {
  const controllers = createControllers({
    kinds,
    api: { clusterIp: "10.43.0.1", servicePort: 443, masters: () => [] },
    certificate: () => "PEM",
    pods: { clusterCidr: "10.42.0.0/16", serviceCidr: "10.43.0.0/16" },
    nodes: { lastHeard: () => undefined, listeningSinceMs: () => start, graceMs: 50_000 },
  });
  t.is(new Set(controllers.map(({ name }) => name)).size, controllers.length);
  const ids = new Set(kinds.map(({ id }) => id));
  for (const { watches, writes } of controllers) {
    t.deepEqual(
      [...watches.map(({ kind }) => kind), ...writes].filter((id) => !ids.has(id)),
      [],
    );
  }
});
