import { compareQuantities } from "../util/quantity.ts";
import type { FieldErrors } from "./field-errors.ts";
import type { PodSpec, ResourceRequirements } from "./generated/types.ts";
import { containerResources, type ResourceList } from "./pod-resources.ts";
import {
  isHugePages,
  mayOvercommit,
  validateAmount,
  validateContainerResource,
  validateHugePages,
} from "./resource-names.ts";

/** Requests and limits of containers and of pods. */

function validateList(errors: FieldErrors, path: string, list: ResourceList | undefined): void {
  for (const [name, amount] of Object.entries(list ?? {})) validateOne(errors, `${path}[${name}]`, name, amount);
}

function validateOne(errors: FieldErrors, path: string, name: string, amount: string): void {
  validateContainerResource(errors, path, name);
  validateAmount(errors, path, name, amount);
  if (isHugePages(name)) validateHugePages(errors, path, name, amount);
}

/** `path` is that of `resources`. */
export function validateResources(
  errors: FieldErrors,
  path: string,
  resources: ResourceRequirements | undefined,
  claims: readonly string[],
): void {
  const { limits, requests } = resources ?? {};
  validateClaims(errors, `${path}.claims`, resources, claims);
  validateList(errors, `${path}.limits`, limits);
  for (const [name, request] of Object.entries(requests ?? {})) {
    validateOne(errors, `${path}.requests[${name}]`, name, request);
    validateAgainstLimit(errors, path, { name, request, limit: limits?.[name] });
  }
  const names = [...Object.keys(limits ?? {}), ...Object.keys(requests ?? {})];
  if (names.some(isHugePages) && !names.includes("cpu") && !names.includes("memory")) {
    errors.forbidden(path, "HugePages require cpu or memory");
  }
}

function validateAgainstLimit(
  errors: FieldErrors,
  path: string,
  resource: { readonly name: string; readonly request: string; readonly limit: string | undefined },
): void {
  const { name, request, limit } = resource;
  if (limit === undefined) {
    if (mayOvercommit(name)) return;
    errors.required(`${path}.limits`, "Limit must be set for non overcommitable resources");
    return;
  }
  const order = compareQuantities(request, limit);
  if (order !== 0 && !mayOvercommit(name)) {
    errors.invalid(`${path}.requests`, request, `must be equal to ${name} limit of ${limit}`);
  } else if (order > 0) {
    errors.invalid(`${path}.requests`, request, `must be less than or equal to ${name} limit of ${limit}`);
  }
}

function validateClaims(
  errors: FieldErrors,
  path: string,
  resources: ResourceRequirements | undefined,
  known: readonly string[],
): void {
  const seen = new Set<string>();
  for (const [index, claim] of (resources?.claims ?? []).entries()) {
    const here = `${path}[${index}]`;
    if (claim.name === "") {
      errors.required(`${here}.name`);
      continue;
    }
    const key = claim.request === undefined ? claim.name : `${claim.name}/${claim.request}`;
    if (seen.has(key)) errors.duplicate(here, key);
    seen.add(key);
    if (!known.includes(claim.name)) {
      const rest = known.length === 0 ? " which is empty" : ` ${known.toSorted().join(", ")}`;
      const text = `must be one of the names in pod.spec.resourceClaims:${rest}`;
      errors.notFound(`${here}.name`, claim.name, text);
    }
  }
}

/** Resources of the pod as a whole. `path` is that of the spec. */
export function validatePodResources(errors: FieldErrors, path: string, spec: PodSpec): void {
  const { resources } = spec;
  if (resources === undefined) return;
  const here = `${path}.resources`;
  if ((resources.claims ?? []).length > 0) {
    errors.forbidden(`${here}.claims`, "claims may not be set for Resources at pod-level");
  }
  for (const which of ["limits", "requests"] as const) {
    for (const [name, amount] of Object.entries(resources[which] ?? {})) {
      const at = `${here}.${which}[${name}]`;
      if (name !== "cpu" && name !== "memory" && !isHugePages(name)) {
        errors.notSupported(at, name, ["cpu", "hugepages-", "memory"]);
      }
      validateAmount(errors, at, name, amount);
      if (which === "requests") {
        validateAgainstLimit(errors, here, { name, request: amount, limit: resources.limits?.[name] });
      }
    }
  }
  const sums = containerResources(spec, "requests");
  for (const [name, request] of Object.entries(resources.requests ?? {})) {
    const sum = sums[name];
    if (sum === undefined || compareQuantities(request, sum) >= 0) continue;
    const text = `must be greater than or equal to aggregate container requests of ${sum}`;
    errors.invalid(`${here}.requests[${name}]`, request, text);
  }
  for (const [index, container] of (spec.containers ?? []).entries()) {
    for (const [name, limit] of Object.entries(container.resources?.limits ?? {})) {
      const whole = resources.limits?.[name];
      if (whole === undefined || compareQuantities(limit, whole) <= 0) continue;
      const text = `must be less than or equal to pod limits of ${whole}`;
      errors.invalid(`${here}.containers[${index}][${name}].limits`, limit, text);
    }
  }
}
