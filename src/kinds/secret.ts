import { base64Length, decodeBase64, encodeBase64 } from "../util/base64.ts";
import { jsonEqual } from "../util/equal.ts";
import { JsonSyntaxError, parseJsonText, setKey } from "../util/json-text.ts";
import { configKey, subdomainName } from "../util/names.ts";
import { dataBytesMax, immutableDataText } from "./configmap.ts";
import { allVerbs, defineKind } from "./define.ts";
import { invalidEach } from "./errors.ts";
import type { FieldErrors } from "./field-errors.ts";
import type { Secret } from "./generated/types.ts";
import type { Draft, Kind } from "./kind.ts";
import { immutable } from "./metadata.ts";
import { secretSchema } from "./schemas/secret.ts";
import { ageColumn, ageOf, column, nameColumn } from "./table.ts";

/** Confidential bytes by key; rows are encrypted at rest. */

export const secrets: Kind = defineKind<Secret>({
  id: "secrets",
  group: "",
  version: "v1",
  kind: "Secret",
  plural: "secrets",
  singular: "secret",
  shortNames: [],
  categories: [],
  scope: "Namespaced",
  verbs: allVerbs,
  storage: "rows",
  description: "Holds confidential bytes by key, such as passwords, tokens and certificates.",
  schema: secretSchema,
  name: subdomainName,
  sealed: true,
  generation: "none",
  subresources: {},
  defaults,
  validate,
  validateUpdate,
  columns: [
    nameColumn,
    column("Type", "What the keys mean, e.g. kubernetes.io/tls."),
    column("Data", "Number of keys."),
    ageColumn,
  ],
  row: (object, now) => ({
    cells: [object.metadata.name, object.type ?? "", Object.keys(object.data ?? {}).length, ageOf(object, now)],
  }),
  selectable: { type: (object) => object.type ?? "" },
  hot: (object) => ({ type: object.type ?? "" }),
  machine: "object",
});

const utf8 = new TextEncoder();

/** `stringData` is for writing only: it overrides `data` and is never stored. */
function defaults(draft: Draft): void {
  draft["type"] ??= "Opaque";
  const texts = draft["stringData"] as Readonly<Record<string, string>> | undefined;
  if (texts === undefined) return;
  const merged: Record<string, unknown> = {};
  const data = (draft["data"] ?? {}) as Readonly<Record<string, string>>;
  for (const key of [...new Set([...Object.keys(data), ...Object.keys(texts)])].sort()) {
    const text = Object.hasOwn(texts, key) ? texts[key] : undefined;
    setKey(merged, key, text === undefined ? data[key] : encodeBase64(utf8.encode(text)));
  }
  draft["data"] = merged;
  delete draft["stringData"];
}

const redacted = "<secret contents redacted>";

function validate(object: Secret, errors: FieldErrors): void {
  const data = object.data ?? {};
  let bytes = 0;
  for (const [key, value] of Object.entries(data)) {
    invalidEach(errors, `data[${key}]`, key, configKey(key));
    bytes += base64Length(value);
  }
  if (bytes > dataBytesMax) errors.tooLong("data", dataBytesMax);
  const needs = (key: string): boolean => {
    const missing = !Object.hasOwn(data, key);
    if (missing) errors.required(`data[${key}]`);
    return !missing;
  };
  switch (object.type) {
    case "kubernetes.io/service-account-token": {
      const name = "kubernetes.io/service-account.name";
      const owner = object.metadata.annotations?.[name] ?? "";
      if (owner === "") errors.required(`metadata.annotations[${name}]`);
      return;
    }
    case "kubernetes.io/dockercfg":
    case "kubernetes.io/dockerconfigjson": {
      const key = object.type === "kubernetes.io/dockercfg" ? ".dockercfg" : ".dockerconfigjson";
      if (needs(key)) validateJson(errors, key, data[key] ?? "");
      return;
    }
    case "kubernetes.io/basic-auth":
      if (Object.hasOwn(data, "username") || Object.hasOwn(data, "password")) return;
      errors.required("data[username]");
      errors.required("data[password]");
      return;
    case "kubernetes.io/ssh-auth":
      if ((data["ssh-privatekey"] ?? "") === "") errors.required("data[ssh-privatekey]");
      return;
    case "kubernetes.io/tls":
      needs("tls.crt");
      needs("tls.key");
      return;
    default:
  }
}

function validateJson(errors: FieldErrors, key: string, value: string): void {
  const path = `data[${key}]`;
  try {
    const { value: json } = parseJsonText(new TextDecoder().decode(decodeBase64(value)));
    if (typeof json === "object" && !Array.isArray(json)) return;
    errors.invalid(path, redacted, "json: cannot unmarshal value into a JSON object");
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    errors.invalid(path, redacted, error.message);
  }
}

function validateUpdate(object: Secret, old: Secret, errors: FieldErrors): void {
  immutable(errors, "type", object.type, old.type);
  if (old.immutable === true) {
    if (object.immutable !== true) errors.forbidden("immutable", immutableDataText);
    if (!jsonEqual(object.data, old.data)) errors.forbidden("data", immutableDataText);
  }
  validate(object, errors);
}
