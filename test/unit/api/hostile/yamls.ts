import { CM } from "../harness.ts";
import type { Hostile } from "./bodies.ts";

function yaml(what: string, text: string | (() => unknown), code: number, says?: RegExp): Hostile {
  const headers = { "content-type": "application/yaml" };
  const body = typeof text === "string" ? () => text : text;
  return {
    what: `YAML: ${what}`,
    method: "POST",
    target: CM,
    body,
    headers,
    code,
    ...(says === undefined ? {} : { says }),
  };
}

/** Nine names, each nine times the one before: a text of half a kilobyte that says 400 million words. */
function laughs(): string {
  const names = "abcdefghi".split("");
  const lines = names.map(
    (name, at) =>
      `${name}: &${name} [${Array(9)
        .fill(at === 0 ? "x" : `*${names[at - 1]}`)
        .join()}]`,
  );
  return lines.join("\n");
}

const toJson = /^the object provided is unrecognized \(must be of type ConfigMap\): yaml: /;

/** Bodies in YAML. */
export const yamls: readonly Hostile[] = [
  yaml("a billion laughs", laughs, 400, /Excessive alias count/),
  yaml(
    "two thousand merges of one map",
    () => `a: &a {x: 1}\n${Array.from({ length: 2_000 }, (_, i) => `b${i}: {<<: *a}`).join("\n")}`,
    400,
    toJson,
  ),
  yaml("a function", "metadata: {name: k}\ndata: !!js/function 'function(){}'\n", 400, /cannot unmarshal string/),
  yaml("20,000 documents", () => "---\n{}\n".repeat(20_000), 400, /multiple documents/),
  yaml("100,000 brackets", () => `a: ${"[".repeat(100_000)}`, 400, toJson),
  yaml("5,000 lists in each other", () => `a: ${"[".repeat(5_000)}${"]".repeat(5_000)}`, 400, toJson),
  yaml(
    "maps 400 deep",
    () => Array.from({ length: 400 }, (_, i) => `${" ".repeat(i)}a:`).join("\n"),
    400,
    /exceeded max depth/,
  ),
  yaml("100,000 dashes", () => "- ".repeat(100_000), 400, toJson),
  yaml("100,000 question marks", () => "? ".repeat(100_000), 400, toJson),
  yaml("100,000 anchors of one value", () => "&a ".repeat(100_000), 400, /line 1: A node can have at most one anchor/),
  yaml("100,000 tags of one value", () => "! ".repeat(100_000), 400, /line 1: A node can have at most one tag/),
  yaml("colons upon colons", () => `a${": a".repeat(50_000)}`, 400, /Nested mappings are not allowed/),
  yaml("more than half a mebibyte", () => `data:\n  a: ${"x".repeat(524_288)}`, 413, /limit of YAML is 524288/),
  yaml("a list within itself", "a: &a [*a]\nmetadata: {name: k}\n", 400, toJson),
  yaml("an alias of nothing", "a: *x\n", 400, /Unresolved alias/),
  yaml("a tab as indentation", "a:\n\t- b\n", 400, /line 2: Tabs are not allowed/),
  yaml("a prototype as data", "data: {__proto__: {}}\n", 400, /ConfigMap\.data\.__proto__ of type string/),
  yaml("nothing", "", 400, /cannot unmarshal null/),
  yaml("a comment", "# x", 400, /cannot unmarshal null/),
  yaml("a word", "hello", 400, /cannot unmarshal string/),
  yaml("bytes that are no UTF-8", () => Uint8Array.of(0x61, 0x3a, 0x20, 0xff), 400, /not valid UTF-8/),
  yaml(
    "a key twice, the last one counts",
    "metadata: {name: first}\nmetadata: {name: yaml-last}\n",
    201,
    /"name":"yaml-last"/,
  ),
];
