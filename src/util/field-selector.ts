import { SelectorError } from "./selector.ts";

/** Field selectors: `status.phase=Running,spec.nodeName!=a`, with `\` before `,`, `=` and `\`. */

export interface FieldTerm {
  readonly field: string;
  readonly equal: boolean;
  readonly value: string;
}

/** All must hold; sorted by text. Throws `SelectorError` (400). Field names are the caller's to check. */
export function parseFieldSelector(text: string): readonly FieldTerm[] {
  const parts: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === ",") {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(text.slice(start));
  return parts
    .filter((part) => part !== "")
    .toSorted()
    .map((part) => term(text, part));
}

function term(text: string, part: string): FieldTerm {
  const match = /^(.*?)(!=|==|=)(.*)$/s.exec(part);
  if (match === null) {
    throw new SelectorError(`invalid selector: '${text}'; can't understand '${part}'`);
  }
  const [, field = "", operator, value = ""] = match;
  return { field, equal: operator !== "!=", value: unescape(value) };
}

function unescape(value: string): string {
  let out = "";
  for (let at = 0; at < value.length; at += 1) {
    const char = value.charAt(at);
    if (char === "\\") {
      at += 1;
      const next = value.charAt(at);
      if (next !== "\\" && next !== "," && next !== "=") {
        throw new SelectorError(`invalid field selector: invalid escape sequence: \\${next}`);
      }
      out += next;
    } else if (char === "," || char === "=") {
      throw new SelectorError(`invalid field selector: unescaped character in value: ${char.charCodeAt(0)}`);
    } else out += char;
  }
  return out;
}

/** Do all terms hold? `value` answers a field's text. */
export function matchesFields(terms: readonly FieldTerm[], value: (field: string) => string): boolean {
  return terms.every((part) => (value(part.field) === part.value) === part.equal);
}
