// The pure core of server-side apply: sets of fields, comparison, merge, ownership.
import test from "ava";
import fc from "fast-check";
import { compare } from "../../../src/api/apply/compare.ts";
import { ApplyConflicts, conflictStatus } from "../../../src/api/apply/conflicts.ts";
import { compareElements, FieldPathError, pathText } from "../../../src/api/apply/field-path.ts";
import {
  decodeFields,
  difference,
  emptySet,
  encodeFields,
  intersection,
  isEmpty,
  pathsOf,
  setOfNames,
  setsEqual,
  union,
  without,
  type FieldSet,
} from "../../../src/api/apply/field-set.ts";
import { fieldsOf } from "../../../src/api/apply/fields-of.ts";
import {
  capUpdates,
  decodeManagers,
  encodeManagers,
  identityOf,
  type Manager,
  type Managers,
} from "../../../src/api/apply/managers.ts";
import { mergeConfig } from "../../../src/api/apply/merge.ts";
import {
  applyConfig,
  changeOf,
  changeOfNew,
  recordChange,
  type Territory,
  type Writer,
} from "../../../src/api/apply/ownership.ts";
import { shapeOf } from "../../../src/api/apply/shape.ts";
import { TypedError } from "../../../src/api/apply/structure.ts";
import { checkTyped } from "../../../src/api/apply/typed-check.ts";
import { configMapSchema } from "../../../src/kinds/schemas/configmap.ts";
import { deploymentSchema } from "../../../src/kinds/schemas/deployment.ts";
import { podSchema } from "../../../src/kinds/schemas/pod.ts";
import { serviceSchema } from "../../../src/kinds/schemas/service.ts";
import { decodeJson } from "../../../src/kinds/decode-json.ts";
import type { Json, JsonObject } from "../../../src/util/json.ts";

const texts = (set: FieldSet): readonly string[] => pathsOf(set).map(pathText);
const deployments: Territory = {
  schema: deploymentSchema,
  apiVersion: "apps/v1",
  reset: setOfNames([["status"]]),
};
const configMaps: Territory = { schema: configMapSchema, apiVersion: "v1", reset: emptySet };
const writer = (name: string): { name: string; subresource: string; now: string } => ({
  name,
  subresource: "",
  now: "2026-01-01T00:00:00Z",
});

function recordUpdate(
  territory: Territory,
  { before, after }: { readonly before: JsonObject; readonly after: JsonObject },
  managers: Managers,
  by: Writer,
): Managers {
  const change = changeOf(territory, before, after);
  return change === undefined ? managers : recordChange(territory, change, managers, by);
}

test("fieldsV1 lists fields, then keys, then values, then places, each in its order", (t) => {
  const elements = ["i:10", "i:9", 'v:"b"', "v:7", 'k:{"port":80}', 'k:{"port":9}', "f:b", "f:a"];
  t.deepEqual(elements.toSorted(compareElements), [
    "f:a",
    "f:b",
    'k:{"port":9}',
    'k:{"port":80}',
    "v:7",
    'v:"b"',
    "i:9",
    "i:10",
  ]);
});

test("a client's spelling of keys does not matter, and unknown kinds of steps are dropped", (t) => {
  const set = decodeFields({
    "f:ports": { 'k:{"protocol": "TCP", "containerPort": 80}': { ".": {}, "x:new": {} } },
  });
  t.deepEqual(encodeFields(set), { "f:ports": { 'k:{"containerPort":80,"protocol":"TCP"}': {} } });
  t.deepEqual(texts(set), ['.ports[containerPort=80,protocol="TCP"]']);
});

for (const bad of [{ f: {} }, { "k:[]": {} }, { "k:{": {} }, { "i:x": {} }, { nocolon: {} }, [], 1]) {
  test(`no tree of fields: ${JSON.stringify(bad)}`, (t) => {
    t.throws(() => decodeFields(bad as Json), { instanceOf: FieldPathError });
  });
}

const setsOfDepth = (depth: number): fc.Arbitrary<FieldSet> =>
  fc
    .record({
      owned: fc.boolean(),
      below: fc.array(
        fc.tuple(
          fc.constantFrom("f:a", "f:b", 'k:{"n":1}', 'v:"x"', "i:0"),
          depth === 0 ? fc.constant({ owned: true, below: new Map() }) : setsOfDepth(depth - 1),
        ),
        { maxLength: 3 },
      ),
    })
    .map(({ owned, below }) => ({ owned: owned || below.length === 0, below: new Map(below) }));
