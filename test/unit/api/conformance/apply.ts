import { configMap, type Loose } from "../harness.ts";
import { CM, D, get, last, P, patch, post, put, S, type Case } from "./case.ts";

const cm = (data: Loose, more: Loose = {}): Loose => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "a", ...more },
  data,
});
const byManager = (manager: string, force = false): string =>
  `${CM}/a?fieldManager=${manager}${force ? "&force=true" : ""}`;
const template = {
  metadata: { labels: { app: "d" } },
  spec: { containers: [{ name: "c", image: "i" }] },
};
const dep = (spec: Loose): Loose => ({ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "d" }, spec });
const whole = { replicas: 2, selector: { matchLabels: { app: "d" } }, template };
const service = (...ports: readonly Loose[]): Loose => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "s" },
  spec: { ports },
});

export const applies: readonly Case[] = [
  {
    what: "the same again writes nothing",
    steps: [
      patch("apply", byManager("m"), cm({ k: "v" }), 201),
      { ...patch("apply", byManager("m"), cm({ k: "v" }), 200), like: last },
    ],
  },
  {
    what: "without a manager",
    steps: [
      patch("apply", `${CM}/a`, cm({ k: "v" }), 422, {
        says: /fieldManager: Required value: is required for apply patch/,
      }),
    ],
  },
  {
    what: "another manager of the same value shares it, and either may leave",
    steps: [
      patch("apply", byManager("m"), cm({ k: "v" }), 201),
      patch("apply", byManager("o"), cm({ k: "v" }), 200),
      patch("apply", byManager("m"), cm({}), 200, { like: { data: { k: "v" } } }),
      patch("apply", byManager("o"), cm({}), 200, { lacks: /"k":/ }),
    ],
  },
  {
    what: "another value conflicts, and force takes the field",
    steps: [
      patch("apply", byManager("m"), cm({ k: "v" }), 201),
      patch("apply", byManager("o"), cm({ k: "w" }), 409, {
        says: /^Apply failed with 1 conflict: conflict with "m": \.data\.k$/,
        like: {
          reason: "Conflict",
          details: { causes: [{ reason: "FieldManagerConflict", message: 'conflict with "m"', field: ".data.k" }] },
        },
      }),
      patch("apply", byManager("o", true), cm({ k: "w" }), 200, { like: { data: { k: "w" } } }),
      patch("apply", byManager("m"), cm({}), 200, { like: { data: { k: "w" } } }),
    ],
  },
  {
    what: "two conflicts are told with their managers",
    steps: [
      patch("apply", byManager("m"), cm({ k: "v", l: "v" }), 201),
      patch("apply", byManager("o"), cm({ k: "w", l: "w" }), 409, {
        says: /^Apply failed with 2 conflicts: conflicts with "m":\n- \.data\.k\n- \.data\.l$/,
      }),
    ],
  },
  {
    what: "an owned field that is left out is removed",
    steps: [
      patch("apply", byManager("m"), cm({ k: "v", l: "w" }), 201),
      patch("apply", byManager("m"), cm({ l: "w" }), 200, { lacks: /"k":/, like: { data: { l: "w" } } }),
    ],
  },
  {
    what: "the scale takes the replicas from their applier",
    steps: [
      patch("apply", `${D}/d?fieldManager=m`, dep(whole), 201),
      put(`${D}/d/scale?fieldManager=hpa`, { metadata: { name: "d" }, spec: { replicas: 5 } }, 200),
      patch("apply", `${D}/d?fieldManager=m`, dep(whole), 409, {
        says: /conflict with "hpa" with subresource "scale" using apps\/v1.*\.spec\.replicas/,
      }),
      patch("apply", `${D}/d?fieldManager=m`, dep({ ...whole, replicas: undefined }), 200, {
        like: { spec: { replicas: 5 } },
      }),
    ],
  },
  {
    what: "an item of a list is owned by its key",
    steps: [
      patch("apply", `${D}/d?fieldManager=m`, dep(whole), 201, { says: /"k:\{\\"name\\":\\"c\\"\}":\{/ }),
      patch(
        "apply",
        `${D}/d?fieldManager=o`,
        dep({ template: { spec: { containers: [{ name: "e", image: "j" }] } } }),
        200,
        {
          says: /"name":"c".*"name":"e"/s,
        },
      ),
    ],
  },
  {
    what: "an atomic map is owned as one",
    steps: [
      patch("apply", `${D}/d?fieldManager=m`, dep(whole), 201),
      patch(
        "apply",
        `${D}/d?fieldManager=o`,
        dep({ selector: { matchLabels: { app: "d", x: "y" } }, template: { metadata: { labels: { x: "y" } } } }),
        409,
        {
          says: /\.spec\.selector/,
        },
      ),
    ],
  },
  {
    what: "ports of one number and two protocols are two items",
    steps: [
      patch("apply", `${S}/s?fieldManager=m`, service({ name: "t", port: 53, protocol: "TCP" }), 201),
      patch("apply", `${S}/s?fieldManager=o`, service({ name: "u", port: 53, protocol: "UDP" }), 200, {
        says: /"name":"t".*"name":"u"/s,
      }),
    ],
  },
  {
    what: "what nobody tracked belongs to what was there before",
    steps: [
      post(CM, { ...configMap("a"), metadata: { name: "a", managedFields: [] } }, 201),
      put(`${CM}/a`, { ...configMap("a"), metadata: { name: "a", managedFields: [{}] } }, 200),
      patch("apply", byManager("m", true), cm({ k: "w" }), 200, { says: /"before-first-apply"|"manager":"m"/ }),
    ],
  },
  {
    what: "managed fields in the body",
    steps: [
      patch("apply", byManager("m"), cm({}, { managedFields: [{ manager: "x" }] }), 400, {
        says: /metadata\.managedFields must be nil/,
      }),
    ],
  },
  {
    what: "an apply of a wrong value stores nothing",
    steps: [
      patch(
        "apply",
        `${P}/a?fieldManager=m`,
        { apiVersion: "v1", kind: "Pod", metadata: { name: "a" }, spec: { containers: [] } },
        422,
      ),
      get(`${P}/a`, 404),
    ],
  },
];
