import { CM, configMap, P } from "../harness.ts";
import type { Hostile } from "./bodies.ts";

function get(target: string, code: number, says?: RegExp): Hostile {
  return {
    what: `GET ${target.length > 120 ? `${target.slice(0, 100)}… of ${target.length} characters` : target}`,
    method: "GET",
    target,
    code,
    ...(says === undefined ? {} : { says }),
  };
}

function list(query: string, code: number, says?: RegExp): Hostile {
  return get(`${CM}?${query}`, code, says);
}

function labels(selector: string, code: number, says?: RegExp): Hostile {
  return list(`labelSelector=${encodeURIComponent(selector)}`, code, says);
}

function token(value: string): string {
  return `continue=${Buffer.from(value).toString("base64url")}`;
}

function named(method: string, name: string, code: number, says?: RegExp): Hostile {
  const body = method === "PUT" ? { body: () => configMap("a") } : {};
  return { ...get(`${CM}/${name}`, code, says), ...body, method, what: `${method} of the name ${name.slice(0, 40)}` };
}

function headers(what: string, values: Readonly<Record<string, string>>, code: number, says?: RegExp): Hostile {
  const hostile = {
    what,
    method: "POST",
    target: `${CM}?dryRun=All`,
    body: () => configMap("h"),
    headers: values,
    code,
  };
  return says === undefined ? hostile : { ...hostile, says };
}

function options(body: string, code: number, says?: RegExp): Hostile {
  const hostile = { what: `DELETE with ${body}`, method: "DELETE", target: `${CM}/none`, body: () => body, code };
  return says === undefined ? hostile : { ...hostile, says };
}

const nowhere = /^the server could not find the requested resource$/;
const name = /^Name parameter invalid: /;
const namespace = /^Namespace parameter invalid: /;
const notANumber = /^strconv\.ParseInt: parsing .*: invalid syntax$/;
const notAKey = /^continue key is not valid/;

