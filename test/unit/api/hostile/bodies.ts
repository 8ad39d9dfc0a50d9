import { CM, configMap, D, deployment, P, pod, type Loose } from "../harness.ts";

/** A request that must not hurt, and its answer. */
export interface Hostile {
  readonly what: string;
  readonly method: string;
  readonly target: string;
  /** Made when it is sent: some are large. Text and bytes go out as they are, the rest as JSON. */
  readonly body?: () => unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly code: number;
  /** Of the Status' message; of the whole text where the code is no refusal. */
  readonly says?: RegExp;
}

function post(target: string, what: string, body: () => unknown, code: number, says?: RegExp): Hostile {
  return { what, method: "POST", target, body, code, ...(says === undefined ? {} : { says }) };
}

function cm(what: string, text: string | (() => string), code: number, says?: RegExp): Hostile {
  return post(CM, what, typeof text === "string" ? () => text : text, code, says);
}

/** The JSON text of an object with `"$"` replaced by a raw text. */
function raw(object: Loose, text: string): () => string {
  return () => JSON.stringify(object).replace('"$"', text);
}

/** What the whole message of a body is whose text is no JSON. */
function notJson(problem: RegExp): RegExp {
  const start = "the object provided is unrecognized \\(must be of type ConfigMap\\): couldn't get version/kind";
  return new RegExp(`^${start}; json parse error: ${problem.source} \\(.+\\)$`, "s");
}

function many(count: number, item: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => item(index)).join();
}

const mebibyte = 1024 * 1024;
const requests = (cpu: string): Loose =>
  pod("q", { containers: [{ name: "c", image: "i", resources: { requests: { cpu } } }] });
const quantity = /quantities must match the regular expression/;
const subdomain = /metadata\.name: Invalid value: .*a lowercase RFC 1123 subdomain/;

