import type { StatusCause } from "../util/errors.ts";

/**
 * Gathers what is wrong with an object, in declaration order, in Kubernetes' words
 * (`field: Invalid value: "x": detail`). Rendering rules: docs/reference/field-errors.md.
 */
export interface FieldErrors {
  readonly causes: readonly StatusCause[];
  required(path: string, detail?: string): void;
  invalid(path: string, value: unknown, detail: string): void;
  notSupported(path: string, value: unknown, supported: readonly string[]): void;
  duplicate(path: string, value: unknown, detail?: string): void;
  forbidden(path: string, detail: string): void;
  tooLong(path: string, maxBytes: number): void;
  tooMany(path: string, actual: number, max: number): void;
  notFound(path: string, value: unknown, detail?: string): void;
  typeInvalid(path: string, value: unknown, detail: string): void;
}
