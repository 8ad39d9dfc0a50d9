import { stringify } from "yaml";
import type { Rng } from "../../src/env/env.ts";
import { flatten } from "../../src/kinds/flat-schema.ts";
import type { Kind } from "../../src/kinds/kind.ts";
import type { ObjectSchema, Schema } from "../../src/kinds/schema.ts";
import { setKey } from "../../src/util/json-text.ts";
import type { MutableJson } from "../../src/util/json.ts";
import { encodeBody } from "./protobuf.ts";
import { hostileTexts, hostileValue, oneIn, pick, valueOf } from "./values.ts";

/** Bodies: objects that are nearly valid, patches of all types, and broken bytes. */

export interface Body {
  readonly bytes: Uint8Array;
  readonly contentType: string;
}

export const names: readonly string[] = ["a", "b", "c", "d", "web", "n1"];
export const namespaces: readonly string[] = ["default", "n", "m"];

const podSpec = { containers: [{ name: "a", image: "web:1", ports: [{ containerPort: 80 }] }] };
const workload = {
  selector: { matchLabels: { app: "a" } },
  template: { metadata: { labels: { app: "a" } }, spec: podSpec },
};

/** The rest of a valid object of each kind. */
const samples: Readonly<Record<string, () => Record<string, MutableJson>>> = {
  pods: () => ({ spec: structuredClone(podSpec) }),
  "deployments.apps": () => ({ spec: { replicas: 1, ...structuredClone(workload) } }),
  "replicasets.apps": () => ({ spec: { replicas: 1, ...structuredClone(workload) } }),
  services: () => ({ spec: { selector: { app: "a" }, ports: [{ port: 80 }] } }),
  configmaps: () => ({ data: { k: "v" } }),
  secrets: () => ({ data: { k: "dg==" } }),
  "endpointslices.discovery.k8s.io": () => ({
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.42.0.9"] }],
    ports: [],
  }),
  endpoints: () => ({ subsets: [{ addresses: [{ ip: "10.42.0.9" }], ports: [{ port: 80 }] }] }),
  events: () => ({ involvedObject: { kind: "Pod", name: "a", namespace: "default" }, reason: "Fuzz", type: "Normal" }),
  "leases.coordination.k8s.io": () => ({ spec: { holderIdentity: "a", leaseDurationSeconds: 15 } }),
};

/** A body for creating or replacing an object of the kind. */
export function objectOf(rng: Rng, kind: Kind, name: string, namespace: string): MutableJson {
  const apiVersion = kind.group === "" ? kind.version : `${kind.group}/${kind.version}`;
  const sample = samples[kind.id]?.() ?? {};
  const base = oneIn(rng, 3) ? (valueOf(rng, kind.schema) as Record<string, MutableJson> | null) : sample;
  const rest = typeof base === "object" && base !== null && !Array.isArray(base) ? base : sample;
  const metadata: Record<string, MutableJson> = { name };
  if (kind.scope === "Namespaced" && oneIn(rng, 2)) metadata["namespace"] = namespace;
  if (oneIn(rng, 4)) metadata["labels"] = { app: pick(rng, ["a", "b"]) };
  if (oneIn(rng, 15)) metadata["finalizers"] = ["example.com/hold"];
  const object: Record<string, MutableJson> = { apiVersion, kind: kind.kind, ...rest, metadata };
  for (let left = pick(rng, [0, 0, 0, 1, 1, 2, 5]); left > 0; left -= 1) mutate(rng, kind.schema, object);
  return object;
}

/** Changes one place of the value: by the schema, against it, by removal or by repetition. */
function mutate(rng: Rng, schema: ObjectSchema, root: Record<string, MutableJson>): void {
  let value: MutableJson = root;
  let here: Schema | undefined = schema;
  for (;;) {
    if (Array.isArray(value)) {
      if (value.length === 0 || oneIn(rng, 4)) {
        value.push(value.length > 0 && oneIn(rng, 2) ? structuredClone(pick(rng, value)) : hostileValue(rng));
        return;
      }
      here = here?.type === "list" ? here.items : undefined;
      value = pick(rng, value);
    } else if (typeof value === "object" && value !== null) {
      const known: readonly string[] = here?.type === "object" ? flatten(here).fields.map(([name]) => name) : [];
      const present: readonly string[] = Object.keys(value);
      const key: string = pick(rng, [...present, ...known, pick(rng, hostileTexts)]);
      const next: Schema | undefined =
        here?.type === "object"
          ? flatten(here).byName.get(key)?.schema
          : here?.type === "map"
            ? here.values
            : undefined;
      const inner: MutableJson | undefined = Object.hasOwn(value, key) ? value[key] : undefined;
      if (typeof inner === "object" && inner !== null && !oneIn(rng, 4)) {
        value = inner;
        here = next;
        continue;
      }
      if (oneIn(rng, 6)) delete value[key];
      else setKey(value, key, next === undefined || oneIn(rng, 3) ? hostileValue(rng) : valueOf(rng, next, key, 2));
      return;
    } else return;
  }
}

