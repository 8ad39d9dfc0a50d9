import { base64Length } from "../util/base64.ts";
import { jsonEqual } from "../util/equal.ts";
import { byteLength, configKey, subdomainName } from "../util/names.ts";
import { allVerbs, defineKind } from "./define.ts";
import { invalidEach } from "./errors.ts";
import type { FieldErrors } from "./field-errors.ts";
import type { ConfigMap } from "./generated/types.ts";
import type { Kind } from "./kind.ts";
import { configMapSchema } from "./schemas/configmap.ts";
import { ageColumn, ageOf, column, nameColumn } from "./table.ts";

/** Settings for programs, as texts and bytes by key. */

/** All values of one ConfigMap or Secret, in bytes. */
export const dataBytesMax: number = 1024 * 1024;

/** Bytes of the UTF-8 of one UTF-16 unit. */
const unitBytesMax = 3;

export const immutableDataText = "field is immutable when `immutable` is set";

export const configMaps: Kind = defineKind<ConfigMap>({
  id: "configmaps",
  group: "",
  version: "v1",
  kind: "ConfigMap",
  plural: "configmaps",
  singular: "configmap",
  shortNames: ["cm"],
  categories: [],
  scope: "Namespaced",
  verbs: allVerbs,
  storage: "rows",
  description: "Holds configuration for pods to consume: texts and bytes by key.",
  schema: configMapSchema,
  name: subdomainName,
  generation: "none",
  subresources: {},
  validate,
  validateUpdate,
  columns: [nameColumn, column("Data", "Number of keys."), ageColumn],
  row: (object, now) => ({
    cells: [object.metadata.name, keyCount(object), ageOf(object, now)],
  }),
  selectable: {},
  machine: "object",
  decoded: false,
});

function keyCount(object: ConfigMap): number {
  return Object.keys(object.data ?? {}).length + Object.keys(object.binaryData ?? {}).length;
}

function validate(object: ConfigMap, errors: FieldErrors): void {
  let bytes = 0;
  let units = 0;
  for (const [key, value] of Object.entries(object.data ?? {})) {
    invalidEach(errors, `data[${key}]`, key, configKey(key));
    if (object.binaryData !== undefined && Object.hasOwn(object.binaryData, key)) {
      errors.invalid(`data[${key}]`, key, "duplicate of key present in binaryData");
    }
    units += value.length;
  }
  for (const [key, value] of Object.entries(object.binaryData ?? {})) {
    invalidEach(errors, `binaryData[${key}]`, key, configKey(key));
    bytes += base64Length(value);
  }
  // A unit of text takes three bytes at most: only what may be too large is counted.
  if (bytes + units * unitBytesMax <= dataBytesMax) return;
  for (const value of Object.values(object.data ?? {})) bytes += byteLength(value);
  if (bytes > dataBytesMax) errors.tooLong("", dataBytesMax);
}

function validateUpdate(object: ConfigMap, old: ConfigMap, errors: FieldErrors): void {
  if (old.immutable === true) {
    if (object.immutable !== true) errors.forbidden("immutable", immutableDataText);
    if (!jsonEqual(object.data, old.data)) errors.forbidden("data", immutableDataText);
    if (!jsonEqual(object.binaryData, old.binaryData)) {
      errors.forbidden("binaryData", immutableDataText);
    }
  }
  validate(object, errors);
}
