import type { Kind } from "../../kinds/kind.ts";
import { fieldSelectorProblem, selectableValue } from "../../kinds/selectable.ts";
import { badRequest } from "../../kinds/status-errors.ts";
import type { RowRef } from "../../store/view.ts";
import { matchesFields, parseFieldSelector, type FieldTerm } from "../../util/field-selector.ts";
import { matchesLabels, parseLabelSelector, SelectorError, type LabelMatcher } from "../../util/selector.ts";

/** Which rows of a kind a list or watch is about. */
export interface Selection {
  readonly namespace: string;
  /** Undefined: every row of the namespace. */
  readonly filter: ((row: RowRef) => boolean) | undefined;
  /** The only name that can match, if the selector says so. */
  readonly name: string | undefined;
}

export interface SelectionRequest {
  readonly namespace: string;
  readonly name: string;
  readonly labelSelector: string;
  readonly fieldSelector: string;
}

/** Throws 400 for selectors that cannot be read or name unknown fields. */
export function createSelection(kind: Kind, request: SelectionRequest): Selection {
  try {
    return select(kind, request);
  } catch (error) {
    if (error instanceof SelectorError) throw badRequest(error.message);
    throw error;
  }
}

function select(kind: Kind, request: SelectionRequest): Selection {
  const labels = parseLabelSelector(request.labelSelector);
  const fields = [...parseFieldSelector(request.fieldSelector)];
  for (const { field } of fields) checkField(kind, field);
  if (request.name !== "") {
    fields.push({ field: "metadata.name", equal: true, value: request.name });
  }
  const name = fields.find((term) => term.field === "metadata.name" && term.equal)?.value;
  const { namespace } = request;
  if (labels.length === 0 && fields.length === 0) return { namespace, filter: undefined, name };
  return { namespace, filter: (row) => matches(kind, row, { labels, fields }), name };
}

function checkField(kind: Kind, field: string): void {
  const problem = fieldSelectorProblem(kind, field);
  if (problem !== undefined) throw badRequest(problem);
}

function matches(
  kind: Kind,
  row: RowRef,
  selectors: { readonly labels: LabelMatcher; readonly fields: readonly FieldTerm[] },
): boolean {
  if (!matchesLabels(selectors.labels, row.hot.labels)) return false;
  return matchesFields(selectors.fields, (field) => {
    if (field === "metadata.name") return row.name;
    if (field === "metadata.namespace") return row.namespace;
    return selectableValue(kind, row.object(), field) ?? "";
  });
}
