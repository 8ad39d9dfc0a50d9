import { dnsLabel, dnsSubdomain, labelValue, qualifiedName } from "../util/names.ts";
import { invalidEach } from "./errors.ts";
import type { FieldErrors } from "./field-errors.ts";
import type {
  Affinity,
  LabelSelector,
  NodeSelectorTerm,
  PodAffinityTerm,
  PodSpec,
  Toleration,
  TopologySpreadConstraint,
} from "./generated/types.ts";
import { operatorText, validateLabelSelector, validateOperator } from "./label-selector-rules.ts";
import { oneOf } from "./pod-validate-context.ts";

/** Where a pod may run: affinity, tolerations, spreading. */

export const taintEffects: readonly string[] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

export function validateTolerations(
  errors: FieldErrors,
  path: string,
  tolerations: readonly Toleration[] | undefined,
): void {
  for (const [index, toleration] of (tolerations ?? []).entries()) {
    const here = `${path}[${index}]`;
    const { key = "", operator = "", value = "", effect = "", tolerationSeconds } = toleration;
    if (key !== "") invalidEach(errors, `${here}.key`, key, qualifiedName(key));
    if (key === "" && operator !== "Exists") {
      const text = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
      errors.invalid(`${here}.operator`, operator, text);
    }
    if (tolerationSeconds !== undefined && effect !== "NoExecute") {
      errors.invalid(`${here}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set");
    }
    validateTolerationValue(errors, `${here}.operator`, operator, value);
    if (effect !== "" && !taintEffects.includes(effect)) {
      errors.notSupported(`${here}.effect`, effect, taintEffects);
    }
  }
}

function validateTolerationValue(errors: FieldErrors, path: string, operator: string, value: string): void {
  switch (operator) {
    case "":
    case "Equal": {
      const problems = labelValue(value);
      if (problems.length > 0) errors.invalid(path, value, problems.join(";"));
      return;
    }
    case "Exists":
      if (value !== "") errors.invalid(path, value, "value must be empty when `operator` is 'Exists'");
      return;
    case "Lt":
    case "Gt":
      errors.notSupported(path, operator, ["Equal", "Exists", "Lt", "Gt"]);
      return;
    default:
      errors.notSupported(path, operator, ["Equal", "Exists"]);
  }
}

const required = "requiredDuringSchedulingIgnoredDuringExecution";
const preferred = "preferredDuringSchedulingIgnoredDuringExecution";

export function validateAffinity(errors: FieldErrors, path: string, affinity: Affinity | undefined): void {
  const node = affinity?.nodeAffinity;
  const here = `${path}.nodeAffinity`;
  if (node?.[required] !== undefined) {
    const terms = node[required].nodeSelectorTerms ?? [];
    const at = `${here}.${required}.nodeSelectorTerms`;
    if (terms.length === 0) errors.required(at, "must have at least one node selector term");
    for (const [index, term] of terms.entries()) validateTerm(errors, `${at}[${index}]`, term, true);
  }
  for (const [index, { weight, preference }] of (node?.[preferred] ?? []).entries()) {
    const at = `${here}.${preferred}[${index}]`;
    validateWeight(errors, at, weight);
    validateTerm(errors, `${at}.preference`, preference, false);
  }
  for (const name of ["podAffinity", "podAntiAffinity"] as const) {
    for (const [index, term] of (affinity?.[name]?.[required] ?? []).entries()) {
      validatePodTerm(errors, `${path}.${name}.${required}[${index}]`, term);
    }
    for (const [index, item] of (affinity?.[name]?.[preferred] ?? []).entries()) {
      const at = `${path}.${name}.${preferred}[${index}]`;
      validateWeight(errors, at, item.weight);
      validatePodTerm(errors, `${at}.podAffinityTerm`, item.podAffinityTerm);
    }
  }
}

function validateWeight(errors: FieldErrors, path: string, weight: number): void {
  if (weight < 1 || weight > 100) errors.invalid(`${path}.weight`, weight, "must be in the range 1-100");
}

/** `strict`: values are checked too, which Kubernetes does for required terms alone. */
function validateTerm(errors: FieldErrors, path: string, term: NodeSelectorTerm, strict: boolean): void {
  for (const [index, item] of (term.matchExpressions ?? []).entries()) {
    const here = `${path}.matchExpressions[${index}]`;
    if (item.operator === "Gt" || item.operator === "Lt") {
      if ((item.values ?? []).length !== 1) {
        const text = "must be specified single value when `operator` is 'Lt' or 'Gt'";
        errors.required(`${here}.values`, text);
      }
    } else validateOperator(errors, here, item);
    invalidEach(errors, `${here}.key`, item.key, qualifiedName(item.key));
    if (!strict) continue;
    for (const [at, value] of (item.values ?? []).entries()) {
      invalidEach(errors, `${here}.values[${at}]`, value, labelValue(value));
    }
  }
  for (const [index, item] of (term.matchFields ?? []).entries()) {
    const here = `${path}.matchFields[${index}]`;
    if (item.operator !== "In" && item.operator !== "NotIn") {
      errors.invalid(`${here}.operator`, item.operator, operatorText);
    } else if ((item.values ?? []).length !== 1) {
      const text = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
      errors.required(`${here}.values`, text);
    }
    if (item.key !== "metadata.name") {
      errors.invalid(`${here}.key`, item.key, "not a valid field selector key");
      continue;
    }
    for (const [at, value] of (item.values ?? []).entries()) {
      invalidEach(errors, `${here}.values[${at}]`, value, dnsSubdomain(value));
    }
  }
}

function validatePodTerm(errors: FieldErrors, path: string, term: PodAffinityTerm): void {
  validateLabelSelector(errors, `${path}.labelSelector`, term.labelSelector);
  validateLabelSelector(errors, `${path}.namespaceSelector`, term.namespaceSelector);
  for (const name of term.namespaces ?? []) {
    invalidEach(errors, `${path}.namespace`, name, dnsLabel(name));
  }
  validateLabelKeys(errors, path, term);
  if (term.topologyKey === "") errors.required(`${path}.topologyKey`, "can not be empty");
  invalidEach(errors, `${path}.topologyKey`, term.topologyKey, qualifiedName(term.topologyKey));
}

interface KeyedTerm {
  readonly labelSelector?: LabelSelector;
  readonly matchLabelKeys?: readonly string[];
  readonly mismatchLabelKeys?: readonly string[];
}

function validateLabelKeys(errors: FieldErrors, path: string, term: KeyedTerm): void {
  const match = term.matchLabelKeys ?? [];
  const mismatch = term.mismatchLabelKeys ?? [];
  for (const [name, keys] of [
    ["matchLabelKeys", match],
    ["mismatchLabelKeys", mismatch],
  ] as const) {
    if (keys.length > 0 && term.labelSelector === undefined) {
      errors.forbidden(`${path}.${name}`, "must not be specified when labelSelector is not set");
    }
    for (const [index, key] of keys.entries()) {
      invalidEach(errors, `${path}.${name}[${index}]`, key, qualifiedName(key));
    }
  }
  for (const [index, key] of match.entries()) {
    if (!mismatch.includes(key)) continue;
    const text = "exists in both matchLabelKeys and mismatchLabelKeys";
    errors.invalid(`${path}.matchLabelKeys[${index}]`, key, text);
  }
}

export function validateSpread(errors: FieldErrors, path: string, spec: PodSpec): void {
  const constraints = spec.topologySpreadConstraints ?? [];
  for (const [index, constraint] of constraints.entries()) {
    const here = `${path}[${index}]`;
    if (constraint.maxSkew <= 0) {
      errors.invalid(`${here}.maxSkew`, constraint.maxSkew, "must be greater than zero");
    }
    if (constraint.topologyKey === "") errors.required(`${here}.topologyKey`, "can not be empty");
    else invalidEach(errors, `${here}.topologyKey`, constraint.topologyKey, qualifiedName(constraint.topologyKey));
    const actions = ["DoNotSchedule", "ScheduleAnyway"];
    oneOf(errors, `${here}.whenUnsatisfiable`, constraint.whenUnsatisfiable, actions);
    validateRepeat(errors, here, constraint, constraints.slice(index + 1));
    const domains = constraint.minDomains;
    if (domains !== undefined) {
      if (domains <= 0) errors.invalid(`${here}.minDomains`, domains, "must be greater than zero");
      if (constraint.whenUnsatisfiable !== "DoNotSchedule") {
        const text = "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway";
        errors.invalid(`${here}.minDomains`, domains, text);
      }
    }
    for (const name of ["nodeAffinityPolicy", "nodeTaintsPolicy"] as const) {
      const value = constraint[name];
      if (value !== undefined) oneOf(errors, `${here}.${name}`, value, ["Honor", "Ignore"]);
    }
    validateLabelKeys(errors, here, constraint);
    validateLabelSelector(errors, `${here}.labelSelector`, constraint.labelSelector);
  }
}

function validateRepeat(
  errors: FieldErrors,
  path: string,
  constraint: TopologySpreadConstraint,
  rest: readonly TopologySpreadConstraint[],
): void {
  const { topologyKey, whenUnsatisfiable } = constraint;
  const repeated = rest.some(
    (item) => item.topologyKey === topologyKey && item.whenUnsatisfiable === whenUnsatisfiable,
  );
  if (!repeated) return;
  errors.duplicate(`${path}.{topologyKey, whenUnsatisfiable}`, `{${topologyKey}, ${whenUnsatisfiable}}`);
}
