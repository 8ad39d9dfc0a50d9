import { configMap, deployment, pod, type Loose } from "../harness.ts";
import { CM, D, get, P, patch, post, put, secrets, type Case } from "./case.ts";

function container(more: Loose): Loose {
  return { containers: [{ name: "c", image: "i", ...more }] };
}

const withUnknown = '{"metadata":{"name":"a"},"spec":{"containers":[{"name":"c","image":"i","imagee":"x"}]}}';
const withTwice = '{"metadata":{"name":"a"},"data":{},"data":{}}';

function causes(...fields: readonly string[]): Loose {
  return { details: { causes: fields.map((field) => ({ field })) } };
}

export const validations: readonly Case[] = [
  {
    what: "a pod without containers",
    steps: [
      post(P, pod("a", { containers: [] }), 422, {
        says: /^Pod "a" is invalid: spec\.containers: Required value$/,
        like: causes("spec.containers"),
      }),
    ],
  },
  {
    what: "two fields that are wrong are told in one answer, in their order",
    steps: [
      post(P, pod("a", { restartPolicy: "Maybe", ...container({ imagePullPolicy: "Soon" }) }), 422, {
        says: /^Pod "a" is invalid: \[.*imagePullPolicy: Unsupported value: "Soon": supported values: .*, spec\.restartPolicy: Unsupported value: "Maybe"/,
        like: causes("spec.containers[0].imagePullPolicy", "spec.restartPolicy"),
      }),
    ],
  },
  {
    what: "two containers of one name",
    steps: [
      post(
        P,
        pod("a", {
          containers: [
            { name: "c", image: "i" },
            { name: "c", image: "i" },
          ],
        }),
        422,
        {
          says: /spec\.containers\[1\]\.name: Duplicate value: "c"/,
        },
      ),
    ],
  },
  {
    what: "a port beyond the range",
    steps: [
      post(P, pod("a", container({ ports: [{ containerPort: 70_000 }] })), 422, {
        says: /spec\.containers\[0\]\.ports\[0\]\.containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive/,
      }),
    ],
  },
  {
    what: "a protocol that nobody knows",
    steps: [
      post(P, pod("a", container({ ports: [{ containerPort: 1, protocol: "FOO" }] })), 422, {
        says: /ports\[0\]\.protocol: Unsupported value: "FOO": supported values: "SCTP", "TCP", "UDP"/,
      }),
    ],
  },
  {
    what: "a label of 64 characters",
    steps: [
      post(CM, { metadata: { name: "a", labels: { l: "x".repeat(64) } } }, 422, {
        says: /metadata\.labels: Invalid value: "x{64}": must be no more than 63 (bytes|characters)/,
      }),
    ],
  },
  {
    what: "annotations above 256 KiB",
    steps: [
      post(CM, { metadata: { name: "a", annotations: { a: "x".repeat(262_145) } } }, 422, {
        says: /metadata\.annotations: Too long: may not be more than 262144 bytes/,
      }),
    ],
  },
  {
    what: "a selector that misses the template",
    steps: [
      post(D, deployment("a", { selector: { matchLabels: { app: "b" } } }), 422, {
        says: /spec\.template\.metadata\.labels: Invalid value: .*`selector` does not match template `labels`/,
      }),
    ],
  },
  {
    what: "another selector later",
    steps: [
      post(D, deployment("a"), 201),
      patch(
        "merge",
        `${D}/a`,
        { spec: { selector: { matchLabels: { app: "a", b: "c" } }, template: { metadata: { labels: { b: "c" } } } } },
        422,
        {
          says: /spec\.selector: Invalid value: .*: field is immutable/,
        },
      ),
    ],
  },
  {
    what: "an unknown field, strictly",
    steps: [
      post(`${P}?fieldValidation=Strict`, withUnknown, 400, {
        says: /strict decoding error: unknown field "spec\.containers\[0\]\.imagee"/,
      }),
    ],
  },
  {
    what: "an unknown field, with a warning",
    steps: [post(`${P}?fieldValidation=Warn`, withUnknown, 201, { lacks: /imagee/ })],
  },
  {
    what: "a key that stands twice, strictly",
    steps: [
      post(`${CM}?fieldValidation=Strict`, withTwice, 400, { says: /strict decoding error: duplicate field "data"/ }),
    ],
  },
  {
    what: "a mode of validation that is none",
    steps: [post(`${CM}?fieldValidation=x`, configMap("a"), 422, { says: /fieldValidation: Unsupported value: "x"/ })],
  },
  {
    what: "a quantity is stored in its canonical form",
    steps: [
      post(P, pod("a", container({ resources: { requests: { memory: "1.5Gi" } } })), 201, {
        says: /"memory":"1536Mi"/,
      }),
    ],
  },
  {
    what: "a quantity that is none",
    steps: [
      post(P, pod("a", container({ resources: { requests: { memory: "abc" } } })), 400, {
        says: /quantities must match the regular expression/,
      }),
    ],
  },
  {
    what: "more asked than allowed",
    steps: [
      post(P, pod("a", container({ resources: { requests: { cpu: "2" }, limits: { cpu: "1" } } })), 422, {
        says: /spec\.containers\[0\]\.resources\.requests: Invalid value: "2": must be less than or equal to cpu limit of 1/,
      }),
    ],
  },
  {
    what: "an absent security context is stored empty",
    steps: [post(P, pod("a"), 201), get(`${P}/a`, 200, { like: { spec: { securityContext: {} } } })],
  },
  {
    what: "the data of an immutable ConfigMap",
    steps: [
      post(CM, { ...configMap("a"), immutable: true }, 201),
      put(`${CM}/a`, { ...configMap("a", { k: "w" }), immutable: true }, 422, {
        says: /data: Forbidden: field is immutable when `immutable` is set/,
      }),
    ],
  },
  {
    what: "the data of an immutable Secret",
    steps: [
      post(secrets, { metadata: { name: "a" }, data: { k: "dg==" }, immutable: true }, 201),
      put(`${secrets}/a`, { metadata: { name: "a" }, data: { k: "dw==" }, immutable: true }, 422, {
        says: /data: Forbidden: field is immutable when `immutable` is set/,
      }),
    ],
  },
  {
    what: "a Secret's type later",
    steps: [
      post(secrets, { metadata: { name: "a" } }, 201),
      put(`${secrets}/a`, { metadata: { name: "a" }, type: "other" }, 422, {
        says: /type: Invalid value: "other": field is immutable/,
      }),
    ],
  },
  {
    what: "a wrong type",
    steps: [
      post(CM, { metadata: { name: "a" }, data: 1 }, 400, {
        says: /^ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap\.data of type map\[string\]string$/,
      }),
    ],
  },
  {
    what: "a key of data that is no file name",
    steps: [
      post(CM, configMap("a", { "a/b": "x" }), 422, {
        says: /data\[a\/b\]: Invalid value: "a\/b": a valid config key must consist of alphanumeric characters/,
      }),
    ],
  },
];
