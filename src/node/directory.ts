import type { ActorDirectory, ActorView } from "../actors/runtime/actor.ts";
import { actorName } from "../kinds/actor.ts";
import { jsonEqual } from "../util/equal.ts";
import type { Pods, PodView } from "./pods/pods.ts";
import type { ProbeSupervisor, ProbeView } from "./probes/probes.ts";
import type { NodeTree } from "./tree.ts";

/**
 * The agent's live actors as `kubectl get actors` shows them: the tree, then pods and their probes. While they
 * stand as they stood, the list is the same object: whoever sends it on compares nothing else.
 */
export function actorDirectory(of: {
  readonly tree: NodeTree;
  readonly pods: Pods;
  readonly probes: ProbeSupervisor;
}): ActorDirectory {
  const root = of.tree.path;
  const shown = new WeakMap<PodView | ProbeView, ActorView>();
  let [pods, probes]: [readonly PodView[], readonly ProbeView[]] = [[], []];
  let parts: readonly ActorView[] = [];
  let views: readonly ActorView[] = [];

  const pathOf = ({ namespace, name }: PodView): string => `${root}/pod/${namespace}/${name}`;
  const join = (): readonly ActorView[] => {
    const byUid = new Map(pods.map((pod) => [pod.uid, pod]));
    return [
      ...parts,
      ...pods.map((pod) => kept(shown, pod, () => podView(root, pathOf(pod), pod))),
      ...probes.map((probe) =>
        kept(shown, probe, () => {
          const pod = byUid.get(probe.podUid);
          return probeView(root, pod === undefined ? root : pathOf(pod), probe);
        }),
      ),
    ];
  };
  const list = (): readonly ActorView[] => {
    const [newParts, newPods, newProbes] = [of.tree.views(), of.pods.list(), of.probes.list()];
    const areSame = newPods === pods && newProbes === probes && jsonEqual(newParts, parts);
    if (areSame) return views;
    [parts, pods, probes] = [newParts, newPods, newProbes];
    return (views = join());
  };
  return { list, get: (name) => list().find(({ path }) => actorName(path) === name) };
}

function kept<K extends object, V>(memo: WeakMap<K, V>, key: K, make: () => V): V {
  const before = memo.get(key);
  if (before !== undefined) return before;
  const made = make();
  memo.set(key, made);
  return made;
}

function podView(root: string, path: string, pod: PodView): ActorView {
  return {
    path,
    machine: "node-pod",
    version: 1,
    state: pod.stage,
    since: pod.since,
    restarts: pod.restarts,
    mailbox: 0,
    supervisor: `${root}/pods`,
    status: pod.isHeld ? "held" : pod.failures > 0 || pod.isDown ? "backoff" : "live",
    ...(pod.lastError === undefined ? {} : { lastError: pod.lastError }),
  };
}

function probeView(root: string, pod: string, probe: ProbeView): ActorView {
  return {
    path: `${pod}/${probe.kind}/${probe.container}`,
    machine: "probe",
    version: 1,
    state: probe.state,
    since: probe.since,
    restarts: probe.restarts,
    mailbox: 0,
    supervisor: `${root}/probes`,
    status: probe.isDown ? "backoff" : "live",
    ...(probe.lastError === undefined ? {} : { lastError: probe.lastError }),
  };
}
