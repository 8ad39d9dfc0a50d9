import type { FieldErrors } from "./field-errors.ts";
import type { PodSpec, Volume } from "./generated/types.ts";

/** What the rules of a pod's parts know about the whole. */
export interface PodContext {
  readonly errors: FieldErrors;
  readonly spec: PodSpec;
  /** Inside a Deployment and the like: some rules hold for pods alone. */
  readonly template: boolean;
  /** Volumes without errors, by name; a mount of another one is not found. */
  readonly volumes: ReadonlyMap<string, Volume>;
  /** Names of `spec.resourceClaims`. */
  readonly claims: readonly string[];
}

/** `true` unless the pod asks for a user namespace. */
export function usesHostUsers(spec: PodSpec): boolean {
  return spec.hostUsers !== false;
}

export function rangeText(low: number, high: number): string {
  return `must be between ${low} and ${high}, inclusive`;
}

export const negativeText = "must be greater than or equal to 0";
export const int32Max = 2_147_483_647;

/** Adds "Unsupported value" unless the value is one of the known; "" is `Required`. */
export function oneOf(errors: FieldErrors, path: string, value: string | undefined, known: readonly string[]): void {
  if (value === undefined || value === "") errors.required(path);
  else if (!known.includes(value)) errors.notSupported(path, value, known);
}

/** A path below a directory: relative, without `..`. */
export function validateDescendingPath(errors: FieldErrors, path: string, value: string): void {
  if (value.startsWith("/")) errors.invalid(path, value, "must be a relative path");
  if (value.split("/").includes("..")) errors.invalid(path, value, "must not contain '..'");
}
