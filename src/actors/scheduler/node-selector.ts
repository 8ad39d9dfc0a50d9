/**
 * Node selectors: terms are alternatives, the expressions of a term must all hold, and a term
 * without expressions matches nothing.
 */
import type { NodeSelector, NodeSelectorRequirement, NodeSelectorTerm } from "../../kinds/generated/types.ts";
import type { NodeFacts } from "./facts.ts";

export function matchesSelector(selector: NodeSelector, node: NodeFacts): boolean {
  return selector.nodeSelectorTerms.some((term) => matchesTerm(term, node));
}

export function matchesTerm(term: NodeSelectorTerm, node: NodeFacts): boolean {
  const { matchExpressions = [], matchFields = [] } = term;
  if (matchExpressions.length === 0 && matchFields.length === 0) return false;
  return (
    matchExpressions.every((expression) => holds(expression, node.labels)) &&
    matchFields.every((field) => holds(field, { "metadata.name": node.name }))
  );
}

/** The only nodes that can match, if every term names its node; undefined otherwise. */
export function pinnedNames(selector: NodeSelector): ReadonlySet<string> | undefined {
  const names = new Set<string>();
  for (const { matchFields = [] } of selector.nodeSelectorTerms) {
    const pins = matchFields.filter(({ key, operator }) => key === "metadata.name" && operator === "In");
    if (pins.length === 0) return undefined;
    for (const name of pins.flatMap(({ values = [] }) => values)) names.add(name);
  }
  return names;
}

function holds(
  { key, operator, values = [] }: NodeSelectorRequirement,
  labels: Readonly<Record<string, string>>,
): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
    case "Lt": {
      const [left, right] = [integer(value), integer(values[0])];
      if (left === undefined || right === undefined) return false;
      return operator === "Gt" ? left > right : left < right;
    }
    default:
      return false;
  }
}

function integer(text: string | undefined): bigint | undefined {
  return text !== undefined && /^[+-]?\d+$/.test(text) ? BigInt(text) : undefined;
}