/** Bodies in JSON. */
export const bodies: readonly Hostile[] = [
  cm("three million opening brackets", () => "[".repeat(3 * mebibyte), 400, notJson(/exceeded max depth/)),
  cm("objects 600,000 deep", () => '{"a":'.repeat(600_000), 400, notJson(/exceeded max depth/)),
  cm("101 levels", `${'{"a":'.repeat(101)}1${"}".repeat(101)}`, 400, notJson(/exceeded max depth/)),
  cm(
    "150,000 keys of one object",
    () => `{${many(150_000, (i) => `"k${i}":1`)}}`,
    400,
    notJson(/exceeded max number of object members: 20000/),
  ),
  cm(
    "150,000 keys of a map, far apart",
    () => `{"data":{${many(150_000, (i) => `"${i * 7919}":"1"`)}}}`,
    400,
    /members/,
  ),
  cm(
    "900,000 empty lists",
    () => `{"x":[${many(900_000, () => "[]")}]}`,
    400,
    notJson(/exceeded max number of values: 200000/),
  ),
  cm("3 MiB and a byte", () => "x".repeat(3 * mebibyte + 1), 413, /^Request entity too large: limit is 3145728$/),
  cm(
    "20,000 keys that are none",
    () => `{"metadata":{"name":"k"},"data":{${many(20_000, (i) => `"k ${i}":"1"`)}}}`,
    422,
    /data\[k 0\]: Invalid value/,
  ),
  post(
    P,
    "60,000 containers without names",
    () => pod("k", { containers: Array.from({ length: 60_000 }, () => ({})) }),
    422,
    /spec\.containers\[0\]\.name: Required value/,
  ),
  post(
    CM,
    "2,000 controllers of one object, each told with all others",
    () => ({
      metadata: {
        name: "k",
        ownerReferences: Array.from({ length: 2_000 }, (_, i) => ({
          apiVersion: "v1",
          kind: "Pod",
          name: `p${i}`,
          uid: `u${i}`,
          controller: true,
        })),
      },
    }),
    422,
    /Only one reference can have Controller set to true/,
  ),
  cm("an empty body", "", 400, /json parse error: unexpected end of JSON input \(<empty>\)$/),
  post(
    CM,
    "bytes of Latin-1",
    () => Uint8Array.of(0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d),
    400,
    /not valid UTF-8/,
  ),
  cm("a NUL as it is", '{"metadata":{"name":"a\u0000b"}}', 400, notJson(/invalid character '\\x00' in string literal/)),
  cm("a NUL in a name", '{"metadata":{"name":"a\\u0000b"}}', 422, /metadata\.name: Invalid value: "a\\x00b"/),
  cm("a byte order mark", '\ufeff{"metadata":{"name":"bom"}}', 400, /looking for beginning of value/),
  cm(
    "a comma too many",
    '{"metadata":{"name":"a",}}',
    400,
    notJson(/invalid character '}' looking for beginning of object key string/),
  ),
  cm("two documents in one", "{}{}", 400, notJson(/invalid character '{' after top-level value/)),
  cm("single quotes", "{'a':1}", 400, notJson(/invalid character '\\'' looking for beginning of object key string/)),
  cm("a number with a leading zero", '{"a":012}', 400, notJson(/invalid character '1' after object key:value pair/)),
  cm("NaN", '{"a":NaN}', 400, notJson(/invalid character 'N' looking for beginning of value/)),
  cm("half a literal", '{"a":tru', 400, /beginning of value/),
  cm("a bad escape", '{"a":"\\x41"}', 400, notJson(/invalid character 'x' in string escape code/)),
  cm("a list", "[]", 400, /cannot unmarshal array into Go value of type v1\.ConfigMap/),
  cm("null", "null", 400, /cannot unmarshal null/),
  cm("a number", "1", 400, /cannot unmarshal number into Go value of type v1\.ConfigMap/),
  cm(
    "apiVersion as a number",
    '{"apiVersion":1}',
    400,
    /cannot unmarshal number into Go struct field ConfigMap\.apiVersion of type string/,
  ),
  cm(
    "kind as an object",
    '{"kind":{}}',
    400,
    /cannot unmarshal object into Go struct field ConfigMap\.kind of type string/,
  ),
  cm(
    "metadata as a list",
    '{"metadata":[]}',
    400,
    /cannot unmarshal array into Go struct field ConfigMap\.metadata of type v1\.ObjectMeta/,
  ),
  cm(
    "a value of data as an object",
    '{"data":{"__proto__":{}}}',
    400,
    /cannot unmarshal object into Go struct field ConfigMap\.data\.__proto__ of type string/,
  ),
  {
    ...cm(
      "one key twice, strictly",
      '{"metadata":{"name":"a","name":"b"}}',
      400,
      /strict decoding error: duplicate field "metadata\.name"$/,
    ),
    target: `${CM}?fieldValidation=Strict`,
  },
  {
    ...cm(
      "names of prototypes as fields, strictly",
      '{"metadata":{"name":"k","__proto__":{"a":1}},"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
      400,
      /strict decoding error: unknown field "metadata\.__proto__", unknown field "__proto__", unknown field "constructor"$|unknown field "__proto__", unknown field "constructor", unknown field "metadata\.__proto__"$/,
    ),
    target: `${CM}?fieldValidation=Strict`,
  },
  cm(
    "names of prototypes as fields, with a warning",
    '{"metadata":{"name":"proto-fields","__proto__":{"labels":{"a":"b"}}},"__proto__":{"polluted":1}}',
    201,
    /"name":"proto-fields"/,
  ),
  cm(
    "a label with the name of a prototype",
    '{"metadata":{"name":"k","labels":{"__proto__":"x"}}}',
    422,
    /metadata\.labels: Invalid value: "__proto__"/,
  ),
  post(P, "a number beyond all doubles", raw(pod("e", { x: "$" }), "1e400"), 400, /cannot unmarshal number 1e400/),
  post(
    D,
    "an int32 beyond its range",
    raw(deployment("e", { replicas: "$" }), "2147483648"),
    400,
    /cannot unmarshal number 2147483648 into Go struct field DeploymentSpec\.spec\.replicas of type int32/,
  ),
  post(
    D,
    "an integer with a fraction",
    raw(deployment("e", { replicas: "$" }), "1.5"),
    400,
    /cannot unmarshal number 1\.5/,
  ),
  post(D, "a negative zero", raw(deployment("mz", { replicas: "$" }), "-0"), 201, /"replicas":0/),
  post(D, "an integer in another notation", raw(deployment("one", { replicas: "$" }), "1.0"), 201, /"replicas":1/),
  post(
    P,
    "an int64 that no double holds",
    raw(pod("e", { terminationGracePeriodSeconds: "$" }), "9223372036854775807"),
    400,
    /into Go struct field PodSpec\.spec\.terminationGracePeriodSeconds of type int64/,
  ),
  ...["1e999999999", "1e-999999999", "9".repeat(10_000), `1.${"9".repeat(100_000)}`, "", "1 ", "0x10", "1e", "--1"].map(
    (text) =>
      post(P, `a quantity ${text.slice(0, 12)} of ${text.length} characters`, () => requests(text), 400, quantity),
  ),
  cm(
    "an empty name",
    '{"metadata":{"name":""}}',
    422,
    /metadata\.name: Required value: name or generateName is required/,
  ),
  ...["..", ".", "a/b", "a%2fb", "A", "-a", "a-", "a..b", "аdmin", "a b", "a\nb", "__proto__"].map((name) =>
    post(CM, `the name ${JSON.stringify(name)}`, () => configMap(name), 422, subdomain),
  ),
  post(CM, "a name of 254 characters", () => configMap("a".repeat(254)), 422, /must be no more than 253 characters/),
  post(
    CM,
    "a label of 64 characters",
    () => ({ metadata: { name: "k", labels: { k: "v".repeat(64) } } }),
    422,
    /must be no more than 63 characters/,
  ),
  post(
    CM,
    "annotations of more than 256 KiB",
    () => ({ metadata: { name: "k", annotations: { a: "x".repeat(262_144) } } }),
    422,
    /metadata\.annotations: Too long: may not be more than 262144 bytes/,
  ),
  post(
    CM,
    "more than a mebibyte of data",
    () => configMap("k", { a: "x".repeat(mebibyte + 1) }),
    422,
    /Too long: may not be more than 1048576 bytes/,
  ),
  post(
    CM,
    "another namespace in the body",
    () => ({ metadata: { name: "k", namespace: "m" } }),
    400,
    /^the namespace of the provided object does not match the namespace sent on the request$/,
  ),
  post(CM, "another kind", () => pod("k"), 400, /Pod in version "v1" cannot be handled as a ConfigMap/),
  post(
    CM,
    "another version",
    () => ({ ...configMap("k"), apiVersion: "v2" }),
    400,
    /the API version in the data \(v2\) does not match/,
  ),
  post(
    CM,
    "an owner of another shape",
    () => ({ metadata: { name: "k", ownerReferences: [{}] } }),
    422,
    /metadata\.ownerReferences\.apiVersion: Invalid value: "": version must not be empty/,
  ),
  post(
    P,
    "65,535 ports of one container",
    () =>
      pod("k", {
        containers: [
          {
            name: "c",
            image: "i",
            ports: Array.from({ length: 65_535 }, (_, i) => ({ containerPort: i + 1, hostPort: 80 })),
          },
        ],
      }),
    422,
    /hostPort: Duplicate value: "TCP\/\/80"/,
  ),
  post(
    P,
    "a probe whose port is a sentence",
    () =>
      pod("k", {
        containers: [{ name: "c", image: "i", livenessProbe: { httpGet: { port: "no such port at all" } } }],
      }),
    422,
    /livenessProbe\.httpGet\.port: Invalid value/,
  ),
  post(
    P,
    "a host name of 64 characters",
    () => pod("k", { hostname: "a".repeat(64) }),
    422,
    /spec\.hostname: Invalid value: .*must be no more than 63 characters/,
  ),
  post(
    P,
    "an image with blanks around it",
    () => pod("k", { containers: [{ name: "c", image: " ../x" }] }),
    422,
    /image: Invalid value: " \.\.\/x": must not have leading or trailing whitespace/,
  ),
  post(
    D,
    "a label that is a command",
    () => deployment("k", { selector: { matchLabels: { app: '"; flush ruleset' } } }),
    422,
    /spec\.selector\.matchLabels: Invalid value/,
  ),
];