const rooted = setsOfDepth(2).map(({ below }) => ({ owned: false, below }));

test("sets survive fieldsV1, and their operations follow the laws of sets", (t) => {
  fc.assert(
    fc.property(rooted, rooted, (a, b) => {
      t.true(setsEqual(decodeFields(encodeFields(a)), a));
      t.true(setsEqual(union(a, b), union(b, a)));
      t.true(setsEqual(intersection(a, b), intersection(b, a)));
      t.deepEqual(texts(union(a, b)).toSorted(), [...new Set([...texts(a), ...texts(b)])].toSorted());
      const right = new Set(texts(b));
      t.deepEqual(
        texts(difference(a, b)).toSorted(),
        texts(a)
          .filter((path) => !right.has(path))
          .toSorted(),
      );
      t.deepEqual(
        texts(intersection(a, b)).toSorted(),
        texts(a)
          .filter((path) => right.has(path))
          .toSorted(),
      );
      t.true(isEmpty(without(a, a)));
      for (const path of texts(without(a, b))) t.false([...right].some((taken) => path.startsWith(taken)));
    }),
    { numRuns: 200 },
  );
});

const podOf = (spec: JsonObject): JsonObject => ({ spec });
const fieldCases: readonly (readonly [string, Territory["schema"], JsonObject, readonly string[]])[] = [
  [
    "items of a list with keys, their defaults included",
    podSchema,
    podOf({ containers: [{ name: "c", ports: [{ containerPort: 80 }] }] }),
    [
      '.spec.containers[name="c"]',
      '.spec.containers[name="c"].name',
      '.spec.containers[name="c"].ports[containerPort=80,protocol="TCP"]',
      '.spec.containers[name="c"].ports[containerPort=80,protocol="TCP"].containerPort',
    ],
  ],
  [
    "an atomic list and an atomic object whole",
    podSchema,
    podOf({ tolerations: [{ key: "a" }], nodeSelector: { a: "b" } }),
    [".spec.nodeSelector", ".spec.tolerations"],
  ],
  ["values of a set", podSchema, { metadata: { finalizers: ["a/b"] } }, ['.metadata.finalizers[="a/b"]']],
  ["entries of a map", podSchema, { metadata: { labels: { a: "b" } } }, [".metadata.labels.a"]],
  ["an empty map and a null", podSchema, { metadata: { labels: {} }, spec: null }, [".spec", ".metadata.labels"]],
  [
    "two ports of one number",
    serviceSchema,
    podOf({ ports: [{ port: 53, protocol: "UDP" }, { port: 53 }] }),
    [
      '.spec.ports[port=53,protocol="TCP"]',
      '.spec.ports[port=53,protocol="UDP"]',
      '.spec.ports[port=53,protocol="TCP"].port',
      '.spec.ports[port=53,protocol="UDP"].port',
      '.spec.ports[port=53,protocol="UDP"].protocol',
    ],
  ],
];
for (const [what, schema, value, expected] of fieldCases) {
  test(`a configuration owns ${what}`, (t) => {
    t.deepEqual(texts(fieldsOf(schema, value)), expected);
  });
}

const typedCases: readonly (readonly [string, JsonObject, string])[] = [
  ["an unknown field", { spec: { replicaz: 1 } }, ".spec.replicaz: field not declared in schema"],
  [
    "an unknown field of an item",
    { spec: { template: { spec: { containers: [{ name: "c", imag: "" }] } } } },
    '.spec.template.spec.containers[name="c"].imag: field not declared in schema',
  ],
  ["a text for a number", { spec: { replicas: "3" } }, ".spec.replicas: expected numeric (int or float), got string"],
  [
    "a number for a text",
    { metadata: { labels: { a: 1 } } },
    ".metadata.labels.a: expected string, got &value.valueUnstructured{Value:1}",
  ],
  ["a text for a truth value", { spec: { paused: "yes" } }, ".spec.paused: expected boolean, got &{yes}"],
  ["a text for an object", { spec: "x" }, ".spec: expected map, got &{x}"],
  [
    "an object for a list",
    { spec: { template: { spec: { containers: { a: 1 } } } } },
    ".spec.template.spec.containers: expected list, got &{map[a:1]}",
  ],
  [
    "a key that stands twice",
    { spec: { template: { spec: { containers: [{ name: "c" }, { name: "c" }] } } } },
    '.spec.template.spec.containers: duplicate entries for key [name="c"]',
  ],
  [
    "two problems",
    { spec: { replicas: "3", paused: 1 } },
    "errors:\n  .spec.replicas: expected numeric (int or float), got string\n  .spec.paused: expected boolean, got &{1}",
  ],
];
for (const [what, config, message] of typedCases) {
  test(`a configuration with ${what} is refused`, (t) => {
    t.throws(() => checkTyped(deploymentSchema, config), { instanceOf: TypedError, message });
  });
}

