import type { Pod } from "../../src/kinds/generated/types.ts";
import type { Cluster, Manifest } from "../../src/testing/cluster.ts";

/** Manifests as users write them, and what tests ask of a cluster again and again. */

export interface PodShape {
  readonly image?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Default: none, so the pod is ready as soon as it runs. */
  readonly readinessProbe?: boolean;
  readonly requests?: Readonly<Record<string, string>>;
  readonly spec?: Readonly<Record<string, unknown>>;
}

export function podSpec({ image = "web:1", readinessProbe = false, requests, spec = {} }: PodShape = {}): object {
  const probe = { httpGet: { path: "/", port: 80 }, periodSeconds: 1 };
  return {
    containers: [
      {
        name: "app",
        image,
        ports: [{ containerPort: 80 }],
        ...(readinessProbe ? { readinessProbe: probe } : {}),
        ...(requests === undefined ? {} : { resources: { requests } }),
      },
    ],
    ...spec,
  };
}

export function pod(
  name: string,
  shape: PodShape & { readonly labels?: Readonly<Record<string, string>> } = {},
): Manifest {
  const { labels = { app: name }, annotations = {} } = shape;
  return { apiVersion: "v1", kind: "Pod", metadata: { name, labels, annotations }, spec: podSpec(shape) };
}

export function deployment(
  name: string,
  spec: Readonly<Record<string, unknown>> = {},
  shape: PodShape = {},
  namespace?: string,
): Manifest {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name }, annotations: shape.annotations ?? {} },
        spec: podSpec(shape),
      },
      ...spec,
    },
  };
}

export function replicaSet(name: string, replicas: number, shape: PodShape = {}): Manifest {
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: podSpec(shape) },
    },
  };
}

export function service(name: string, spec: Readonly<Record<string, unknown>> = {}): Manifest {
  const ports = [{ name: "http", port: 80, targetPort: 80 }];
  return { apiVersion: "v1", kind: "Service", metadata: { name }, spec: { selector: { app: name }, ports, ...spec } };
}

export function configMap(name: string, data: Readonly<Record<string, string>> = {}): Manifest {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data };
}

export function namespace(name: string): Manifest {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name } };
}

/** Pods of an `app` that are not on their way out. */
export function alive(cluster: Cluster, app: string): readonly Pod[] {
  return cluster
    .list("pods")
    .filter(({ metadata }) => metadata.labels?.["app"] === app && metadata.deletionTimestamp === undefined);
}

export function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.find(({ type }) => type === "Ready")?.status === "True";
}

export function imageOf(pod: Pod): string {
  return pod.spec.containers[0]!.image ?? "";
}

/** Lets time pass until the Deployment's newest template runs everywhere. */
export async function rolledOut(cluster: Cluster, name: string, withinMs = 120_000): Promise<void> {
  await cluster.until(
    () => {
      const found = cluster.get("deployments.apps", name);
      if (found === undefined) return false;
      const { metadata, spec, status = {} } = found;
      const replicas = spec.replicas ?? 1;
      return (
        status.observedGeneration === metadata.generation &&
        (status.replicas ?? 0) === replicas &&
        (status.updatedReplicas ?? 0) === replicas &&
        (status.availableReplicas ?? 0) === replicas
      );
    },
    { withinMs },
  );
}

export function condition(
  conditions:
    | readonly { readonly type: string; readonly status: string; readonly reason?: string; readonly message?: string }[]
    | undefined,
  type: string,
): { readonly status: string; readonly reason: string; readonly message: string } | undefined {
  const found = conditions?.find((each) => each.type === type);
  if (found === undefined) return undefined;
  return { status: found.status, reason: found.reason ?? "", message: found.message ?? "" };
}

export async function setImage(cluster: Cluster, name: string, image: string): Promise<void> {
  const body = { spec: { template: { spec: { containers: [{ name: "app", image }] } } } };
  await patch(cluster, `/apis/apps/v1/namespaces/default/deployments/${name}`, body);
}

/** A strategic merge patch, as `kubectl patch` and `kubectl set` send it. Throws what is refused. */
export async function patch(cluster: Cluster, path: string, body: object): Promise<void> {
  const answer = await cluster.request("PATCH", path, body, {
    headers: { "content-type": "application/strategic-merge-patch+json" },
  });
  if (answer.code !== 200) throw new Error(answer.text);
}

/** Runs `check` again and again while time passes, until `condition` holds. */
export async function watching(cluster: Cluster, condition: () => boolean, check: () => void): Promise<void> {
  await cluster.until(
    () => {
      check();
      return condition();
    },
    { stepMs: 5 },
  );
}
