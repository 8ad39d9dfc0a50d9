import test from "ava";
import fc from "fast-check";
import { applyJsonPatch } from "../../../src/api/patch/json-patch.ts";
import { applyMergePatch } from "../../../src/api/patch/merge-patch.ts";
import { applyStrategicPatch } from "../../../src/api/patch/strategic.ts";
import { deploymentSchema } from "../../../src/kinds/schemas/deployment.ts";
import { podSchema } from "../../../src/kinds/schemas/pod.ts";
import { serviceSchema } from "../../../src/kinds/schemas/service.ts";
import { StatusError } from "../../../src/util/errors.ts";
import type { Json } from "../../../src/util/json.ts";

const codeOf = (run: () => unknown): number => {
  try {
    run();
    return 200;
  } catch (error) {
    return error instanceof StatusError ? error.status.code : 0;
  }
};

const json = (): fc.Arbitrary<Json> => fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>;

const operations: readonly (readonly [string, Json, Json, Json | number])[] = [
  ["add a member", { a: 1 }, [{ op: "add", path: "/b", value: 2 }], { a: 1, b: 2 }],
  ["add into a list", { a: [1, 3] }, [{ op: "add", path: "/a/1", value: 2 }], { a: [1, 2, 3] }],
  ["append", { a: [1] }, [{ op: "add", path: "/a/-", value: 2 }], { a: [1, 2] }],
  ["remove", { a: [1, 2] }, [{ op: "remove", path: "/a/0" }], { a: [2] }],
  ["replace", { a: 1 }, [{ op: "replace", path: "/a", value: 2 }], { a: 2 }],
  ["move", { a: 1 }, [{ op: "move", from: "/a", path: "/b" }], { b: 1 }],
  ["copy", { a: [1] }, [{ op: "copy", from: "/a", path: "/b" }], { a: [1], b: [1] }],
  ["escaped names", { "a/b": 1 }, [{ op: "replace", path: "/a~1b", value: 2 }], { "a/b": 2 }],
  ["the whole document", { a: 1 }, [{ op: "replace", path: "", value: { b: 1 } }], { b: 1 }],
  ["test null where nothing is", { a: 1 }, [{ op: "test", path: "/b", value: null }], { a: 1 }],
  ["a failing test", { a: 1 }, [{ op: "test", path: "/a", value: 2 }], 422],
  ["remove of nothing", {}, [{ op: "remove", path: "/a" }], 422],
  ["replace of nothing", {}, [{ op: "replace", path: "/a", value: 1 }], 422],
  ["an index too far", { a: [] }, [{ op: "add", path: "/a/1", value: 1 }], 422],
  ["a path without a slash", {}, [{ op: "add", path: "a", value: 1 }], 400],
  ["an unknown operation", {}, [{ op: "eat", path: "/a" }], 400],
  ["no list", {}, { op: "add" }, 400],
];
for (const [what, document, patch, expected] of operations) {
  test(`JSON patch: ${what}`, (t) => {
    if (typeof expected === "number") {
      t.is(
        codeOf(() => applyJsonPatch(document, patch)),
        expected,
      );
    } else {
      t.deepEqual(applyJsonPatch(document, patch), expected);
    }
  });
}

test("JSON patch: too many operations, and copies that double, are a 413", (t) => {
  const many = Array.from({ length: 10_001 }, () => ({ op: "test", path: "", value: {} }));
  t.is(
    codeOf(() => applyJsonPatch({}, many)),
    413,
  );
  const doubling = Array.from({ length: 40 }, () => ({ op: "copy", from: "/a", path: "/a/-" }));
  t.is(
    codeOf(() => applyJsonPatch({ a: ["x".repeat(100)] }, doubling)),
    413,
  );
});

test("JSON patch never changes the document that it is given, nor any prototype", (t) => {
  const document = JSON.parse('{"a":{"b":1}}') as Json;
  const patch = JSON.parse('[{"op":"add","path":"/__proto__","value":{"polluted":1}}]') as Json;
  const result = applyJsonPatch(document, patch) as object;
  t.deepEqual(document, { a: { b: 1 } });
  t.true(Object.hasOwn(result, "__proto__"));
  t.is(({} as { polluted?: number }).polluted, undefined);
});

test("merge patch: null removes, lists are replaced, objects merge", (t) => {
  const document = { a: { b: 1, c: 2 }, l: [1, 2] };
  t.deepEqual(applyMergePatch(document, { a: { b: null, d: 3 }, l: [3] }), {
    a: { c: 2, d: 3 },
    l: [3],
  });
});

test("merge patch: applying it twice is applying it once", (t) => {
  fc.assert(
    fc.property(json(), json(), (document, patch) => {
      const once = applyMergePatch(document, patch);
      t.deepEqual(applyMergePatch(once, patch), once);
    }),
    { numRuns: 200 },
  );
});

const containers = (...names: readonly string[]): Json[] => names.map((name) => ({ name, image: `${name}:1` }));
const spec = (list: Json, more: Record<string, Json> = {}): Json => ({ spec: { containers: list, ...more } });

