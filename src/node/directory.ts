import type { ActorDirectory, ActorView } from "../actors/runtime/actor.ts";
import { actorName } from "../kinds/actor.ts";
import type { Pods } from "./pods/pods.ts";
import type { ProbeSupervisor } from "./probes/probes.ts";
import type { NodeTree } from "./tree.ts";

/** The agent's live actors as `kubectl get actors` shows them: the tree, then pods and their probes. */
export function actorDirectory(of: {
  readonly tree: NodeTree;
  readonly pods: Pods;
  readonly probes: ProbeSupervisor;
}): ActorDirectory {
  const root = of.tree.path;

  const list = (): readonly ActorView[] => {
    const pods = of.pods.list();
    const byUid = new Map(pods.map((pod) => [pod.uid, `${root}/pod/${pod.namespace}/${pod.name}`]));
    return [
      ...of.tree.views(),
      ...pods.map((pod): ActorView => ({
        path: byUid.get(pod.uid)!,
        machine: "node-pod",
        version: 1,
        state: pod.stage,
        since: pod.since,
        restarts: pod.restarts,
        mailbox: 0,
        supervisor: `${root}/pods`,
        status: pod.isHeld ? "held" : pod.failures > 0 || pod.isDown ? "backoff" : "live",
        ...(pod.lastError === undefined ? {} : { lastError: pod.lastError }),
      })),
      ...of.probes.list().map((probe): ActorView => ({
        path: `${byUid.get(probe.podUid) ?? root}/${probe.kind}/${probe.container}`,
        machine: "probe",
        version: 1,
        state: probe.state,
        since: probe.since,
        restarts: probe.restarts,
        mailbox: 0,
        supervisor: `${root}/probes`,
        status: probe.isDown ? "backoff" : "live",
        ...(probe.lastError === undefined ? {} : { lastError: probe.lastError }),
      })),
    ];
  };
  return { list, get: (name) => list().find(({ path }) => actorName(path) === name) };
}
