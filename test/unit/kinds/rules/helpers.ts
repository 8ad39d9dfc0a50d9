import type { JsonObject } from "../../../../src/util/json.ts";

/** A body that breaks a rule: a new object, a PUT over `before`, or a PUT of `/status` over it. */
export interface RuleCase {
  readonly what: string;
  readonly kind: string;
  readonly before?: JsonObject;
  readonly body?: JsonObject;
  readonly status?: JsonObject;
  /** The status that stood before. */
  readonly known?: JsonObject;
  /** resourceVersion of the PUT; default: the present one. */
  readonly revision?: string;
  /** All that is said, `path: message`. */
  readonly errors: readonly string[];
}

/** Bodies that the cases of rules are made of. */

export const container = { name: "c", image: "nginx" };
export const volumes: readonly JsonObject[] = [{ name: "v" }];
export const claims: readonly JsonObject[] = [{ name: "v", persistentVolumeClaim: { claimName: "x" } }];
export const mount = { name: "v", mountPath: "/v" };
export const probe = { httpGet: { port: 80 } };
export const skew = { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule", labelSelector: {} };
export const template: { readonly metadata: JsonObject; readonly spec: JsonObject } = {
  metadata: { labels: { app: "a" } },
  spec: { containers: [container] },
};

export function pod(spec: JsonObject, rest: JsonObject = {}): JsonObject {
  return { spec: { containers: [container], ...spec }, ...rest };
}

/** A pod whose one container has these fields too. */
export function c(fields: JsonObject, spec: JsonObject = {}): JsonObject {
  return pod({ containers: [{ ...container, ...fields }], ...spec });
}

export function vol(source: JsonObject): JsonObject {
  return pod({ volumes: [{ name: "v", ...source }] });
}

export function nodeTerm(term: JsonObject): JsonObject {
  const required = { nodeSelectorTerms: [term] };
  return pod({ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } } });
}

export function podTerm(term: JsonObject): JsonObject {
  return pod({ affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } });
}

export function affinityOf(...keys: readonly string[]): JsonObject {
  const terms = keys.map((key) => ({ matchExpressions: [{ key, operator: "Exists" }] }));
  return { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } } };
}

export function spread(fields: JsonObject): JsonObject {
  return pod({ topologySpreadConstraints: [{ ...skew, ...fields }] });
}

export function deploy(spec: JsonObject): JsonObject {
  return { spec: { selector: { matchLabels: { app: "a" } }, template, ...spec } };
}

export function rolling(rollingUpdate: JsonObject): JsonObject {
  return deploy({ strategy: { type: "RollingUpdate", rollingUpdate } });
}

export function service(spec: JsonObject): JsonObject {
  return { spec: { ports: [{ port: 80 }], ...spec } };
}
