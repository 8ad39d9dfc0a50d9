/** Objects that the controllers' tests start from. */
import type { Deployment, Pod, ReplicaSet } from "../../../src/kinds/generated/types.ts";
import type { Draft } from "../../../src/kinds/kind.ts";
import { formatTime } from "../../../src/util/time-format.ts";
import { isActive, isReady } from "../../../src/actors/controllers/common/pods.ts";
import type { World } from "./harness.ts";

export function deploymentDraft(name: string, spec: Readonly<Record<string, unknown>> = {}): Draft {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: "default" },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: template(name, "image:1"),
      strategy: {
        type: "RollingUpdate",
        rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" },
      },
      progressDeadlineSeconds: 600,
      revisionHistoryLimit: 10,
      ...spec,
    },
  };
}

export function replicaSetDraft(name: string, spec: Readonly<Record<string, unknown>> = {}): Draft {
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name, namespace: "default", labels: { app: name } },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: template(name, "image:1"),
      ...spec,
    },
  };
}

export function template(app: string, image: string): Deployment["spec"]["template"] {
  return {
    metadata: { labels: { app } },
    spec: { containers: [{ name: "main", image }] },
  } as unknown as Deployment["spec"]["template"];
}

export function podDraft(name: string, labels: Readonly<Record<string, string>> = {}): Draft {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default", labels },
    spec: { containers: [{ name: "main", image: "image:1" }] },
  };
}

export function setImage(image: string): (object: Deployment) => Deployment {
  return (object) => ({
    ...object,
    spec: {
      ...object.spec,
      template: {
        ...object.spec.template,
        spec: { ...object.spec.template.spec, containers: [{ name: "main", image }] },
      },
    },
  });
}

export function setSpec<O extends Deployment | ReplicaSet>(
  changes: Readonly<Record<string, unknown>>,
): (object: O) => O {
  return (object) => ({ ...object, spec: { ...object.spec, ...changes } });
}

export function ready(world: World, pod: Pod, isNowReady = true): void {
  world.setStatus("pods", pod, {
    ...pod.status,
    phase: "Running",
    conditions: [
      ...(pod.status?.conditions ?? []).filter(({ type }) => type !== "Ready"),
      {
        type: "Ready",
        status: isNowReady ? "True" : "False",
        lastTransitionTime: formatTime(world.now),
      },
    ],
  });
}

/** A node agent for all pods: assigned, running and ready if `works`; terminating ones end. */
export function kubelet(world: World, works: (pod: Pod) => boolean = () => true): boolean {
  let acted = false;
  for (const pod of world.all<Pod>("pods")) {
    if (pod.metadata.deletionTimestamp !== undefined) {
      world.drop("pods", pod.metadata.namespace ?? "", pod.metadata.name);
      acted = true;
    } else if (isActive(pod) && !isReady(pod) && works(pod)) {
      if ((pod.spec.nodeName ?? "") === "") {
        world.edit<Pod>("pods", pod, (old) => ({ ...old, spec: { ...old.spec, nodeName: "n1" } }));
      }
      ready(world, world.get<Pod>("pods", pod.metadata.namespace ?? "", pod.metadata.name));
      acted = true;
    }
  }
  return acted;
}
