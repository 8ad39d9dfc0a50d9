import { CM, D, P } from "../harness.ts";
import type { Hostile } from "./bodies.ts";

type PatchType = "json-patch" | "merge-patch" | "strategic-merge-patch";

function patch(type: PatchType, target: string, what: string, body: unknown, code: number, says?: RegExp): Hostile {
  return {
    what: `${type}: ${what}`,
    method: "PATCH",
    target,
    body: () => (typeof body === "function" ? (body as () => unknown)() : body),
    headers: { "content-type": `application/${type}+json` },
    code,
    ...(says === undefined ? {} : { says }),
  };
}

function json(what: string, body: unknown, code: number, says?: RegExp): Hostile {
  return patch("json-patch", `${CM}/a`, what, body, code, says);
}

function strategic(target: string, what: string, body: unknown, code: number, says?: RegExp): Hostile {
  return patch("strategic-merge-patch", target, what, body, code, says);
}

function items<T>(count: number, item: (index: number) => T): readonly T[] {
  return Array.from({ length: count }, (_, index) => item(index));
}

const rejected = /^the server rejected our request due to an error in our request/;

const both: readonly Hostile[] = (["merge-patch", "strategic-merge-patch"] as const).flatMap((type) => {
  const one = (what: string, body: unknown, code: number, says?: RegExp): Hostile =>
    patch(type, `${CM}/a`, what, body, code, says);
  return [
    one("a list", [], 400),
    one("a number", "1", 400),
    one("null", "null", 400),
    one("nothing", "", 400, /^unexpected end of JSON input$/),
    one("101 levels", `${'{"a":'.repeat(101)}1${"}".repeat(101)}`, 400, /^exceeded max depth$/),
    one("99 levels of an unknown field", `${'{"a":'.repeat(99)}1${"}".repeat(99)}`, 200),
    one(
      "fields with the names of prototypes",
      '{"__proto__":{"polluted":1},"metadata":{"__proto__":{"labels":{"a":"b"}}}}',
      200,
    ),
    one(
      "metadata as a text",
      { metadata: "x" },
      422,
      /cannot unmarshal string into Go struct field ConfigMap\.metadata|cannot restore struct from: string$/,
    ),
    one(
      "another name",
      { metadata: { name: "b" } },
      400,
      /^the name of the object \(b\) does not match the name on the URL \(a\)$/,
    ),
    one("another kind", { kind: "Secret" }, 400, /Secret in version "v1" cannot be handled as a ConfigMap/),
    one(
      "another uid",
      { metadata: { uid: "z" } },
      409,
      /Precondition failed: UID in precondition: z, UID in object meta/,
    ),
    ...["-1", "1e3", "1180591620717411303424", "x"].map((resourceVersion) =>
      one(`resourceVersion ${resourceVersion}`, { metadata: { resourceVersion } }, 409, /the object has been modified/),
    ),
  ];
});