test("a comparison tells added, modified and removed, and who fills a struct does not own it", (t) => {
  const before = { metadata: { labels: { a: "1", b: "2" } }, spec: { replicas: 1, paused: true } };
  const after = { metadata: { labels: { a: "1", b: "3" } }, spec: { replicas: 1, strategy: { type: "Recreate" } } };
  const { added, modified, removed } = compare(deploymentSchema, before, after);
  t.deepEqual(texts(added), [".spec.strategy.type"]);
  t.deepEqual(texts(modified), [".metadata.labels.b"]);
  t.deepEqual(texts(removed), [".spec.paused"]);
});

test("items that stand twice are compared as one", (t) => {
  const env = (...values: readonly string[]): JsonObject => ({
    spec: { containers: [{ name: "c", env: values.map((value) => ({ name: "A", value })) }] },
  });
  const path = '.spec.containers[name="c"].env[name="A"]';
  t.deepEqual(texts(compare(podSchema, env("1", "2"), env("1", "3")).modified), [path]);
  t.deepEqual(texts(compare(podSchema, env("1", "2"), env("1", "2")).modified), []);
  t.deepEqual(texts(compare(podSchema, env("1"), env("1", "2")).added), [path]);
  t.true(texts(compare(podSchema, env("1", "2"), env("1")).removed).includes(path));
});

const orders: readonly (readonly [string, string, string])[] = [
  ["abc", "b", "abc"],
  ["abc", "cb", "acb"],
  ["abc", "xb", "axbc"],
  ["abc", "bx", "abcx"],
  ["", "ba", "ba"],
  ["abcd", "da", "bcda"],
];
for (const [live, config, merged] of orders) {
  test(`items ${live || "of nothing"} merged with ${config} stand as ${merged}`, (t) => {
    const list = (names: string): JsonObject => podOf({ containers: names.split("").map((name) => ({ name })) });
    t.deepEqual(mergeConfig(podSchema, list(live), list(config)), list(merged));
  });
}

test("an apply that is repeated changes nothing, not even its time", (t) => {
  const config = { metadata: { name: "d" }, spec: { replicas: 2 } };
  const first = applyConfig(deployments, {}, new Map(), writer("m"), { config, force: false });
  const later = { ...writer("m"), now: "2027-01-01T00:00:00Z" };
  const again = applyConfig(deployments, first.object!, first.managers, later, { config, force: false });
  t.is(again.object, undefined);
  t.deepEqual(encodeManagers(again.managers), encodeManagers(first.managers));
});

const dataArb = fc.dictionary(fc.constantFrom("a", "b", "c", "d"), fc.constantFrom("1", "2"), { maxKeys: 4 });
const step = fc.record({
  manager: fc.constantFrom("m", "n", "o"),
  data: dataArb,
  force: fc.boolean(),
  apply: fc.boolean(),
});

test("whatever is done: the owner of an applied field finds it as it was applied, and nothing is owned that is not there", (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
      let live: JsonObject = { metadata: {}, data: {} };
      let managers: Managers = new Map();
      const applied = new Map<string, Record<string, string>>();
      for (const { manager, data, force, apply } of steps) {
        if (!apply) {
          const after = { metadata: {}, data };
          managers = recordUpdate(configMaps, { before: live, after }, managers, writer(manager));
          live = after;
        } else {
          try {
            const config = { metadata: {}, data };
            const result = applyConfig(configMaps, live, managers, writer(manager), { config, force });
            live = result.object ?? live;
            managers = result.managers;
            applied.set(manager, data);
          } catch (error) {
            t.true(error instanceof ApplyConflicts && !force);
          }
        }
        const present = new Set(texts(fieldsOf(configMapSchema, live)));
        for (const { name, operation, fields } of managers.values()) {
          for (const path of pathsOf(fields)) {
            if (pathText(path) === ".data") continue;
            t.true(present.has(pathText(path)), pathText(path));
            const key = pathText(path).slice(".data.".length);
            if (operation === "Apply") {
              t.is((live["data"] as Record<string, string>)[key], applied.get(name)![key]);
            }
          }
        }
      }
    }),
    { numRuns: 300 },
  );
});

