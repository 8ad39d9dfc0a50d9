import type { Rng } from "../../src/env/env.ts";
import { flatten } from "../../src/kinds/flat-schema.ts";
import type { ObjectSchema, ScalarType, Schema } from "../../src/kinds/schema.ts";
import { setKey } from "../../src/util/json-text.ts";
import type { MutableJson } from "../../src/util/json.ts";

/**
 * Values for requests: most of them as the schemas want them, some of them as nobody wants them.
 * Everything is drawn from one stream, so that a seed repeats it.
 */

/** One in `bound`. */
export function oneIn(rng: Rng, bound: number): boolean {
  return rng.below(bound) === 0;
}

export function pick<T>(rng: Rng, list: readonly T[]): T {
  return list[rng.below(list.length)]!;
}

/** As a part of a URL; half of a surrogate pair has no such form. */
export function escaped(text: string): string {
  return encodeURIComponent(text.replaceAll(/\p{Surrogate}/gu, "\ufffd"));
}

export const hostileTexts: readonly string[] = [
  "",
  "..",
  ".",
  "../../etc/passwd",
  "__proto__",
  "constructor",
  "hasOwnProperty",
  "toString",
  "a/b",
  "a%2fb",
  "A",
  "-",
  "a".repeat(63),
  "a".repeat(64),
  "a".repeat(254),
  "x".repeat(5_000),
  "\u0000",
  "a\nb",
  "\u2028",
  "аdmin",
  "💥",
  "\ud800",
  "$(PATH)",
  '"; flush ruleset',
  "0",
  "-1",
  "1e3",
  "9223372036854775808",
  "1e999999999",
  "%",
  "50%",
  "-50%",
  "None",
  "null",
  "0.0.0.0",
  "127.0.0.1",
  "::1",
  "300.0.0.1",
  "10.0.0.0/33",
  "2026-13-41T99:99:99Z",
  "a,b=c",
  "!a",
  "$patch",
];

const hostileNumbers: readonly number[] = [
  0, -0, -1, 1, 65_535, 65_536, 70_000, 2_147_483_647, 2_147_483_648, -2_147_483_649, 9_007_199_254_740_992, 1e21,
  1e308, -1e308, 1.5, 1e-7,
];

export function hostileValue(rng: Rng): MutableJson {
  switch (rng.below(9)) {
    case 0:
      return null;
    case 1:
      return rng.below(2) === 0;
    case 2:
    case 3:
      return pick(rng, hostileNumbers);
    case 4:
      return [];
    case 5:
      return {};
    case 6:
      return deep(1 + rng.below(120));
    case 7:
      return Array.from({ length: rng.below(40) }, () => pick(rng, hostileTexts));
    default:
      return pick(rng, hostileTexts);
  }
}

function deep(levels: number): MutableJson {
  let value: MutableJson = 1;
  for (let level = 0; level < levels; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

/** What fields of these names like to hold. */
const likely: Readonly<Record<string, readonly string[]>> = {
  name: ["a", "b", "c", "web", "data"],
  namespace: ["default", "n"],
  apiVersion: ["v1", "apps/v1"],
  kind: ["Pod", "ReplicaSet", "Deployment", "Node"],
  protocol: ["TCP", "UDP", "SCTP"],
  type: [
    "ClusterIP",
    "NodePort",
    "LoadBalancer",
    "ExternalName",
    "Opaque",
    "RollingUpdate",
    "Recreate",
    "RuntimeDefault",
  ],
  operator: ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Equal"],
  effect: ["NoSchedule", "PreferNoSchedule", "NoExecute"],
  restartPolicy: ["Always", "OnFailure", "Never"],
  imagePullPolicy: ["Always", "IfNotPresent", "Never"],
  dnsPolicy: ["ClusterFirst", "Default", "None"],
  addressType: ["IPv4", "IPv6", "FQDN"],
  image: ["nginx", "web:1"],
  path: ["/x", "/healthz"],
  mountPath: ["/a", "/b"],
  topologyKey: ["kubernetes.io/hostname", "zone"],
  whenUnsatisfiable: ["DoNotSchedule", "ScheduleAnyway"],
  status: ["True", "False", "Unknown"],
  phase: ["Pending", "Running", "Succeeded", "Failed"],
  clusterIP: ["None", "10.43.0.77", ""],
  ip: ["10.42.0.7", "192.0.2.1"],
  key: ["app", "zone", "a.b/c"],
  uid: ["u1", "u2"],
  resourceVersion: ["", "1", "7", "99999"],
  scheme: ["HTTP", "HTTPS"],
  value: ["a", "b", ""],
  $patch: ["replace", "delete", "merge"],
};

const quantities = ["100m", "1", "64Mi", "1Gi", "0.5", "1e3", "-1", "1.5Gi", "1E"];

function scalar(rng: Rng, type: ScalarType, name: string): MutableJson {
  switch (type) {
    case "string":
      return pick(rng, (Object.hasOwn(likely, name) ? likely[name] : undefined) ?? ["a", "b", "app", "x-1"]);
    case "bool":
      return rng.below(2) === 0;
    case "int32":
    case "int64":
      return pick(rng, [0, 1, 2, 3, 80, 443, 8_080, 1_000, 65_536, -1]);
    case "double":
      return rng.below(100) / 10;
    case "bytes":
      return pick(rng, ["", "YQ==", "aGVsbG8="]);
    case "quantity":
      return pick(rng, quantities);
    case "intOrString":
      return pick(rng, [80, 0, "http", "25%", "100%", 1]);
    case "time":
      return pick(rng, ["2026-01-01T00:00:00Z", "2025-12-31T23:59:59+01:00"]);
    case "microTime":
      return "2026-01-01T00:00:00.123456Z";
    case "duration":
      return pick(rng, ["1s", "1h0m0s", "1.5s"]);
    case "json":
      return { a: 1 };
    case "fieldsV1":
      return { "f:metadata": { "f:labels": { "f:app": {} } } };
  }
}

/** A value of the schema; deeper ones have fewer members. One in a hundred is hostile. */
export function valueOf(rng: Rng, schema: Schema, name = "", depth = 0): MutableJson {
  if (oneIn(rng, 100)) return hostileValue(rng);
  switch (schema.type) {
    case "object":
      return objectOf(rng, schema, depth);
    case "list":
      return Array.from({ length: rng.below(depth > 4 ? 2 : 3) }, () => valueOf(rng, schema.items, name, depth + 1));
    case "map": {
      const out: Record<string, MutableJson> = {};
      for (let left = rng.below(3); left > 0; left -= 1) {
        const key = oneIn(rng, 20) ? pick(rng, hostileTexts) : pick(rng, ["app", "cpu", "memory", "tier"]);
        setKey(out, key, valueOf(rng, schema.values, "value", depth + 1));
      }
      return out;
    }
    default:
      return scalar(rng, schema.type, name);
  }
}

function objectOf(rng: Rng, schema: ObjectSchema, depth: number): MutableJson {
  const out: Record<string, MutableJson> = {};
  for (const [name, field] of flatten(schema).fields) {
    const chance = field.required === true ? 100 : Math.max(3, 40 - depth * 12);
    if (rng.below(100) >= chance) continue;
    setKey(out, name, valueOf(rng, field.schema, name, depth + 1));
  }
  if (oneIn(rng, 60)) setKey(out, pick(rng, hostileTexts), hostileValue(rng));
  return out;
}
