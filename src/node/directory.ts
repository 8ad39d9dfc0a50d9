import type { ActorDirectory, ActorView } from "../actors/runtime/actor.ts";
import type { NodeLink } from "./link/client.ts";
import type { Pods } from "./pods/pods.ts";
import type { ProbeSupervisor } from "./probes/probes.ts";

/** The agent's live actors as `kubectl get actors` shows them. */
export function actorDirectory(
  node: string,
  of: { readonly pods: Pods; readonly probes: ProbeSupervisor; readonly link: NodeLink },
): ActorDirectory {
  const root = `/node/${node}`;
  const plain = { version: 1, since: 0, restarts: 0, mailbox: 0, status: "live" } as const;

  const list = (): readonly ActorView[] => {
    const pods = of.pods.list();
    const byUid = new Map(pods.map((pod) => [pod.uid, `${root}/pod/${pod.namespace}/${pod.name}`]));
    return [
      { ...plain, path: root, machine: "agent", state: "running", supervisor: "keeper" },
      { ...plain, path: `${root}/link`, machine: "link", state: of.link.state, supervisor: root },
      ...pods.map((pod): ActorView => ({
        ...plain,
        path: byUid.get(pod.uid)!,
        machine: "node-pod",
        state: pod.stage,
        since: pod.since,
        restarts: pod.failures,
        supervisor: root,
        status: pod.failures > 0 ? "backoff" : "live",
        ...(pod.lastError === undefined ? {} : { lastError: pod.lastError }),
      })),
      ...of.probes.list().map(({ podUid, container, kind, state }): ActorView => {
        const supervisor = byUid.get(podUid) ?? root;
        return { ...plain, path: `${supervisor}/${kind}/${container}`, machine: "probe", state, supervisor };
      }),
    ];
  };
  return {
    list,
    get: (name) => list().find(({ path }) => path.slice(1).replaceAll("/", ".").toLowerCase() === name),
  };
}
