import { goQuote } from "./gojson.ts";
import type { Json } from "./json.ts";

/**
 * Reads JSON text with what `JSON.parse` does not tell: keys that occur twice, and too deep or too
 * wide a nesting. Strict as RFC 8259: nothing else is accepted. Half of a surrogate pair becomes
 * U+FFFD, as Go reads it, so that every text that comes in can also go out as UTF-8.
 */

/** Deepest nesting of arrays and objects that a body may have. */
const depthMax = 100;
/** Most members of one object: more would block the loop for nothing that anybody stores. */
const membersMax = 20_000;
/** Most values of a whole body, nested ones included. */
export const valuesMax = 200_000;

export interface ParsedJson {
  readonly value: Json;
  /** Paths of keys that stand twice in one object (`spec.ports[0].name`); the last value won. */
  readonly duplicates: readonly string[];
}

/** The text is not JSON; the message is worded as Go's `encoding/json` does it. */
export class JsonSyntaxError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "JsonSyntaxError";
  }
}

/** Parses a whole text. Throws `JsonSyntaxError`. */
export function parseJsonText(text: string): ParsedJson {
  const reader = new Reader(text);
  const value = reader.document();
  return { value, duplicates: reader.duplicates };
}

/** How bodies are printed: compact, members in their order. */
export function stringifyJson(value: unknown): string {
  return JSON.stringify(value);
}

/** The value as its own text would be read again: without undefined members. Itself where there are none. */
export function withoutUndefined(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map(withoutUndefined);
    return items.every((item, at) => item === value[at]) ? value : items;
  }
  let copy: object | undefined;
  for (const key in value) {
    const member = (value as Readonly<Record<string, unknown>>)[key];
    const plain = withoutUndefined(member);
    if (plain === member && member !== undefined) continue;
    copy ??= { ...value };
    if (plain === undefined) Reflect.deleteProperty(copy, key);
    else setKey(copy, key, plain);
  }
  return copy ?? value;
}

/** Sets a key that may be `__proto__` without touching the prototype. */
export function setKey(target: object, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(target, key, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  } else (target as Record<string, unknown>)[key] = value;
}

