import fc from "fast-check";
import test from "ava";
import { decodeBase64, encodeBase64 } from "../../../src/util/base64.ts";
import { formatDuration, humanDuration, parseDuration } from "../../../src/util/duration.ts";
import { parseFieldSelector } from "../../../src/util/field-selector.ts";
import { goJson, goQuote } from "../../../src/util/gojson.ts";
import { formatIp, parseCidr, parseIp, rangeSize } from "../../../src/util/ip.ts";
import { JsonSyntaxError, parseJsonText } from "../../../src/util/json-text.ts";
import { byteLength, qualifiedName } from "../../../src/util/names.ts";
import { addQuantities, canonicalQuantity, parseQuantity, quantityMilli } from "../../../src/util/quantity.ts";
import { formatMatcher, matchesLabels, parseLabelSelector, selects } from "../../../src/util/selector.ts";
import { unifiedDiff } from "../../../src/util/text-diff.ts";
import { canonicalMicroTime, canonicalTime, formatTime, parseTime } from "../../../src/util/time-format.ts";

test("quantities keep their family and take the largest suffix with a whole mantissa", (t) => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ["1.5Gi", "1536Mi"],
    ["0.5", "500m"],
    ["1000m", "1"],
    ["1024Mi", "1Gi"],
    ["5000000000", "5G"],
    ["1e3", "1e3"],
    ["0.5Ki", "512"],
    ["0.0000000001", "1n"],
    ["-0.5", "-500m"],
    ["+1", "1"],
    ["1E", "1E"],
    ["100E", "9223372036854775807"],
    ["0Gi", "0"],
    ["", undefined],
    ["1.5.1", undefined],
    ["5 Mi", undefined],
    ["1KiB", undefined],
  ];
  for (const [given, canonical] of cases) t.is(canonicalQuantity(given), canonical, given);
});

test("a canonical quantity is its own canonical form and says the same amount", (t) => {
  const suffix = fc.constantFrom("n", "u", "m", "", "k", "M", "G", "T", "Ki", "Mi", "Gi", "e3", "e-3");
  const text = fc.tuple(fc.nat(1_000_000), suffix).map(([amount, unit]) => `${amount}${unit}`);
  fc.assert(
    fc.property(text, (given) => {
      const canonical = canonicalQuantity(given) ?? "";
      return (
        canonicalQuantity(canonical) === canonical && parseQuantity(canonical)?.nanos === parseQuantity(given)?.nanos
      );
    }),
  );
  t.is(addQuantities("1Gi", "512Mi"), "1536Mi");
  t.is(quantityMilli("0.1"), 100);
});

test("times are brought to UTC, seconds or six decimals", (t) => {
  t.is(canonicalTime("2026-01-02T03:04:05.999+02:00"), "2026-01-02T01:04:05Z");
  t.is(canonicalMicroTime("2026-01-02T03:04:05.1234567Z"), "2026-01-02T03:04:05.123456Z");
  t.is(canonicalTime("2026-02-29T00:00:00Z"), undefined);
  t.is(canonicalTime("2024-02-29T00:00:00Z"), "2024-02-29T00:00:00Z");
  fc.assert(
    fc.property(fc.integer({ min: -60_000_000_000, max: 250_000_000_000 }), (seconds) => {
      const ms = seconds * 1_000;
      return formatTime(ms) === new Date(ms).toISOString().replace(".000Z", "Z") && parseTime(formatTime(ms)) === ms;
    }),
  );
});

test("durations read and print as Go's", (t) => {
  for (const text of ["1h0m0s", "1.5s", "0s", "2m3s", "-1ms", "300ns"]) {
    t.is(formatDuration(parseDuration(text) ?? 7n), text);
  }
  t.is(parseDuration("5"), undefined);
});

test("ages are short, as kubectl prints them", (t) => {
  const cases: readonly (readonly [number, string])[] = [
    [119, "119s"],
    [183, "3m3s"],
    [600, "10m"],
    [3 * 3_600, "3h"],
    [3 * 3_600 + 600, "3h10m"],
    [47 * 3_600, "47h"],
    [50 * 3_600, "2d2h"],
    [9 * 86_400, "9d"],
    [800 * 86_400, "2y70d"],
    [3_000 * 86_400, "8y"],
  ];
  for (const [seconds, text] of cases) t.is(humanDuration(seconds * 1_000), text);
});

