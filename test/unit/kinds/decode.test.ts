import test from "ava";
import { decodeJson } from "../../../src/kinds/decode-json.ts";
import { decodeProtobuf, openEnvelope, ProtobufError } from "../../../src/kinds/decode-protobuf.ts";
import { strictDecoding } from "../../../src/kinds/status-errors.ts";
import type { Json, JsonObject } from "../../../src/util/json.ts";
import { parseJsonText } from "../../../src/util/json-text.ts";
import { kindOf } from "./kit.ts";

function decoded(id: string, body: Json): ReturnType<typeof decodeJson> {
  return decodeJson(kindOf(id).schema, body, { validation: "Strict" });
}

test("unknown fields are told by their path, and dropped", (t) => {
  const { draft, unknown } = decoded("deployments.apps", {
    spec: { replicaz: 1, template: { spec: { containers: [{ name: "c", imagee: "x" }] } } },
  });
  t.deepEqual(unknown, ['unknown field "spec.replicaz"', 'unknown field "spec.template.spec.containers[0].imagee"']);
  t.deepEqual(draft["spec"], { template: { spec: { containers: [{ name: "c" }] } } });
  t.is(
    strictDecoding(kindOf("deployments.apps"), unknown).message,
    'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.replicaz", unknown field "spec.template.spec.containers[0].imagee"',
  );
});

test("wrong types are told as Go tells them", (t) => {
  const first = (body: Json): string | undefined => decoded("deployments.apps", body).errors[0];
  t.is(
    first({ spec: { replicas: "3" } }),
    "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
  );
  t.is(
    first({ spec: { replicas: 1.5 } }),
    "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
  );
  t.is(
    first({ metadata: { labels: ["a"] } }),
    "json: cannot unmarshal array into Go struct field ObjectMeta.metadata.labels of type map[string]string",
  );
  t.is(
    first({ metadata: { labels: 1 } }),
    "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type map[string]string",
  );
  t.is(first([]), "json: cannot unmarshal array into Go value of type v1.Deployment");
});

test("wrong types in a merged patch are told as the conversion tells them", (t) => {
  const schema = kindOf("pods").schema;
  const first = (spec: Json): string | undefined =>
    decodeJson(schema, { spec }, { validation: "Ignore", words: "converter" }).errors[0];
  const container = (fields: JsonObject): Json => ({ containers: [{ name: "c", ...fields }] });
  t.is(first({ nodeName: 1 }), "cannot convert int64 to string");
  t.is(first({ nodeName: true }), "unrecognized type: string");
  t.is(first({ priority: "x" }), "unrecognized type: int32");
  t.is(first({ priority: 1.5 }), "cannot convert float64 to int32");
  t.is(first({ hostPID: "yes" }), "unrecognized type: bool");
  t.is(first({ nodeSelector: [] }), "cannot restore map from slice");
  t.is(first({ containers: "c" }), "cannot restore slice from string");
  t.is(first(container({ resources: 1 })), "cannot restore struct from: int64");
  t.regex(first(container({ resources: { limits: { cpu: [] } } })) ?? "", /^quantities must match/);
});

test("nulls, empty texts and zeros that mean nothing are dropped; those that mean something stay", (t) => {
  const { draft } = decoded("deployments.apps", {
    metadata: { creationTimestamp: null, labels: {}, name: "" },
    spec: {
      replicas: 0,
      paused: false,
      minReadySeconds: 0,
      selector: {},
      template: { spec: { containers: [], hostNetwork: false, automountServiceAccountToken: false } },
    },
    status: {},
  });
  t.deepEqual(draft, {
    apiVersion: "",
    kind: "",
    metadata: {},
    spec: { replicas: 0, selector: {}, template: { spec: { containers: [], automountServiceAccountToken: false } } },
    status: {},
  });
});

test("scalars are canonical and maps sorted, so that equal objects have equal bytes", (t) => {
  const { draft } = decoded("pods", {
    metadata: { labels: { b: "1", a: "2" }, creationTimestamp: "2026-01-01T02:00:00+02:00" },
    spec: { containers: [{ name: "c", resources: { limits: { memory: "1024Mi", cpu: 2 } } }] },
  });
  t.is(
    JSON.stringify(draft),
    '{"apiVersion":"","kind":"","metadata":{"creationTimestamp":"2026-01-01T00:00:00Z","labels":{"a":"2","b":"1"}},"spec":{"containers":[{"name":"c","resources":{"limits":{"cpu":"2","memory":"1Gi"}}}]}}',
  );
});