const numberPattern = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/y;
// Characters that end the fast run inside a string: the quote, the backslash and controls.
// oxlint-disable-next-line no-control-regex
const plainPattern = /[^"\\\u0000-\u001f]*/y;

const loneSurrogates = /\p{Surrogate}/gu;

class Reader {
  readonly duplicates: string[] = [];
  private readonly text: string;
  private at = 0;
  private depth = 0;
  private values = 0;
  /** Where the reader stands: keys and list positions, outermost first. */
  private readonly path: (string | number)[] = [];

  constructor(text: string) {
    this.text = text;
  }

  document(): Json {
    const value = this.value();
    this.blanks();
    if (this.at < this.text.length) throw this.unexpected("after top-level value");
    return value;
  }

  private blanks(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.at += 1;
    }
  }

  private unexpected(where: string): JsonSyntaxError {
    const char = this.text[this.at];
    if (char === undefined) return new JsonSyntaxError("unexpected end of JSON input");
    const shown = char === "'" ? `'\\''` : char === '"' ? `'"'` : `'${goQuote(char).slice(1, -1)}'`;
    return new JsonSyntaxError(`invalid character ${shown} ${where}`);
  }

  private value(): Json {
    this.values += 1;
    if (this.values > valuesMax) throw new JsonSyntaxError(`exceeded max number of values: ${valuesMax}`);
    this.blanks();
    switch (this.text[this.at]) {
      case "{": {
        this.enter();
        const object = this.object();
        this.depth -= 1;
        return object;
      }
      case "[": {
        this.enter();
        const array = this.array();
        this.depth -= 1;
        return array;
      }
      case '"':
        return this.string();
      case "t":
        return this.literal("true", true);
      case "f":
        return this.literal("false", false);
      case "n":
        return this.literal("null", null);
      default:
        return this.number();
    }
  }

  private enter(): void {
    this.depth += 1;
    if (this.depth > depthMax) throw new JsonSyntaxError("exceeded max depth");
    this.at += 1;
  }

  private object(): Json {
    const object: Record<string, Json> = {};
    let members = 0;
    this.blanks();
    if (this.text[this.at] === "}") {
      this.at += 1;
      return object;
    }
    for (;;) {
      this.blanks();
      if (this.text[this.at] !== '"') {
        throw this.unexpected("looking for beginning of object key string");
      }
      members += 1;
      if (members > membersMax) throw new JsonSyntaxError(`exceeded max number of object members: ${membersMax}`);
      const key = this.string();
      this.blanks();
      if (this.text[this.at] !== ":") throw this.unexpected("after object key");
      this.at += 1;
      this.path.push(key);
      // No value of JSON is undefined; what an object inherits is none of its members.
      if (object[key] !== undefined && Object.hasOwn(object, key)) this.duplicates.push(pathText(this.path));
      setKey(object, key, this.value());
      this.path.pop();
      if (this.ends("}", "after object key:value pair")) return object;
    }
  }

  private array(): Json {
    const array: Json[] = [];
    this.blanks();
    if (this.text[this.at] === "]") {
      this.at += 1;
      return array;
    }
    for (;;) {
      this.path.push(array.length);
      array.push(this.value());
      this.path.pop();
      if (this.ends("]", "after array element")) return array;
    }
  }

  /** Steps over `,` (false) or the closing sign (true). */
  private ends(sign: string, where: string): boolean {
    this.blanks();
    const char = this.text[this.at];
    if (char !== "," && char !== sign) throw this.unexpected(where);
    this.at += 1;
    return char === sign;
  }

  private string(): string {
    this.at += 1;
    let out = "";
    let isEscaped = false;
    for (;;) {
      plainPattern.lastIndex = this.at;
      // It matches everywhere, if only nothing; where the run ends is all that is asked.
      plainPattern.test(this.text);
      const end = plainPattern.lastIndex;
      const run = this.text.slice(this.at, end);
      this.at = end;
      const char = this.text[end];
      if (char === '"' && !isEscaped) {
        this.at += 1;
        return run;
      }
      out += run;
      if (char === '"') {
        this.at += 1;
        return out.replaceAll(loneSurrogates, "\ufffd");
      }
      if (char !== "\\") throw this.unexpected("in string literal");
      isEscaped = true;
      out += this.escape();
    }
  }

  private escape(): string {
    const char = this.text[this.at + 1] ?? "";
    const plain = simpleEscapes[char];
    if (plain !== undefined) {
      this.at += 2;
      return plain;
    }
    const hex = this.text.slice(this.at + 2, this.at + 6);
    if (char !== "u" || !/^[0-9a-fA-F]{4}$/.test(hex)) {
      this.at += 1;
      throw this.unexpected("in string escape code");
    }
    this.at += 6;
    return String.fromCharCode(Number.parseInt(hex, 16));
  }

  private literal<T extends Json>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) {
      throw this.unexpected("looking for beginning of value");
    }
    this.at += word.length;
    return value;
  }

  private number(): number {
    numberPattern.lastIndex = this.at;
    const match = numberPattern.exec(this.text);
    if (match === null) throw this.unexpected("looking for beginning of value");
    this.at += match[0].length;
    const value = Number(match[0]);
    if (!Number.isFinite(value)) {
      throw new JsonSyntaxError(`json: cannot unmarshal number ${match[0]} into Go value of type float64`);
    }
    return value;
  }
}

const simpleEscapes: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

function pathText(path: readonly (string | number)[]): string {
  let out = "";
  for (const step of path) {
    if (typeof step === "number") out += `[${step}]`;
    else out += out === "" ? step : `.${step}`;
  }
  return out;
}
