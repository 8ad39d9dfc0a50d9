import { qualifiedName } from "../util/names.ts";
import { compareQuantities, isWholeQuantity, quantityNanos } from "../util/quantity.ts";
import { invalidEach } from "./errors.ts";
import type { FieldErrors } from "./field-errors.ts";

/** Names and amounts of resources: cpu, memory, huge pages and whatever a device plugin brings. */

const standard = new Set([
  "cpu",
  "memory",
  "ephemeral-storage",
  "storage",
  "pods",
  "services",
  "services.nodeports",
  "services.loadbalancers",
  "replicationcontrollers",
  "resourcequotas",
  "secrets",
  "configmaps",
  "persistentvolumeclaims",
  "requests.cpu",
  "requests.memory",
  "requests.storage",
  "requests.ephemeral-storage",
  "limits.cpu",
  "limits.memory",
  "limits.ephemeral-storage",
]);

export function isHugePages(name: string): boolean {
  return name.startsWith("hugepages-");
}

function isNative(name: string): boolean {
  return !name.includes("/") || name.includes("kubernetes.io/");
}

/** `example.com/gpu`: counted in whole units, never shared. */
function isExtended(name: string): boolean {
  return !isNative(name) && !name.startsWith("requests.") && qualifiedName(`requests.${name}`).length === 0;
}

/** May the sum of limits be more than a node has? */
export function mayOvercommit(name: string): boolean {
  return isNative(name) && !isHugePages(name);
}

/** A resource that a container asks for. */
export function validateContainerResource(errors: FieldErrors, path: string, name: string): void {
  const problems = qualifiedName(name);
  invalidEach(errors, path, name, problems);
  const isStandard = standard.has(name) || isHugePages(name) || name.startsWith("requests.hugepages-");
  if (problems.length === 0 && !name.includes("/") && !isStandard) {
    errors.invalid(path, name, "must be a standard resource type or fully qualified");
  }
  if (!name.includes("/")) {
    if (name !== "cpu" && name !== "memory" && name !== "ephemeral-storage" && !isHugePages(name)) {
      errors.invalid(path, name, "must be a standard resource for containers");
    }
  } else if (!isNative(name) && !isExtended(name)) {
    errors.invalid(path, name, "doesn't follow extended resource name standard");
  }
}

const wholeNames = new Set([
  "pods",
  "services",
  "services.nodeports",
  "services.loadbalancers",
  "replicationcontrollers",
  "resourcequotas",
  "secrets",
  "configmaps",
  "persistentvolumeclaims",
]);

/** An amount: not negative, and whole where parts make no sense. */
export function validateAmount(errors: FieldErrors, path: string, name: string, amount: string): void {
  if (compareQuantities(amount, undefined) < 0) {
    errors.invalid(path, amount, "must be greater than or equal to 0");
  }
  if ((wholeNames.has(name) || isExtended(name)) && !isWholeQuantity(amount)) {
    errors.invalid(path, amount, "must be an integer");
  }
}

/** Huge pages come in whole pages. */
export function validateHugePages(errors: FieldErrors, path: string, name: string, amount: string): void {
  const page = quantityNanos(name.slice("hugepages-".length));
  if (page > 0n && quantityNanos(amount) % page === 0n) return;
  errors.invalid(path, amount, `${amount} is not positive integer multiple of ${name}`);
}