test("JSON is read strictly: duplicates are named, deep nesting and broken text are refused", (t) => {
  t.deepEqual(parseJsonText('{"a":[{"b":1,"b":2}],"a":0}'), {
    value: { a: 0 },
    duplicates: ["a[0].b", "a"],
  });
  for (const [text, message] of [
    ["{", "unexpected end of JSON input"],
    ["[1,]", "invalid character ']' looking for beginning of value"],
    ["01", "invalid character '1' after top-level value"],
    ["{'a':1}", "invalid character '\\'' looking for beginning of object key string"],
  ] as const) {
    t.throws(() => parseJsonText(text), { instanceOf: JsonSyntaxError, message });
  }
  t.throws(() => parseJsonText("[".repeat(101)), { message: "exceeded max depth" });
});

test("JSON text that JSON.parse takes is read alike, keys like __proto__ included", (t) => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const { value } = parseJsonText(text);
      t.is(JSON.stringify(value), JSON.stringify(JSON.parse(text)));
    }),
  );
  const { value } = parseJsonText('{"__proto__":{"a":1}}');
  t.deepEqual(Object.keys(value as object), ["__proto__"]);
  t.is(Object.getPrototypeOf(value), Object.prototype);
});

test("base64 goes both ways, and half groups are refused", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const text = encodeBase64(bytes);
      return (
        text === Buffer.from(bytes).toString("base64") &&
        Buffer.compare(decodeBase64(text) ?? new Uint8Array(1), bytes) === 0
      );
    }),
  );
  t.is(decodeBase64("abc"), undefined);
});

test("texts are quoted as Go quotes them", (t) => {
  t.is(goQuote('a"\\\n\u0001é\u200b'), '"a\\"\\\\\\n\\x01é\\u200b"');
  t.is(goJson({ a: "<&>" }), '{"a":"\\u003c\\u0026\\u003e"}');
  t.is(byteLength("aé€😀"), 10);
});

test("label selectors read, match and print as Kubernetes'", (t) => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ["", "", true],
    ["a", "a", true],
    ["!a", "!a", false],
    ["a=b", "a=b", true],
    ["a==c", "a=c", false],
    ["x!=y,a=b", "a=b,x!=y", true],
    ["a in (c, b)", "a in (b,c)", true],
    ["a notin (b)", "a notin (b)", false],
    ["n>5", "n>5", true],
    ["n<7", "n<7", false],
    ["constructor", "constructor", false],
  ];
  for (const [text, printed, matches] of cases) {
    const matcher = parseLabelSelector(text);
    t.is(formatMatcher(matcher), printed);
    t.is(matchesLabels(matcher, { a: "b", n: "7" }), matches, text);
  }
  t.throws(() => parseLabelSelector("a in b"), { message: "unable to parse requirement: found 'b' expected: '('" });
  t.throws(() => parseLabelSelector("a,"), { message: "found '', expected: identifier after ','" });
  t.true(selects({}, {}));
  t.false(selects(undefined, {}));
  t.true(selects({ matchExpressions: [{ key: "a", operator: "NotIn", values: ["b"] }] }, {}));
});

test("field selectors split at commas that are not escaped", (t) => {
  t.deepEqual(parseFieldSelector("b!=x\\,y,a=1"), [
    { field: "a", equal: true, value: "1" },
    { field: "b", equal: false, value: "x,y" },
  ]);
  t.throws(() => parseFieldSelector("abc"), { message: "invalid selector: 'abc'; can't understand 'abc'" });
});

test("addresses are read strictly and printed in canonical form", (t) => {
  for (const text of ["10.0.0.1", "::1", "2001:db8::1", "fe80::1:0:0:1", "::"]) {
    const ip = parseIp(text);
    t.is(ip && formatIp(ip.family, ip.value), text);
  }
  t.true(parseIp("010.0.0.1")?.leadingZeros);
  t.true(parseIp("::ffff:1.2.3.4")?.mapped);
  for (const bad of ["1.2.3", "1.2.3.256", ":::", "1::2::3", "g::"]) t.is(parseIp(bad), undefined, bad);
  const range = parseCidr("10.43.0.5/16");
  t.true(range?.hostBits);
  t.is(range && rangeSize(range), 65_536n);
});

test("a qualified name says which part is wrong", (t) => {
  t.deepEqual(qualifiedName("a.b/c"), []);
  t.is(qualifiedName("/c")[0], "prefix part must be non-empty");
  t.is(qualifiedName("a/")[0], "name part must be non-empty");
  t.true(qualifiedName("a/b/c")[0]?.endsWith("(e.g. 'example.com/MyName')"));
});

test("a difference shows what changed with three lines around it", (t) => {
  const lines = Array.from({ length: 20 }, (_, index) => `line ${index}`);
  const changed = lines.with(10, "other");
  t.is(
    unifiedDiff(lines.join("\n"), changed.join("\n")),
    ["@@ -8,7 +8,7 @@", " line 7", " line 8", " line 9", "-line 10", "+other", " line 11", " line 12", " line 13"].join(
      "\n",
    ),
  );
});
