import { configMap, pod, type Answer, type Loose } from "../harness.ts";
import { CM, get, last, P, post, put, table, type Case, type Step } from "./case.ts";

const labelled = (name: string, labels: Loose): Loose => ({ ...configMap(name), metadata: { name, labels } });
const five: readonly Step[] = ["a", "b", "c", "d", "e"].map((name) => post(CM, configMap(name), 201));
const names = (...list: readonly string[]): Loose => ({ items: list.map((name) => ({ metadata: { name } })) });
const next = (earlier: readonly Answer[]): string =>
  `GET ${CM}?limit=2&continue=${encodeURIComponent(last(earlier).metadata.continue)}`;
const accept = (type: string): { readonly headers: Readonly<Record<string, string>> } => ({
  headers: { accept: type },
});

export const reads: readonly Case[] = [
  {
    what: "pages",
    steps: [
      ...five,
      get(`${CM}?limit=2`, 200, { like: { ...names("a", "b"), metadata: { remainingItemCount: 3 } } }),
      { ask: next, code: 200, like: { ...names("c", "d"), metadata: { remainingItemCount: 1 } } },
      { ask: next, code: 200, like: names("e"), lacks: /"continue":"[^"]|remainingItemCount/ },
    ],
  },
  {
    what: "pages keep their revision while others write",
    steps: [
      ...five,
      get(`${CM}?limit=2`, 200),
      put(`${CM}/c`, configMap("c", { k: "late" }), 200),
      {
        ask: (earlier) => next(earlier.slice(0, -1)),
        code: 200,
        lacks: /late/,
        like: (earlier: readonly Answer[]) => ({
          metadata: { resourceVersion: earlier.at(-2)!.json.metadata.resourceVersion },
        }),
      },
    ],
  },
  {
    what: "a page with a selector does not count",
    steps: [
      ...five,
      get(`${CM}?limit=2&labelSelector=%21x`, 200, { says: /"continue":"/, lacks: /remainingItemCount/ }),
    ],
  },
  {
    what: "a token that is none",
    steps: [get(`${CM}?limit=2&continue=x`, 400, { says: /^continue key is not valid: / })],
  },
  {
    what: "a revision that is to come",
    steps: [
      get(`${CM}?resourceVersion=999999&resourceVersionMatch=NotOlderThan`, 504, {
        says: /^Timeout: Too large resource version: 999999, current: \d+$/,
        like: { reason: "Timeout", details: { causes: [{ reason: "ResourceVersionTooLarge" }] } },
      }),
    ],
  },
  {
    what: "a rule of matching without a revision",
    steps: [
      get(`${CM}?resourceVersionMatch=Exact`, 422, {
        says: /resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided/,
      }),
    ],
  },
  {
    what: "the order of namespaces and names",
    steps: [
      post("/api/v1/namespaces", { metadata: { name: "m" } }, 201),
      post(CM, configMap("a"), 201),
      post("/api/v1/namespaces/m/configmaps", configMap("z"), 201),
      get("/api/v1/configmaps", 200, { like: names("z", "a") }),
    ],
  },
  {
    what: "notin selects what lacks the label",
    steps: [
      post(CM, labelled("a", { k: "a" }), 201),
      post(CM, labelled("b", { k: "b" }), 201),
      post(CM, configMap("c"), 201),
      get(`${CM}?labelSelector=${encodeURIComponent("k notin (a)")}`, 200, { like: names("b", "c") }),
      get(`${CM}?labelSelector=${encodeURIComponent("k in (a,b)")}`, 200, { like: names("a", "b") }),
      get(`${CM}?labelSelector=${encodeURIComponent("k,k!=a")}`, 200, { like: names("b") }),
    ],
  },
  {
    what: "a selector that nobody can read",
    steps: [get(`${CM}?labelSelector=${encodeURIComponent("a in (")}`, 400, { says: /unable to parse requirement/ })],
  },
  {
    what: "fields of pods",
    steps: [
      post(P, pod("a", { nodeName: "m" }), 201),
      post(P, pod("b"), 201),
      get(`${P}?fieldSelector=${encodeURIComponent("spec.nodeName!=m")}`, 200, { like: names("b") }),
      get(`${P}?fieldSelector=metadata.name%3Da`, 200, { like: names("a") }),
      get(`${P}?fieldSelector=spec.x%3Da`, 400, { says: /field label not supported: spec\.x/ }),
    ],
  },
  {
    what: "a Table",
    steps: [
      post(CM, configMap("a"), 201),
      get(CM, 200, {
        ...accept(table),
        like: { kind: "Table", apiVersion: "meta.k8s.io/v1", rows: [{ object: { kind: "PartialObjectMetadata" } }] },
        says: /"columnDefinitions":\[\{"name":"Name".*"metadata":\{"resourceVersion":"\d+"|"metadata":\{"resourceVersion":"\d+".*"columnDefinitions":\[\{"name":"Name"/,
      }),
    ],
  },
  {
    what: "metadata alone",
    steps: [
      post(CM, configMap("a"), 201),
      get(CM, 200, {
        ...accept("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"),
        like: { kind: "PartialObjectMetadataList", apiVersion: "meta.k8s.io/v1", ...names("a") },
        lacks: /"data"/,
      }),
    ],
  },
  { what: "a representation that nobody makes", steps: [get(CM, 406, accept("image/png"))] },
  {
    what: "protobuf if need be, JSON otherwise",
    steps: [
      get(CM, 200, {
        ...accept("application/vnd.kubernetes.protobuf,application/json"),
        like: { kind: "ConfigMapList" },
      }),
    ],
  },
  { what: "a resource that nobody serves", steps: [get("/api/v1/namespaces/n/things", 404)] },
  { what: "a group that nobody serves", steps: [get("/apis/x.io/v1/things", 404)] },
  {
    what: "a verb that a resource does not have",
    steps: [{ ask: `POST ${CM}/a`, body: {}, code: 405, like: { reason: "MethodNotAllowed" } }],
  },
  {
    what: "the version, with a slash too",
    steps: [get("/version", 200, { says: /"gitVersion":/ }), get("/version/", 200)],
  },
  {
    what: "health",
    steps: [get("/livez", 200, { says: /^ok$/ }), get("/readyz?verbose", 200, { says: /\[\+\]ping ok/ })],
  },
];
