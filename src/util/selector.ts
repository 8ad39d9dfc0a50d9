import { goQuote } from "./gojson.ts";
import { labelValue, qualifiedName } from "./names.ts";

/**
 * Label selectors, as text (`app=web,tier in (a,b),!old`) and as objects (`matchLabels`,
 * `matchExpressions`), brought to one form: a sorted list of requirements that must all hold.
 */

export type Operator = "=" | "!=" | "in" | "notin" | "exists" | "!" | ">" | "<";

export interface Requirement {
  readonly key: string;
  readonly operator: Operator;
  /** Sorted, unique. One for `=`, `!=`, `>`, `<`; none for `exists`, `!`. */
  readonly values: readonly string[];
}

/** All must hold; empty = everything matches. */
export type LabelMatcher = readonly Requirement[];

export type Labels = Readonly<Record<string, string>>;

/** The shape of `meta/v1.LabelSelector`. */
export interface LabelSelectorObject {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

/** The text is not a selector; the message is Kubernetes' (answered as 400). */
export class SelectorError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "SelectorError";
  }
}

export function matchesLabels(matcher: LabelMatcher, labels: Labels | undefined): boolean {
  return matcher.every((requirement) => holds(requirement, labels ?? {}));
}

function holds(requirement: Requirement, labels: Labels): boolean {
  const { key, operator, values } = requirement;
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case "exists":
      return value !== undefined;
    case "!":
      return value === undefined;
    case "=":
    case "in":
      return value !== undefined && values.includes(value);
    case "!=":
    case "notin":
      return value === undefined || !values.includes(value);
    case ">":
    case "<": {
      if (value === undefined || !/^[+-]?[0-9]+$/.test(value)) return false;
      const [left, right] = [BigInt(value), BigInt(values[0] ?? "0")];
      return operator === ">" ? left > right : left < right;
    }
  }
}

const objectOperators: Readonly<Record<string, Operator>> = {
  In: "in",
  NotIn: "notin",
  Exists: "exists",
  DoesNotExist: "!",
};

/** Undefined selects nothing, `{}` everything: answers undefined for "nothing". */
export function labelMatcher(selector: LabelSelectorObject | undefined): LabelMatcher | undefined {
  if (selector === undefined) return undefined;
  const requirements: Requirement[] = [];
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    requirements.push({ key, operator: "=", values: [value] });
  }
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const known = Object.hasOwn(objectOperators, operator) ? objectOperators[operator] : undefined;
    // An operator that validation would refuse selects nothing.
    if (known === undefined) return undefined;
    requirements.push({ key, operator: known, values: sortedUnique(values ?? []) });
  }
  return sorted(requirements);
}

/** Does the selector object match? An absent selector matches nothing. */
export function selects(selector: LabelSelectorObject | undefined, labels: Labels | undefined): boolean {
  const matcher = labelMatcher(selector);
  return matcher !== undefined && matchesLabels(matcher, labels);
}

/** Requirements of a plain map (`Service.spec.selector`). */
export function mapMatcher(map: Labels): LabelMatcher {
  return sorted(Object.entries(map).map(([key, value]) => ({ key, operator: "=" as const, values: [value] })));
}

/** Canonical text: `app=a,env in (a,b),!x`, sorted by key. */
export function formatMatcher(matcher: LabelMatcher): string {
  return matcher
    .map(({ key, operator, values }) => {
      switch (operator) {
        case "exists":
          return key;
        case "!":
          return `!${key}`;
        case "in":
        case "notin":
          return `${key} ${operator} (${values.join(",")})`;
        default:
          return `${key}${operator}${values[0] ?? ""}`;
      }
    })
    .join(",");
}

/** Canonical text of a selector object; `<none>` where it is absent or empty. */
export function formatLabelSelector(selector: LabelSelectorObject | undefined): string {
  const text = formatMatcher(labelMatcher(selector) ?? []);
  return text === "" ? "<none>" : text;
}

/** `a=b,c=d`, keys sorted; empty for an empty map. */
export function formatLabels(labels: Labels | undefined): string {
  return Object.keys(labels ?? {})
    .sort()
    .map((key) => `${key}=${labels?.[key] ?? ""}`)
    .join(",");
}