test("keys that are names of prototypes are plain data", (t) => {
  const text = '{"data":{"__proto__":"a","constructor":"b"}}';
  const { draft } = decoded("configmaps", parseJsonText(text).value);
  t.deepEqual(Object.keys(draft["data"] as object), ["__proto__", "constructor"]);
  t.is(({} as Record<string, unknown>)["a"], undefined);
});

test("an integer that would be rounded is refused, not changed", (t) => {
  const text = '{"spec":{"terminationGracePeriodSeconds":9223372036854775807}}';
  t.regex(decoded("pods", parseJsonText(text).value).errors[0] ?? "", /cannot unmarshal number .* of type int64$/);
  t.deepEqual(decoded("pods", { spec: { terminationGracePeriodSeconds: Number.MAX_SAFE_INTEGER } }).errors, []);
});

/** A small writer of protobuf messages, for bodies as kubectl sends them. */
function varint(value: number): readonly number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

function message(number: number, body: string | readonly number[]): readonly number[] {
  const bytes = typeof body === "string" ? [...new TextEncoder().encode(body)] : body;
  return [...varint(number * 8 + 2), ...varint(bytes.length), ...bytes];
}

function int(number: number, value: number): readonly number[] {
  return [...varint(number * 8), ...varint(value)];
}

function envelope(apiVersion: string, kind: string, raw: readonly number[]): Uint8Array {
  const typeMeta = [...message(1, apiVersion), ...message(2, kind)];
  return new Uint8Array([
    0x6b,
    0x38,
    0x73,
    0,
    ...message(1, typeMeta),
    ...message(2, raw),
    ...message(3, ""),
    ...message(4, ""),
  ]);
}

test("a protobuf body stores the same object as its JSON form", (t) => {
  // Empty texts, zeros and empty times are sent for fields that are not pointers.
  const metadata = [
    ...message(1, "a"),
    ...message(2, ""),
    ...message(3, ""),
    ...message(5, ""),
    ...int(7, 0),
    ...message(8, []),
    ...message(11, [...message(1, "app"), ...message(2, "web")]),
  ];
  const port = [...message(1, ""), ...int(2, 0), ...int(3, 80), ...message(4, "")];
  const fieldRef = message(1, [...message(1, ""), ...message(2, "metadata.name")]);
  const secretKey = message(4, [...message(1, message(1, "s")), ...message(2, "k")]);
  const env = [...message(1, "A"), ...message(2, ""), ...message(3, [...fieldRef, ...secretKey])];
  const limits = message(1, [...message(1, "cpu"), ...message(2, message(1, "1000m"))]);
  const get = message(2, [...message(1, ""), ...message(2, [...int(1, 1), ...int(2, 0), ...message(3, "http")])]);
  const container = [
    ...message(1, "c"),
    ...message(2, "nginx"),
    ...message(6, port),
    ...message(7, env),
    ...message(8, limits),
    ...message(10, [...message(1, get), ...int(2, 0)]),
    ...message(14, ""),
  ];
  const volume = [...message(1, "v"), ...message(2, message(2, message(1, "")))];
  const spec = [...message(1, volume), ...message(2, container), ...message(3, ""), ...int(4, 0), ...int(11, 0)];
  const bytes = envelope("v1", "Pod", [...message(1, metadata), ...message(2, spec), ...message(3, [])]);
  const { draft, errors } = decodeProtobuf(kindOf("pods").schema, bytes);
  t.deepEqual(errors, []);
  const { draft: fromJson } = decoded("pods", {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "a", labels: { app: "web" } },
    spec: {
      volumes: [{ name: "v", emptyDir: {} }],
      containers: [
        {
          name: "c",
          image: "nginx",
          ports: [{ containerPort: 80 }],
          env: [
            {
              name: "A",
              valueFrom: { fieldRef: { fieldPath: "metadata.name" }, secretKeyRef: { name: "s", key: "k" } },
            },
          ],
          resources: { limits: { cpu: "1" } },
          livenessProbe: { httpGet: { port: "http" } },
        },
      ],
      terminationGracePeriodSeconds: 0,
    },
    status: {},
  });
  t.deepEqual(draft, fromJson);
});

test("bytes that are no such body are refused", (t) => {
  t.throws(() => openEnvelope(new Uint8Array([1, 2, 3])), { instanceOf: ProtobufError });
  const cut = envelope("v1", "Pod", message(1, "abc")).slice(0, -8);
  t.throws(() => decodeProtobuf(kindOf("pods").schema, cut), { instanceOf: ProtobufError });
});