/** Paths, queries, selectors, headers and options. */
export const requests: readonly Hostile[] = [
  ...["GET", "PUT", "DELETE"].flatMap((method) => [
    named(method, "..", 400, name),
    named(method, "%2e%2e%2f", 400, /may not contain '\/'/),
    named(method, "%2E", 400, /may not be '\.'/),
    named(method, "a%2fb", 400, /may not contain '\/'/),
    named(method, "a%252fb", 400, /may not contain '%'/),
    named(method, "%ff", 400, /invalid URL escape/),
    named(method, "%", 400, /invalid URL escape/),
  ]),
  named("GET", "a%00b", 404, /^configmaps "a\\x00b" not found$/),
  named("GET", "a".repeat(254), 404, /not found$/),
  named("GET", "__proto__", 404, /^configmaps "__proto__" not found$/),
  named("DELETE", "constructor", 404, /^configmaps "constructor" not found$/),
  get("/api/v1/namespaces/../configmaps", 400, namespace),
  get("/api/v1/namespaces/%2e%2e/configmaps", 400, namespace),
  get("/api/v1/namespaces/n%2fx/configmaps", 400, namespace),
  get("/api/v1/namespaces/n/configmaps/a/__proto__", 404, nowhere),
  get("/api/v1/namespaces/n/pods/p/constructor", 404, nowhere),
  get("/api/v1/namespaces/n/pods/p/log/../..", 404, nowhere),
  get("/apis/__proto__/v1/x", 404, nowhere),
  get("/apis/constructor", 404, nowhere),
  get("/api/constructor/pods", 404, nowhere),
  get("/api/v1/__proto__", 404, nowhere),
  get("/openapi/v3/../../etc/passwd", 404, nowhere),
  get("/openapi/v3/__proto__", 404, nowhere),
  get("/metrics/x", 404, nowhere),
  get("/version/x", 404, nowhere),
  get("http://example.com/api", 404, nowhere),
  get(`/${"x/".repeat(5_000)}`, 404, nowhere),
  list("limit=-1", 400, /limit/),
  list("limit=99999999999999999999", 400, notANumber),
  list("limit=1e3", 400, notANumber),
  list("limit=%00", 400, notANumber),
  list("timeoutSeconds=0.5", 400, notANumber),
  list("continue=xyz", 400, notAKey),
  list(`continue=${"A".repeat(10_000)}`, 400, notAKey),
  list("continue=%2e%2e%2f", 400, notAKey),
  list(token('{"v":"meta.k8s.io/v1","rv":1e99,"start":"a\\u0000"}'), 400, notAKey),
  list(token('{"v":"meta.k8s.io/v1","rv":-2,"start":"a\\u0000"}'), 400, notAKey),
  list(token('{"v":"constructor","rv":1,"start":"a\\u0000"}'), 400, notAKey),
  list(token('{"v":"meta.k8s.io/v1","rv":1,"start":{}}'), 400, notAKey),
  list(token("[".repeat(5_000)), 400, notAKey),
  list("resourceVersion=-1", 400, /resourceVersion/),
  list("resourceVersion=1e3", 400, /resourceVersion/),
  list("resourceVersion=1180591620717411303424", 400, /resourceVersion/),
  list("resourceVersion=999999999999999", 504, /^Timeout: Too large resource version/),
  list(
    "resourceVersionMatch=constructor&resourceVersion=1",
    422,
    /resourceVersionMatch: Unsupported value: "constructor"/,
  ),
  labels("(".repeat(50_000), 400),
  labels(`a in ${"(".repeat(1_000)}`, 400, /unable to parse requirement/),
  labels(
    "a constructor b",
    400,
    /^unable to parse requirement: found 'constructor', expected: in, notin, =, ==, !=, gt, lt$/,
  ),
  labels("a toString b", 400, /unable to parse requirement/),
  labels("a in (__proto__)", 400, /unable to parse requirement/),
  labels("a > x", 400, /the value must be an integer/),
  labels("a\u0000", 400, /unable to parse requirement/),
  labels("a==b==c", 400),
  labels(",", 400),
  labels("!", 400),
  labels("a".repeat(100_000), 400),
  labels("a,".repeat(20_000), 400),
  labels(Array.from({ length: 20_000 }, (_, i) => `k${i}`).join(), 200),
  labels(`a in (${Array.from({ length: 10_000 }, (_, i) => `v${i}`).join()})`, 200),
  labels(" ".repeat(50_000), 200),
  list("labelSelector=%ff%fe", 400, /unable to parse requirement/),
  list("fieldSelector=x", 400, /invalid selector/),
  list("fieldSelector=__proto__%3D1", 400, /not a known field selector/),
  list("fieldSelector=constructor%3D1", 400, /not a known field selector/),
  list(`fieldSelector=${encodeURIComponent("metadata.name=a\\")}`, 400, /invalid escape sequence/),
  list(`fieldSelector=${"%3D".repeat(30_000)}`, 400),
  list("a=b&".repeat(20_000), 200),
  list("%=%&%%%&&&===", 200),
  { ...list("fieldManager=%07", 422, /fieldManager: Invalid value/), method: "POST", body: () => configMap("h") },
  {
    ...list(`fieldManager=${"x".repeat(129)}`, 422, /fieldManager: Too long/),
    method: "POST",
    body: () => configMap("h"),
  },
  {
    ...list("fieldValidation=constructor", 422, /fieldValidation: Unsupported value/),
    method: "POST",
    body: () => configMap("h"),
  },
  { ...list("dryRun=All&dryRun=x", 422, /dryRun: Unsupported value/), method: "POST", body: () => configMap("h") },
  ...[
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    ";",
    "a".repeat(10_000),
    "constructor",
  ]
    .filter((type) => type !== ";")
    .map((type) =>
      headers(
        `content type ${type.slice(0, 40)}`,
        { "content-type": type },
        415,
        /the body of the request was in an unknown format/,
      ),
    ),
  headers("a content type in capitals with parameters", { "content-type": "APPLICATION/JSON;;; charset=latin1" }, 201),
  headers("an answer that nobody makes", { accept: "image/png" }, 406, /^only the following media types are accepted/),
  headers("an answer of no quality", { accept: "*/*;q=0" }, 406),
  headers("20,000 wishes for an answer", { accept: "text/html;q=0.1,".repeat(20_000) }, 406),
  headers("a table that is a constructor", { accept: "application/json;as=constructor;g=meta.k8s.io;v=v1" }, 406),
  options("[]", 400, /cannot unmarshal array/),
  options("null", 400, /cannot unmarshal null/),
  options('{"kind":"Pod"}', 400, /cannot be converted to DeleteOptions/),
  options('{"apiVersion":5}', 400, /of type string/),
  options('{"preconditions":5}', 400, /of type v1\.Preconditions/),
  options('{"gracePeriodSeconds":"x"}', 400, /of type int64/),
  options('{"gracePeriodSeconds":99999999999999999999}', 400, /of type int64/),
  options('{"propagationPolicy":"constructor"}', 422, /propagationPolicy: Unsupported value: "constructor"/),
  options('{"orphanDependents":true,"propagationPolicy":"Orphan"}', 422, /cannot be both set/),
  options('{"dryRun":["All","x"]}', 422, /dryRun: Unsupported value/),
  options('{"dryRun":"All"}', 400, /of type \[\]string/),
  ...["TRACE", "CONNECT", "PROPFIND", "__proto__", "constructor", ""].map((method): Hostile => ({
    ...get(CM, 405),
    method,
    what: `method ${JSON.stringify(method)}`,
  })),
  ...[
    "tailLines=4611686018427387904",
    "tailLines=-1",
    "tailLines=x",
    "limitBytes=0",
    "sinceSeconds=0",
    "sinceTime=x",
    "container=__proto__",
  ].map((query): Hostile =>
    get(
      `${P}/p/log?${query}`,
      query.startsWith("container") ? 400 : query.startsWith("tailLines=-") || query.includes("=0") ? 422 : 400,
    ),
  ),
];