test("managers of different fields do not see each other: their order does not matter", (t) => {
  fc.assert(
    fc.property(dataArb, dataArb, (one, other) => {
      const mine = { data: Object.fromEntries(Object.entries(one).map(([key, value]) => [`m-${key}`, value])) };
      const yours = { data: Object.fromEntries(Object.entries(other).map(([key, value]) => [`n-${key}`, value])) };
      const run = (order: readonly (readonly [string, JsonObject])[]): readonly unknown[] => {
        let live: JsonObject = { metadata: {} };
        let managers: Managers = new Map();
        for (const [name, config] of order) {
          const result = applyConfig(configMaps, live, managers, writer(name), { config, force: false });
          live = result.object ?? live;
          managers = result.managers;
        }
        const owned = [...managers.values()].map(({ name, fields }) => `${name}: ${texts(fields).join(" ")}`);
        return [decodeJson(configMapSchema, live, { validation: "Ignore" }).draft["data"], owned.toSorted()];
      };
      t.deepEqual(
        run([
          ["m", mine],
          ["n", yours],
        ]),
        run([
          ["n", yours],
          ["m", mine],
        ]),
      );
    }),
    { numRuns: 100 },
  );
});

test("what a merge leaves is a valid object of the kind", (t) => {
  const container = fc.record(
    { name: fc.constantFrom("a", "b", "c"), image: fc.constantFrom("x", "y"), tty: fc.boolean() },
    { requiredKeys: ["name"] },
  );
  const pods = fc.record({
    spec: fc.record({ containers: fc.uniqueArray(container, { selector: ({ name }) => name, maxLength: 3 }) }),
  });
  fc.assert(
    fc.property(pods, pods, (live, config) => {
      const merged = mergeConfig(podSchema, live as JsonObject, config as JsonObject);
      t.notThrows(() => checkTyped(podSchema, merged));
      const { added, modified, removed } = compare(
        podSchema,
        merged,
        mergeConfig(podSchema, merged, config as JsonObject),
      );
      t.true([added, modified, removed].every(isEmpty));
    }),
    { numRuns: 100 },
  );
});

test("an item that is applied no more goes, with what others own in it kept", (t) => {
  const containers = (...items: readonly JsonObject[]): JsonObject => ({
    spec: { template: { spec: { containers: items } } },
  });
  const first = applyConfig(deployments, {}, new Map(), writer("m"), {
    config: containers({ name: "a", image: "1" }, { name: "b", image: "1" }),
    force: false,
  });
  const second = applyConfig(deployments, first.object!, first.managers, writer("n"), {
    config: containers({ name: "b", tty: true }),
    force: false,
  });
  const third = applyConfig(deployments, second.object!, second.managers, writer("m"), { config: {}, force: false });
  t.deepEqual(third.object, containers({ name: "b", tty: true }));
  t.deepEqual(
    [...third.managers.values()].map(({ name }) => name),
    ["n"],
  );
});

test("a conflict names the manager, how it wrote and the field; several are ordered by manager", (t) => {
  const live = { spec: { replicas: 1, paused: true } };
  const entry = (name: string, operation: "Apply" | "Update", field: string, subresource = ""): Manager => ({
    name,
    operation,
    apiVersion: "apps/v1",
    subresource,
    time: "2026-01-01T00:00:00Z",
    fields: setOfNames([["spec", field]]),
  });
  const run = (entries: readonly Manager[]): ApplyConflicts => {
    const managers = new Map(entries.map((manager) => [identityOf(manager), manager]));
    return t.throws(
      () =>
        applyConfig(deployments, live, managers, writer("m"), {
          config: { spec: { replicas: 2, paused: false } },
          force: false,
        }),
      { instanceOf: ApplyConflicts },
    );
  };
  const one = conflictStatus(run([entry("hpa", "Update", "replicas", "scale")]).conflicts).status;
  t.like(one, {
    code: 409,
    reason: "Conflict",
    message: 'Apply failed with 1 conflict: conflict with "hpa" with subresource "scale" using apps/v1: .spec.replicas',
    details: {
      causes: [
        {
          reason: "FieldManagerConflict",
          message: 'conflict with "hpa" with subresource "scale" using apps/v1',
          field: ".spec.replicas",
        },
      ],
    },
  });
  const two = conflictStatus(run([entry("z", "Apply", "paused"), entry("a", "Update", "replicas")]).conflicts).status;
  t.is(
    two.message,
    'Apply failed with 2 conflicts: conflicts with "a" using apps/v1:\n- .spec.replicas\nconflicts with "z":\n- .spec.paused',
  );
});