const yamlTypes = ["application/yaml", "application/x-yaml", "text/yaml"];

/** The value in one of the formats, sometimes broken. */
export function encoded(
  rng: Rng,
  kind: { readonly kind: string; readonly schema: ObjectSchema },
  value: MutableJson,
): Body {
  const format = rng.below(20);
  if (format < 3) {
    return broken(rng, { bytes: encodeBody(kind, value), contentType: "application/vnd.kubernetes.protobuf" });
  }
  if (format === 3) return broken(rng, { bytes: Buffer.from(stringify(value)), contentType: pick(rng, yamlTypes) });
  return broken(rng, { bytes: Buffer.from(JSON.stringify(value)), contentType: "application/json" });
}

/** One in twelve bodies is cut, flipped, doubled or sent as something else. */
export function broken(rng: Rng, body: Body): Body {
  if (!oneIn(rng, 12) || body.bytes.length === 0) return body;
  const bytes = Uint8Array.from(body.bytes);
  switch (rng.below(6)) {
    case 0:
      return { ...body, bytes: bytes.subarray(0, rng.below(bytes.length)) };
    case 1:
    case 2:
      for (let left = 1 + rng.below(4); left > 0; left -= 1) bytes[rng.below(bytes.length)] = rng.below(256);
      return { ...body, bytes };
    case 3:
      return { ...body, bytes: Buffer.concat([bytes, bytes]) };
    case 4:
      return { ...body, bytes: rng.bytes(rng.below(200)) };
    default:
      return {
        ...body,
        contentType: pick(rng, [
          "application/json",
          "application/yaml",
          "application/vnd.kubernetes.protobuf",
          "text/plain",
          "",
        ]),
      };
  }
}

const pointers = [
  "",
  "/metadata",
  "/metadata/labels",
  "/metadata/labels/app",
  "/spec",
  "/spec/containers/0",
  "/spec/containers/0/image",
  "/spec/containers/-",
  "/spec/replicas",
  "/data",
  "/data/k",
  "/data/__proto__",
  "/status",
  "/kind",
  "/metadata/finalizers/0",
  "/metadata/managedFields",
  "/x/y",
  "/spec/ports/0/port",
  "/~1/~0",
];
const operations = ["add", "remove", "replace", "move", "copy", "test", "add", "replace", "constructor"];

/** A patch of any type, made of what the object holds. */
export function patchOf(rng: Rng, object: MutableJson): Body {
  const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
  switch (rng.below(5)) {
    case 0: {
      const steps = Array.from({ length: rng.below(6) }, () => ({
        op: pick(rng, operations),
        path: oneIn(rng, 12) ? pick(rng, hostileTexts) : pick(rng, pointers),
        from: pick(rng, pointers),
        value: oneIn(rng, 3) ? hostileValue(rng) : pick(rng, ["a", "web:2", 2, { app: "a" }]),
      }));
      return broken(rng, {
        bytes: json(oneIn(rng, 20) ? hostileValue(rng) : steps),
        contentType: "application/json-patch+json",
      });
    }
    case 1:
      return broken(rng, { bytes: json(part(rng, object)), contentType: "application/merge-patch+json" });
    case 2:
    case 3:
      return broken(rng, {
        bytes: json(directed(rng, part(rng, object))),
        contentType: "application/strategic-merge-patch+json",
      });
    default:
      return broken(rng, { bytes: json(object), contentType: "application/apply-patch+yaml" });
  }
}

/** Some members of an object, nested ones as well. */
function part(rng: Rng, value: MutableJson): MutableJson {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return oneIn(rng, 8) ? hostileValue(rng) : value;
  const out: Record<string, MutableJson> = {};
  for (const [key, member] of Object.entries(value)) {
    if (oneIn(rng, 3)) continue;
    setKey(out, key, oneIn(rng, 12) ? null : part(rng, member));
  }
  return out;
}

/** Adds directives of strategic merge patches here and there. */
function directed(rng: Rng, value: MutableJson): MutableJson {
  if (Array.isArray(value)) return value.map((item) => directed(rng, item));
  if (typeof value !== "object" || value === null) return value;
  const out: Record<string, MutableJson> = {};
  for (const [key, member] of Object.entries(value)) setKey(out, key, directed(rng, member));
  const [key = "containers"] = Object.keys(out);
  if (oneIn(rng, 10)) out["$patch"] = pick<MutableJson>(rng, ["replace", "delete", "merge", "x", {}]);
  if (oneIn(rng, 14)) out["$retainKeys"] = oneIn(rng, 4) ? hostileValue(rng) : Object.keys(out);
  if (oneIn(rng, 14))
    out[`$setElementOrder/${key}`] = oneIn(rng, 3) ? hostileValue(rng) : [{ name: "b" }, { name: "a" }];
  if (oneIn(rng, 14)) out[`$deleteFromPrimitiveList/${key}`] = oneIn(rng, 3) ? hostileValue(rng) : ["a"];
  return out;
}
