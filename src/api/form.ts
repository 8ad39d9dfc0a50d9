import { decodeJson, type Decoded } from "../kinds/decode-json.ts";
import type { Draft } from "../kinds/kind.ts";
import type { ObjectSchema } from "../kinds/schema.ts";
import { badRequest, cannotBeHandled, strictDecoding } from "../kinds/status-errors.ts";
import type { Json } from "../util/json.ts";
import { apiVersionOf } from "../kinds/catalogue.ts";

/** How unknown and duplicate fields of a body are taken. */
export type Validation = "Ignore" | "Warn" | "Strict";

/** A form that bodies may have: a kind of the catalogue, or one of the API's own (Scale, DeleteOptions). */
export interface Form {
  readonly schema: ObjectSchema;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export interface DecodedForm {
  readonly draft: Draft;
  readonly warnings: readonly string[];
}

export interface FormOptions {
  readonly validation: Validation;
  /** Paths of keys that stood twice in JSON. */
  readonly duplicates?: readonly string[];
  /** What YAML's reader says about such keys. */
  readonly doubledKeys?: readonly string[];
}

/** JSON data as a draft of the form. Throws 400; what `Warn` found stands in the warnings. */
export function decodeForm(form: Form, value: Json, options: FormOptions): DecodedForm {
  const decoded = decodeJson(form.schema, value, { validation: options.validation });
  return settleForm(form, decoded, options);
}

/** Settles a decoded body: errors are refused, names completed, unknown fields refused or told. */
export function settleForm(form: Form, decoded: Decoded, options: FormOptions): DecodedForm {
  const { draft } = decoded;
  const [error] = decoded.errors;
  if (error !== undefined) throw cannotBeHandled(form, error);
  checkNames(form, draft);
  const { validation, doubledKeys = [], duplicates = [] } = options;
  if (decoded.unknown.length + duplicates.length + doubledKeys.length === 0) return { draft, warnings: [] };
  const problems = [...decoded.unknown, ...duplicates.map((path) => `duplicate field "${path}"`)];
  if (validation === "Strict") {
    const strict = doubledKeys.length === 0 ? problems : [yamlErrors(doubledKeys), ...problems];
    if (strict.length > 0) throw strictDecoding(form, strict);
  }
  return { draft, warnings: validation === "Warn" ? [...doubledKeys, ...problems] : [] };
}

/** Problems of a YAML text, in the words of Go's reader. */
export function yamlErrors(lines: readonly string[]): string {
  return `yaml: unmarshal errors:\n${lines.map((line) => `  ${line}`).join("\n")}`;
}

function checkNames(form: Form, draft: Draft): void {
  const apiVersion = apiVersionOf(form);
  if (draft.apiVersion === apiVersion && draft.kind === form.kind) return;
  const given = `${draft.apiVersion || apiVersion}, Kind=${draft.kind || form.kind}`;
  const expected = `${apiVersion}, Kind=${form.kind}`;
  if (given !== expected) {
    const what = draft.kind !== "" && draft.kind !== form.kind ? "kind" : "API version";
    throw badRequest(
      what === "kind"
        ? `${draft.kind} in version ${JSON.stringify(draft.apiVersion)} cannot be handled as a ${form.kind}: the object provided is unrecognized`
        : `the API version in the data (${draft.apiVersion}) does not match the expected API version (${apiVersion})`,
    );
  }
  draft.apiVersion = apiVersion;
  draft.kind = form.kind;
}