function sorted(requirements: readonly Requirement[]): LabelMatcher {
  return requirements.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

function sortedUnique(values: readonly string[]): readonly string[] {
  return [...new Set(values)].toSorted();
}

interface Token {
  readonly kind: "identifier" | "symbol" | "end";
  readonly text: string;
}

/** Parses the text form. Throws `SelectorError`. */
export function parseLabelSelector(text: string): LabelMatcher {
  return sorted(new Parser(tokens(text)).selector());
}

function tokens(text: string): readonly Token[] {
  const found: Token[] = [];
  const pattern = /[ \t\r\n]*(?:(==|=|!=|!|\(|\)|,|<|>)|([^ \t\r\n=!(),<>]+))/gy;
  for (const match of text.matchAll(pattern)) {
    if (match[1] !== undefined) found.push({ kind: "symbol", text: match[1] });
    else found.push({ kind: "identifier", text: match[2] ?? "" });
  }
  return [...found, { kind: "end", text: "" }];
}

const binaryOperators: Readonly<Record<string, Operator>> = {
  in: "in",
  notin: "notin",
  "=": "=",
  "==": "=",
  "!=": "!=",
  ">": ">",
  "<": "<",
};

class Parser {
  private readonly tokens: readonly Token[];
  private at = 0;

  constructor(list: readonly Token[]) {
    this.tokens = list;
  }

  private get next(): Token {
    return this.tokens[this.at] ?? { kind: "end", text: "" };
  }

  private take(): Token {
    const token = this.next;
    this.at += 1;
    return token;
  }

  private is(symbol: string): boolean {
    return this.next.kind === "symbol" && this.next.text === symbol;
  }

  selector(): readonly Requirement[] {
    const requirements: Requirement[] = [];
    if (this.next.kind === "end") return requirements;
    for (;;) {
      if (this.next.kind !== "identifier" && !this.is("!")) {
        throw new SelectorError(`found '${this.next.text}', expected: !, identifier, or 'end of string'`);
      }
      requirements.push(this.requirement());
      const end = this.take();
      if (end.kind === "end") return requirements;
      if (end.kind !== "symbol" || end.text !== ",") {
        throw new SelectorError(`found '${end.text}', expected: ',' or 'end of string'`);
      }
      if (this.next.kind !== "identifier" && !this.is("!")) {
        throw new SelectorError(`found '${this.next.text}', expected: identifier after ','`);
      }
    }
  }

  private requirement(): Requirement {
    const negated = this.is("!");
    if (negated) this.take();
    const key = this.take();
    if (key.kind !== "identifier") throw refused(`found '${key.text}', expected: identifier`);
    check("<nil>", key.text, qualifiedName(key.text));
    if (negated) return { key: key.text, operator: "!", values: [] };
    if (this.next.kind === "end" || this.is(",")) {
      return { key: key.text, operator: "exists", values: [] };
    }
    const sign = this.take();
    const operator = Object.hasOwn(binaryOperators, sign.text) ? binaryOperators[sign.text] : undefined;
    if (operator === undefined) {
      throw refused(`found '${sign.text}', expected: in, notin, =, ==, !=, gt, lt`);
    }
    const values = operator === "in" || operator === "notin" ? this.valueList() : [this.exactValue()];
    for (const [index, value] of values.entries()) {
      if ((operator === ">" || operator === "<") && !/^[+-]?[0-9]+$/.test(value)) {
        check(`values[${index}]`, value, ["for 'Gt', 'Lt' operators, the value must be an integer"]);
      }
      check(`values[${index}][${key.text}]`, value, labelValue(value));
    }
    return { key: key.text, operator, values };
  }

  private exactValue(): string {
    if (this.next.kind === "end" || this.is(",")) return "";
    const value = this.take();
    if (value.kind !== "identifier") throw refused(`found '${value.text}', expected: identifier`);
    return value.text;
  }

  private valueList(): readonly string[] {
    const open = this.take();
    if (open.kind !== "symbol" || open.text !== "(") {
      throw refused(`found '${open.text}' expected: '('`);
    }
    const values: string[] = [];
    for (;;) {
      // An empty place, as in `(a,)`, stands for the empty value.
      values.push(this.next.kind === "identifier" ? this.take().text : "");
      const end = this.take();
      if (end.kind === "symbol" && end.text === ")") return sortedUnique(values);
      if (end.kind !== "symbol" || end.text !== ",") {
        throw refused(`found '${end.text}', expected: ',' or ')'`);
      }
    }
  }
}

function refused(text: string): SelectorError {
  return new SelectorError(`unable to parse requirement: ${text}`);
}

function check(path: string, value: string, problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw refused(`${path}: Invalid value: ${goQuote(value)}: ${problems.join("; ")}`);
}