/** Patches of all types. */
export const patches: readonly Hostile[] = [
  ...both,
  json(
    "thirty copies of everything",
    items(30, (i) => ({ op: "copy", from: "", path: `/c${i}` })),
    413,
    /copies of this JSON patch are too large/,
  ),
  json(
    "10,001 operations",
    () => items(10_001, () => ({ op: "test", path: "", value: 1 })),
    413,
    /^The allowed maximum operations in a JSON patch is 10000, got 10001$/,
  ),
  json("a path through a prototype", [{ op: "add", path: "/__proto__/x", value: 1 }], 422, rejected),
  json("a path of 100,000 steps", [{ op: "add", path: `/${"a/".repeat(100_000)}`, value: 1 }], 422, rejected),
  json("a move into itself", [{ op: "move", from: "/metadata", path: "/metadata/x" }], 422, rejected),
  json("a move out of a prototype", [{ op: "move", from: "/constructor", path: "/data/x" }], 422, rejected),
  json("a scalar instead of the object", [{ op: "replace", path: "", value: 1 }], 400),
  json("removal of everything", [{ op: "remove", path: "" }], 422, rejected),
  json("another kind", [{ op: "replace", path: "/kind", value: "Secret" }], 400),
  json("an operation with a number for its name", [{ op: 1, path: "/x" }], 400),
  json("an operation that nobody knows", [{ op: "constructor", path: "/x", value: 1 }], 400),
  json("no operation", [null], 400),
  json("an object", {}, 400),
  json("an addition of nothing", [{ op: "add", path: "/x" }], 400),
  json("a path without a slash", [{ op: "add", path: "x", value: 1 }], 400),
  json("a test that fails", [{ op: "test", path: "/data/k", value: "other" }], 422, rejected),
  patch(
    "json-patch",
    `${P}/p`,
    "an index of twenty digits",
    [{ op: "add", path: "/spec/containers/99999999999999999999", value: {} }],
    422,
    rejected,
  ),
  patch(
    "json-patch",
    `${P}/p`,
    "a negative index",
    [{ op: "add", path: "/spec/containers/-1", value: {} }],
    422,
    rejected,
  ),
  patch(
    "json-patch",
    `${P}/p`,
    "an index with a leading zero",
    [{ op: "remove", path: "/spec/containers/00" }],
    422,
    rejected,
  ),
  strategic(
    `${CM}/a`,
    "an unknown directive",
    { $patch: "constructor" },
    400,
    /^unknown patch type: constructor in map: map\[\$patch:constructor\]$/,
  ),
  strategic(
    `${CM}/a`,
    "a directive as an object",
    { $patch: {} },
    400,
    /^unknown patch type: map\[\] in map: map\[\$patch:map\[\]\]$/,
  ),
  strategic(
    `${CM}/a`,
    "50,000 finalizers that are none",
    () => ({ metadata: { finalizers: items(50_000, (i) => `no finalizer ${i}`) } }),
    422,
    /metadata\.finalizers: Invalid value: "no finalizer 0"/,
  ),
  strategic(
    `${CM}/a`,
    "50,000 finalizers taken away",
    () => ({ metadata: { "$deleteFromPrimitiveList/finalizers": items(50_000, (i) => `a.b/x${i}`) } }),
    200,
  ),
  strategic(
    `${P}/p`,
    "30,000 containers by name",
    () => ({ spec: { containers: items(30_000, (i) => ({ name: `x${i}` })) } }),
    422,
    /spec\.containers\[1\]\.image: Required value/,
  ),
  strategic(
    `${P}/p`,
    "an order of 60,000",
    () => ({ spec: { "$setElementOrder/containers": items(60_000, (i) => ({ name: `x${i}` })) } }),
    200,
  ),
  strategic(
    `${P}/p`,
    "directives about prototypes",
    { spec: { "$setElementOrder/__proto__": [1], "$deleteFromPrimitiveList/__proto__": [1] } },
    200,
  ),
  strategic(
    `${P}/p`,
    "an item without its key",
    { spec: { containers: [{ image: "x" }] } },
    422,
    /^map: map\[image:x\] does not contain declared merge key: name$/,
  ),
  strategic(
    `${P}/p`,
    "null as an item",
    { spec: { containers: [null] } },
    400,
    /^list element types are not identical: /,
  ),
  strategic(
    `${P}/p`,
    "a text as an item",
    { spec: { containers: ["a"] } },
    400,
    /^list element types are not identical: /,
  ),
  strategic(`${P}/p`, "a list as an item", { spec: { containers: [[]] } }, 422, /^lists of lists are not supported$/),
  strategic(
    `${P}/p`,
    "a list among what is taken away",
    { metadata: { "$deleteFromPrimitiveList/finalizers": [["x"]] } },
    422,
    /^lists of lists are not supported$/,
  ),
  strategic(
    `${P}/p`,
    "an unknown directive of an item",
    { spec: { containers: [{ name: "a", $patch: "x" }] } },
    400,
    /^unknown patch type: x in map: map\[\$patch:x name:a\]$/,
  ),
  strategic(
    `${P}/p`,
    "an item that asks to be merged",
    { spec: { containers: [{ name: "a", $patch: "merge" }] } },
    400,
    /^merging lists cannot yet be specified in the patch$/,
  ),
  ...(
    [
      ["x", "string"],
      [1, "int64"],
      [1.5, "float64"],
      [true, "bool"],
      [{}, "map[string]interface {}"],
    ] as const
  ).map(([order, type]) =>
    strategic(
      `${P}/p`,
      `an order that is ${JSON.stringify(order)}`,
      { spec: { "$setElementOrder/containers": order } },
      400,
      new RegExp(`^expected a \\[\\]interface \\{\\}, but received a ${type.replaceAll(/[[\]{}]/g, "\\$&")}$`),
    ),
  ),
  strategic(
    `${P}/p`,
    "an object as a key",
    { spec: { containers: [{ name: { a: 1 } }] } },
    422,
    /unrecognized type: string$/,
  ),
  strategic(`${D}/d`, "keys to keep as a text", { spec: { strategy: { $retainKeys: "x" } } }, 400, /retainKeys/),
  strategic(
    `${D}/d`,
    "keys to keep as objects",
    { spec: { strategy: { $retainKeys: [{}], type: "Recreate" } } },
    400,
    /retainKeys/,
  ),
  { ...json("a type that nobody knows", {}, 415), headers: { "content-type": "application/x-patch+json" } },
  { ...json("no type", {}, 415), headers: {} },
  {
    ...json("force", [], 422, /force: Forbidden: may not be specified for non-apply patch/),
    target: `${CM}/a?force=true`,
  },
];
