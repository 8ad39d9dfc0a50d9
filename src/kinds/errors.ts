import { refuse, type StatusCause, type StatusError } from "../util/errors.ts";
import { goJson, goQuote } from "../util/gojson.ts";
import type { FieldErrors } from "./field-errors.ts";

/** Field errors in Kubernetes' rendering, and the 422 that gathers them. */

/** No answer tells more than this: a body of many bad items would come back many times its size. */
const causesMax = 1_000;
const textCharsMax = 256 * 1024;
const messageCharsMax = 32 * 1024;

function cut(text: string): string {
  return text.length > messageCharsMax ? `${text.slice(0, messageCharsMax)}...` : text;
}

/** An empty list of field errors; hand it to a kind's `validate`. What goes beyond the limits is left out. */
export function createFieldErrors(): FieldErrors {
  return new GatheredErrors();
}

class GatheredErrors implements FieldErrors {
  readonly causes: StatusCause[] = [];
  private chars = 0;

  required(path: string, detail = ""): void {
    this.add(path, "FieldValueRequired", "Required value", detail);
  }

  invalid(path: string, value: unknown, detail: string): void {
    this.add(path, "FieldValueInvalid", shown("Invalid value", value), detail);
  }

  notSupported(path: string, value: unknown, supported: readonly string[]): void {
    const detail = `supported values: ${supported.map((item) => goQuote(item)).join(", ")}`;
    this.add(path, "FieldValueNotSupported", shown("Unsupported value", value), detail);
  }

  duplicate(path: string, value: unknown, detail = ""): void {
    this.add(path, "FieldValueDuplicate", shown("Duplicate value", value), detail);
  }

  forbidden(path: string, detail: string): void {
    this.add(path, "FieldValueForbidden", "Forbidden", detail);
  }

  tooLong(path: string, maxBytes: number): void {
    this.add(path, "FieldValueTooLong", "Too long", `may not be more than ${maxBytes} bytes`);
  }

  tooMany(path: string, actual: number, max: number): void {
    this.add(path, "FieldValueTooMany", `Too many: ${actual}`, `must have at most ${max} items`);
  }

  notFound(path: string, value: unknown, detail = ""): void {
    this.add(path, "FieldValueNotFound", shown("Not found", value), detail);
  }

  typeInvalid(path: string, value: unknown, detail: string): void {
    this.add(path, "FieldValueTypeInvalid", shown("Invalid value", value), detail);
  }

  private add(path: string, reason: string, body: string, detail: string): void {
    if (this.causes.length >= causesMax || this.chars > textCharsMax) return;
    const message = detail === "" ? body : `${body}: ${cut(detail)}`;
    this.chars += message.length + path.length;
    // Where the whole object is meant, Kubernetes prints `[]`.
    this.causes.push({ reason, message, field: path === "" ? "[]" : path });
  }
}

function shown(word: string, value: unknown): string {
  return `${word}: ${cut(renderValue(value))}`;
}

/** A value inside a message: strings quoted as Go does it, numbers and bools bare, else JSON. */
function renderValue(value: unknown): string {
  if (typeof value === "string") return goQuote(value);
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") {
    return String(value);
  }
  return goJson(value);
}

/** Adds each text as an "Invalid value" of the same field. */
export function invalidEach(errors: FieldErrors, path: string, value: unknown, problems: readonly string[]): void {
  for (const problem of problems) errors.invalid(path, value, problem);
}

/** 422 `Deployment.apps "x" is invalid: …`; equal texts stand once in the message. */
export function statusInvalid(
  kind: { readonly group: string; readonly kind: string },
  name: string,
  errors: Pick<FieldErrors, "causes">,
): StatusError {
  const texts = [...new Set(errors.causes.map((cause) => `${cause.field}: ${cause.message}`))];
  const qualified = kind.group === "" ? kind.kind : `${kind.kind}.${kind.group}`;
  const list = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
  const suffix = texts.length === 0 ? "" : `: ${list}`;
  return refuse({
    code: 422,
    reason: "Invalid",
    message: `${qualified} ${goQuote(name)} is invalid${suffix}`,
    details: {
      ...(name === "" ? {} : { name }),
      ...(kind.group === "" ? {} : { group: kind.group }),
      kind: kind.kind,
      causes: errors.causes,
    },
  });
}
