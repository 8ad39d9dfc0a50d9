import { configMap, deployment, pod, type Loose } from "../harness.ts";
import { CM, D, P, patch, post, S, type Case } from "./case.ts";

const two = deployment("a", {
  template: {
    metadata: { labels: { app: "a" } },
    spec: {
      containers: [
        { name: "c", image: "i" },
        { name: "d", image: "j" },
      ],
    },
  },
});
const containers = (...list: readonly Loose[]): Loose => ({ spec: { template: { spec: { containers: list } } } });
const dns = {
  metadata: { name: "s" },
  spec: {
    ports: [
      { name: "t", port: 53, protocol: "TCP" },
      { name: "u", port: 53, protocol: "UDP" },
    ],
  },
};

export const patches: readonly Case[] = [
  {
    what: "a test that fails",
    steps: [
      post(CM, configMap("a"), 201),
      patch("json", `${CM}/a`, [{ op: "test", path: "/data/k", value: "x" }], 422, { like: { reason: "Invalid" } }),
    ],
  },
  {
    what: "10,001 operations",
    steps: [
      post(CM, configMap("a"), 201),
      patch("json", `${CM}/a`, Array(10_001).fill({ op: "remove", path: "/data/k" }), 413, {
        says: /The allowed maximum operations in a JSON patch is 10000, got 10001/,
      }),
    ],
  },
  {
    what: "null of a merge patch removes",
    steps: [
      post(CM, configMap("a", { k: "v", l: "w" }), 201),
      patch("merge", `${CM}/a`, { data: { k: null } }, 200, { like: { data: { l: "w" } }, lacks: /"k":/ }),
    ],
  },
  {
    what: "a list of a merge patch replaces",
    steps: [
      post(D, two, 201),
      patch("merge", `${D}/a`, containers({ name: "e", image: "k" }), 200, { lacks: /"image":"i"/ }),
    ],
  },
  {
    what: "containers merge by their names",
    steps: [
      post(D, two, 201),
      patch("strategic", `${D}/a`, containers({ name: "d", image: "k" }), 200, {
        like: containers({ name: "c", image: "i" }, { name: "d", image: "k" }),
      }),
    ],
  },
  {
    what: "$patch: delete takes one of the list",
    steps: [
      post(D, two, 201),
      patch("strategic", `${D}/a`, containers({ name: "c", $patch: "delete" }), 200, {
        like: containers({ name: "d", image: "j" }),
        lacks: /"image":"i"/,
      }),
    ],
  },
  {
    what: "$deleteFromPrimitiveList takes values out",
    steps: [
      post(CM, { ...configMap("a"), metadata: { name: "a", finalizers: ["x.io/a", "x.io/b"] } }, 201),
      patch("strategic", `${CM}/a`, { metadata: { "$deleteFromPrimitiveList/finalizers": ["x.io/a"] } }, 200, {
        like: { metadata: { finalizers: ["x.io/b"] } },
      }),
    ],
  },
  {
    what: "$setElementOrder orders",
    steps: [
      post(D, two, 201),
      patch(
        "strategic",
        `${D}/a`,
        { spec: { template: { spec: { "$setElementOrder/containers": [{ name: "d" }, { name: "c" }] } } } },
        200,
        { like: containers({ name: "d" }, { name: "c" }) },
      ),
    ],
  },
  {
    what: "$retainKeys drops what it does not name",
    steps: [
      post(D, deployment("a"), 201),
      patch("strategic", `${D}/a`, { spec: { strategy: { $retainKeys: ["type"], type: "Recreate" } } }, 200, {
        like: { spec: { strategy: { type: "Recreate" } } },
        lacks: /"rollingUpdate"/,
      }),
    ],
  },
  {
    what: "an element without the key of its list",
    steps: [
      post(D, two, 201),
      patch("strategic", `${D}/a`, containers({ image: "k" }), 422, {
        says: /does not contain declared merge key: name/,
      }),
    ],
  },
  {
    what: "ports of one number merge by it in a strategic patch",
    steps: [
      post(S, dns, 201),
      patch("strategic", `${S}/s`, { spec: { ports: [{ port: 54, name: "v" }] } }, 200, {
        says: /"port":54/,
      }),
    ],
  },
  {
    what: "a stale resourceVersion in a patch",
    steps: [
      post(CM, configMap("a"), 201),
      patch("merge", `${CM}/a`, { metadata: { resourceVersion: "1" }, data: { k: "2" } }, 409, {
        like: { reason: "Conflict" },
      }),
    ],
  },
  {
    what: "force is for applies alone",
    steps: [
      post(CM, configMap("a"), 201),
      patch("merge", `${CM}/a?force=true`, { data: {} }, 422, {
        says: /force: Forbidden: may not be specified for non-apply patch/,
      }),
    ],
  },
  {
    what: "a type of patch that nobody knows",
    steps: [
      post(CM, configMap("a"), 201),
      { ...patch("merge", `${CM}/a`, {}, 415), headers: { "content-type": "application/json" } },
    ],
  },
  {
    what: "a patch of what is not there",
    steps: [patch("merge", `${P}/a`, { metadata: { labels: {} } }, 404, { says: /^pods "a" not found$/ })],
  },
  {
    what: "a patch that changes nothing keeps the resourceVersion",
    steps: [
      post(P, pod("a"), 201),
      { ...patch("merge", `${P}/a`, {}, 200), like: (earlier: readonly { json: Loose }[]) => earlier.at(-1)!.json },
    ],
  },
];
