import type { Json } from "./json.ts";

/**
 * Values as Go prints them inside error messages: `%q` for strings, `encoding/json` for the rest.
 * Kubernetes' clients and people compare these texts, so they are matched to the letter.
 */

const escapes: Readonly<Record<string, string>> = {
  "\u0007": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\u000b": "\\v",
  "\\": "\\\\",
  '"': '\\"',
};

const unprintable = /\p{C}|\p{Zl}|\p{Zp}|(?! )\p{Zs}/u;

/** A string in Go's `%q` form, quotes included. */
export function goQuote(text: string): string {
  let out = '"';
  for (const char of text) {
    const escaped = escapes[char];
    if (escaped !== undefined) out += escaped;
    else if (unprintable.test(char)) out += goUnicodeEscape(char);
    else out += char;
  }
  return `${out}"`;
}

function goUnicodeEscape(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, "0")}`;
  if (code <= 0xffff) return `\\u${code.toString(16).padStart(4, "0")}`;
  return `\\U${code.toString(16).padStart(8, "0")}`;
}

/**
 * Compact JSON as Go writes it: `<`, `>` and `&` escaped, undefined members left out. Members keep
 * their order, because Go prints structs in the order of their declaration; decoded maps are sorted
 * already.
 */
export function goJson(value: unknown): string {
  const text = JSON.stringify(value);
  if (text === undefined) return "null";
  return text.replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A value in Go's `%v` form: `map[a:1 b:[x y]]`. */
export function goPlain(value: Json): string {
  if (isList(value)) return `[${value.map(goPlain).join(" ")}]`;
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return `map[${members.map(([key, inner]) => `${key}:${goPlain(inner)}`).join(" ")}]`;
  }
  return value === null ? "<nil>" : String(value);
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
