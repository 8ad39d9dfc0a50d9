import { configMap, pod } from "../harness.ts";
import { CM, get, last, P, post, S, secrets, type Case } from "./case.ts";

const yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v}\n";

export const creations: readonly Case[] = [
  {
    what: "a valid pod is created with uid, creation time and resourceVersion",
    steps: [post(P, pod("a"), 201, { says: /"uid":"[0-9a-f-]{36}".*"resourceVersion":"\d+".*"creationTimestamp":"2/ })],
  },
  {
    what: "the same name again",
    steps: [
      post(CM, configMap("a"), 201),
      post(CM, configMap("a"), 409, {
        says: /^configmaps "a" already exists$/,
        like: { reason: "AlreadyExists", details: { name: "a", kind: "configmaps" } },
      }),
    ],
  },
  {
    what: "neither name nor generateName",
    steps: [
      post(CM, { metadata: {} }, 422, {
        like: {
          reason: "Invalid",
          details: { causes: [{ reason: "FieldValueRequired", field: "metadata.name" }] },
        },
      }),
    ],
  },
  {
    what: "generateName is followed by five characters",
    steps: [
      post(CM, { metadata: { generateName: "a-" } }, 201, { says: /"name":"a-[bcdfghjklmnpqrstvwxz2456789]{5}"/ }),
    ],
  },
  {
    what: "a long generateName is cut to 58 characters",
    steps: [post(CM, { metadata: { generateName: "a".repeat(70) } }, 201, { says: /"name":"a{58}[a-z0-9]{5}"/ })],
  },
  {
    what: "a name that is no subdomain",
    steps: [
      post(CM, configMap("A_b"), 422, {
        says: /^ConfigMap "A_b" is invalid: metadata\.name: Invalid value: "A_b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '\.', and must start and end with an alphanumeric character \(e\.g\. 'example\.com', regex used for validation is '/,
      }),
    ],
  },
  {
    what: "a Service's name that is no label",
    steps: [
      post(S, { metadata: { name: "a.b" }, spec: { ports: [{ port: 80 }] } }, 422, {
        says: /metadata\.name: Invalid value: "a\.b": must not contain dots|metadata\.name: Invalid value: "a\.b": a lowercase RFC 1123 label must consist of/,
      }),
    ],
  },
  {
    what: "a name of 254 characters",
    steps: [
      post(CM, configMap("a".repeat(254)), 422, {
        says: /metadata\.name: Invalid value: .*must be no more than 253 (bytes|characters)/,
      }),
    ],
  },
  {
    what: "into a namespace that is not there",
    steps: [
      post("/api/v1/namespaces/x/configmaps", configMap("a"), 404, {
        says: /^namespaces "x" not found$/,
        like: { reason: "NotFound", details: { name: "x", kind: "namespaces" } },
      }),
    ],
  },
  {
    what: "into a namespace that ends",
    steps: [
      post("/api/v1/namespaces", { metadata: { name: "gone" } }, 201),
      post("/api/v1/namespaces/gone/configmaps", { metadata: { name: "a", finalizers: ["x.io/f"] } }, 201),
      { ask: "DELETE /api/v1/namespaces/gone", code: 200 },
      post("/api/v1/namespaces/gone/configmaps", configMap("b"), 403, {
        says: /^configmaps "b" is forbidden: unable to create new content in namespace gone because it is being terminated$/,
        like: {
          details: { causes: [{ reason: "NamespaceTerminating", message: "namespace gone is being terminated" }] },
        },
      }),
    ],
  },
  {
    what: "creationTimestamp null and an empty status",
    steps: [post(P, { ...pod("a"), metadata: { name: "a", creationTimestamp: null }, status: {} }, 201)],
  },
  { what: "a YAML body", steps: [{ ...post(CM, yaml, 201), headers: { "content-type": "application/yaml" } }] },
  {
    what: "a body of a type that nobody reads",
    steps: [{ ...post(CM, "x", 415), headers: { "content-type": "image/png" } }],
  },
  {
    what: "protobuf that ends in the middle",
    steps: [
      {
        ...post(CM, Uint8Array.of(0x6b, 0x38, 0x73, 0x00, 0x0a, 0x40, 0x01), 400),
        headers: { "content-type": "application/vnd.kubernetes.protobuf" },
      },
    ],
  },
  {
    what: "a body of 3 MiB and a byte",
    steps: [post(CM, "x".repeat(3 * 1024 * 1024 + 1), 413, { like: { reason: "RequestEntityTooLarge" } })],
  },
  {
    what: "a resourceVersion on what is to be created",
    steps: [
      post(CM, { metadata: { name: "a", resourceVersion: "1" } }, 400, {
        says: /^resourceVersion should not be set on objects to be created$/,
      }),
    ],
  },
  { what: "text that is no JSON", steps: [post(CM, "{", 400, { like: { reason: "BadRequest" } })] },
  {
    what: "what is not there",
    steps: [
      get(`${CM}/a`, 404, {
        says: /^configmaps "a" not found$/,
        like: { status: "Failure", reason: "NotFound", details: { name: "a", kind: "configmaps" }, code: 404 },
      }),
    ],
  },
  {
    what: "an encoded way out of the collection",
    steps: [get(`${CM}/..%2fx`, 400, { like: { reason: "BadRequest" } })],
  },
  {
    what: "a dry run stores nothing",
    steps: [post(`${CM}?dryRun=All`, configMap("a"), 201), get(`${CM}/a`, 404)],
  },
  {
    what: "a dry run of another word",
    steps: [
      post(`${CM}?dryRun=x`, configMap("a"), 422, {
        says: /dryRun: Unsupported value: \["x"\]: supported values: "All"/,
      }),
    ],
  },
  {
    what: "a Secret's texts become bytes",
    steps: [
      post(secrets, { metadata: { name: "s" }, stringData: { a: "b" } }, 201, {
        like: { data: { a: "Yg==" }, type: "Opaque" },
      }),
      get(`${secrets}/s`, 200, { lacks: /stringData/ }),
    ],
  },
  {
    what: "what was created is read as it was answered",
    steps: [post(CM, configMap("a"), 201), { ask: `GET ${CM}/a`, code: 200, like: last }],
  },
];