test("entries of other versions are dropped when something changes hands", (t) => {
  const old: Manager = {
    name: "old",
    operation: "Update",
    apiVersion: "apps/v1beta1",
    subresource: "",
    time: undefined,
    fields: setOfNames([["spec", "paused"]]),
  };
  const objects = { before: { spec: { replicas: 1 } }, after: { spec: { replicas: 2 } } };
  const managers = recordUpdate(deployments, objects, new Map([[identityOf(old), old]]), writer("m"));
  t.deepEqual(
    [...managers.values()].map(({ name }) => name),
    ["m"],
  );
});

test("more than ten Updates become one entry, oldest first; what they own is kept", (t) => {
  const entries = Array.from({ length: 13 }, (_, at): Manager => ({
    name: `m${at}`,
    operation: "Update",
    apiVersion: "v1",
    subresource: "",
    time: `2026-01-01T00:00:${String(at).padStart(2, "0")}Z`,
    fields: setOfNames([["data", `k${at}`]]),
  }));
  const capped = capUpdates(new Map(entries.map((manager) => [identityOf(manager), manager])));
  t.is(capped.size, 10);
  const ancient = [...capped.values()].find(({ name }) => name === "ancient-changes");
  t.deepEqual(texts(ancient!.fields), [".data.k0", ".data.k1", ".data.k2", ".data.k3"]);
  t.is(ancient!.time, "2026-01-01T00:00:03Z");
});

test("the stored list: appliers first, then by time; a list that no server made is refused", (t) => {
  const list = [
    { manager: "b", operation: "Update", apiVersion: "v1", time: "2026-01-01T00:00:02Z", fieldsType: "FieldsV1" },
    { manager: "a", operation: "Update", apiVersion: "v1", time: "2026-01-01T00:00:03Z", fieldsType: "FieldsV1" },
    { manager: "c", operation: "Apply", apiVersion: "v1", fieldsType: "FieldsV1", subresource: "status" },
  ].map((entry) => ({ ...entry, fieldsV1: { "f:data": {} } }));
  const encoded = encodeManagers(decodeManagers(list)) as readonly { readonly manager: string }[];
  t.deepEqual(
    encoded.map(({ manager }) => manager),
    ["c", "b", "a"],
  );
  t.deepEqual(encodeManagers(decodeManagers(encoded)), encoded as unknown as readonly Json[]);
  for (const bad of [
    { ...list[0], operation: "Do" },
    { ...list[0], apiVersion: "" },
    { ...list[0], fieldsType: "x" },
    3,
  ]) {
    t.throws(() => decodeManagers([bad]), { instanceOf: FieldPathError });
  }
});

test("what a new object's creator owns is the same whether its shape was met before or not", (t) => {
  const texts = fc.dictionary(fc.constantFrom("a", "b", "1:a.", "a{b", "__proto__"), fc.constantFrom("", "x", "yy"));
  const maybe = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(of, { nil: undefined });
  const metadata = fc.record({ name: fc.constant("n"), labels: maybe(texts), annotations: maybe(texts) });
  const object = fc.record({ metadata, data: maybe(texts), immutable: maybe(fc.boolean()), binaryData: maybe(texts) });
  const fields = (set: FieldSet | undefined): unknown => set && encodeFields(set);
  fc.assert(
    fc.property(object, (given) => {
      const body = given as unknown as JsonObject;
      const fresh = changeOf(configMaps, {}, body);
      for (const known of [changeOfNew(configMaps, body, () => body), changeOfNew(configMaps, body, () => body)]) {
        t.deepEqual(fields(known?.taken), fields(fresh?.taken));
        t.deepEqual(fields(known?.lost), fields(fresh?.lost));
      }
    }),
  );
});

test("objects whose values decide about ownership have no shape, and names cannot be mistaken for structure", (t) => {
  t.is(shapeOf({ spec: { containers: [{ name: "a" }] } }), undefined);
  t.is(shapeOf({ data: {} }), undefined);
  t.is(shapeOf({ data: null }), undefined);
  t.not(shapeOf({ a: "x", b: "x" }), shapeOf({ "a.1:b": "x" }));
  t.not(shapeOf({ a: { b: "x" } }), shapeOf({ a: "x", b: "x" }));
  t.is(shapeOf({ data: { text: "x" }, immutable: true }), shapeOf({ data: { text: "y" }, immutable: false }));
});
