import { jsonEqual } from "../util/equal.ts";
import { dnsLabel } from "../util/names.ts";
import { labelMatcher, matchesLabels } from "../util/selector.ts";
import type { FieldErrors } from "./field-errors.ts";
import type { LabelSelector, PodTemplateSpec } from "./generated/types.ts";
import { validateLabelSelector } from "./label-selector-rules.ts";
import { immutable, validateAnnotations, validateLabels } from "./metadata.ts";
import { negativeText } from "./pod-validate-context.ts";
import { validatePodSpec } from "./pod-validate.ts";

/** Rules that everything with a template of pods shares. */

export function nonNegative(errors: FieldErrors, path: string, value: number | undefined): void {
  if (value !== undefined && value < 0) errors.invalid(path, value, negativeText);
}

/** Selector and template of a Deployment or ReplicaSet; `spec.selector`, `spec.template`. */
export function validateSelectedTemplate(
  errors: FieldErrors,
  selector: LabelSelector | undefined,
  template: PodTemplateSpec | undefined,
): void {
  if (selector === undefined) errors.required("spec.selector");
  else {
    validateLabelSelector(errors, "spec.selector", selector);
    const count = Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length;
    if (count === 0) errors.invalid("spec.selector", selector, "empty selector is invalid for deployment");
  }
  const operators = ["In", "NotIn", "Exists", "DoesNotExist"];
  if (selector?.matchExpressions?.some((item) => !operators.includes(item.operator)) === true) {
    errors.invalid("spec.selector", selector, "invalid label selector");
    return;
  }
  const labels = template?.metadata?.labels;
  const matcher = labelMatcher(selector);
  // An absent selector matches nothing; an empty one is refused above and matches everything.
  if (matcher === undefined || !matchesLabels(matcher, labels)) {
    const text = "`selector` does not match template `labels`";
    errors.invalid("spec.template.metadata.labels", labels ?? null, text);
  }
  validateTemplate(errors, "spec.template", template ?? {});
}

function validateTemplate(errors: FieldErrors, path: string, template: PodTemplateSpec): void {
  const spec = template.spec ?? { containers: [] };
  // Kubernetes leaves `metadata` out of these two paths.
  validateLabels(errors, `${path}.labels`, template.metadata?.labels);
  validateAnnotations(errors, `${path}.annotations`, template.metadata?.annotations);
  validatePodSpec(errors, `${path}.spec`, spec, { template: true, podName: "" });
  if ((spec.ephemeralContainers ?? []).length > 0) {
    errors.forbidden(`${path}.spec.ephemeralContainers`, "ephemeral containers not allowed in pod template");
  }
  if (spec.restartPolicy !== "Always") {
    errors.notSupported(`${path}.spec.restartPolicy`, spec.restartPolicy ?? "", ["Always"]);
  }
  if (spec.activeDeadlineSeconds !== undefined) {
    const text = "activeDeadlineSeconds in ReplicaSet is not Supported";
    errors.forbidden(`${path}.spec.activeDeadlineSeconds`, text);
  }
}

export function validateSameSelector(
  errors: FieldErrors,
  selector: LabelSelector | undefined,
  old: LabelSelector | undefined,
): void {
  if (!jsonEqual(selector, old)) immutable(errors, "spec.selector", selector, old);
}

/** Counters that a status may not contradict; `names` are compared with `replicas`. */
export function validateCounters(
  errors: FieldErrors,
  status: Readonly<Record<string, unknown>>,
  names: readonly string[],
): void {
  const count = (name: string): number => {
    const value = status[name];
    return typeof value === "number" ? value : 0;
  };
  for (const name of ["observedGeneration", "replicas", ...names, "terminatingReplicas"]) {
    nonNegative(errors, `status.${name}`, count(name));
  }
  for (const name of names) {
    if (name === "unavailableReplicas" || name === "collisionCount") continue;
    if (count(name) > count("replicas")) {
      errors.invalid(`status.${name}`, count(name), "cannot be greater than status.replicas");
    }
  }
  if (count("availableReplicas") > count("readyReplicas")) {
    const value = count("availableReplicas");
    errors.invalid("status.availableReplicas", value, "cannot be greater than readyReplicas");
  }
}

/** A name that is no label makes names of pods that surprise. */
export function nameWarnings(name: string): readonly string[] {
  const problems = dnsLabel(name);
  if (problems.length === 0) return [];
  return [
    `metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [${problems.join(" ")}]`,
  ];
}