const strategic: readonly (readonly [string, Json, Json, Json | number])[] = [
  [
    "containers merge by name",
    spec(containers("a", "b")),
    spec([{ name: "b", image: "b:2" }]),
    spec([
      { name: "a", image: "a:1" },
      { name: "b", image: "b:2" },
    ]),
  ],
  [
    "$patch: delete removes one",
    spec(containers("a", "b")),
    spec([{ name: "a", $patch: "delete" }]),
    spec(containers("b")),
  ],
  [
    "$patch: replace replaces the list",
    spec(containers("a", "b")),
    spec([{ $patch: "replace" }, ...containers("c")]),
    spec(containers("c")),
  ],
  ["an item without its key is refused", spec(containers("a")), spec([{ image: "x" }]), 422],
  [
    "$setElementOrder reorders",
    spec(containers("a", "b", "c")),
    spec([], { "$setElementOrder/containers": [{ name: "c" }, { name: "a" }, { name: "b" }] }),
    spec(containers("c", "a", "b")),
  ],
  [
    "$setElementOrder keeps what only the server has",
    spec(containers("a", "x", "b")),
    spec([], { "$setElementOrder/containers": [{ name: "a" }, { name: "b" }] }),
    spec(containers("a", "x", "b")),
  ],
  [
    "$setElementOrder that does not name what the patch lists is refused",
    spec(containers("a")),
    spec(containers("b"), { "$setElementOrder/containers": [{ name: "a" }] }),
    400,
  ],
  [
    "$setElementOrder in another order than the patch's is refused",
    spec(containers("a", "b")),
    spec(containers("b", "a"), { "$setElementOrder/containers": [{ name: "a" }, { name: "b" }] }),
    400,
  ],
  [
    "$setElementOrder need not name what the patch deletes",
    spec(containers("a", "b")),
    spec([{ name: "b", $patch: "delete" }], { "$setElementOrder/containers": [{ name: "a" }] }),
    spec(containers("a")),
  ],
  [
    "$setElementOrder of a list of values is held against it too",
    { metadata: { finalizers: ["a"] } },
    { metadata: { "$setElementOrder/finalizers": ["a"], finalizers: ["b"] } },
    400,
  ],
  [
    "$deleteFromPrimitiveList removes values",
    { metadata: { finalizers: ["a", "b"] } },
    { metadata: { "$deleteFromPrimitiveList/finalizers": ["a"] } },
    { metadata: { finalizers: ["b"] } },
  ],
  [
    "finalizers are a set",
    { metadata: { finalizers: ["a"] } },
    { metadata: { finalizers: ["a", "b"] } },
    { metadata: { finalizers: ["a", "b"] } },
  ],
  [
    "tolerations are replaced",
    { spec: { tolerations: [{ key: "a" }] } },
    { spec: { tolerations: [{ key: "b" }] } },
    { spec: { tolerations: [{ key: "b" }] } },
  ],
  [
    "null removes",
    { metadata: { labels: { a: "1", b: "2" } } },
    { metadata: { labels: { a: null } } },
    { metadata: { labels: { b: "2" } } },
  ],
  [
    "$patch: replace replaces an object",
    { metadata: { labels: { a: "1" } } },
    { metadata: { labels: { $patch: "replace", b: "2" } } },
    { metadata: { labels: { b: "2" } } },
  ],
  ["an unknown directive is refused", { spec: {} }, { spec: { $patch: "eat" } }, 400],
];
for (const [what, document, patch, expected] of strategic) {
  test(`strategic patch: ${what}`, (t) => {
    if (typeof expected === "number") {
      t.is(
        codeOf(() => applyStrategicPatch(podSchema, document, patch)),
        expected,
      );
    } else {
      t.deepEqual(applyStrategicPatch(podSchema, document, patch), expected);
    }
  });
}

test("strategic patch: $retainKeys drops what it does not name", (t) => {
  const document = { spec: { strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1 } } } };
  const patch = { spec: { strategy: { $retainKeys: ["type"], type: "Recreate" } } };
  t.deepEqual(applyStrategicPatch(deploymentSchema, document, patch), {
    spec: { strategy: { type: "Recreate" } },
  });
});

test("strategic patch: a Service's ports merge by their number", (t) => {
  const document = { spec: { ports: [{ port: 53, protocol: "TCP" }] } };
  const patch = { spec: { ports: [{ port: 53, name: "dns" }, { port: 80 }] } };
  t.deepEqual(applyStrategicPatch(serviceSchema, document, patch), {
    spec: { ports: [{ port: 53, protocol: "TCP", name: "dns" }, { port: 80 }] },
  });
});

test("strategic patch: patching with its own content changes nothing", (t) => {
  const name = fc.constantFrom("a", "b", "c", "d");
  const list = fc.uniqueArray(fc.record({ name, image: fc.constantFrom("i:1", "i:2") }), {
    selector: (item) => item.name,
  });
  fc.assert(
    fc.property(list, list, (before, after) => {
      const document = spec(before);
      t.deepEqual(applyStrategicPatch(podSchema, document, document), document);
      const merged = applyStrategicPatch(podSchema, document, spec(after));
      t.deepEqual(applyStrategicPatch(podSchema, merged, spec(after)), merged);
      t.false(JSON.stringify(merged).includes("$"));
    }),
    { numRuns: 200 },
  );
});
