import { jsonEqual } from "../util/equal.ts";
import { goQuote } from "../util/gojson.ts";
import { byteLength, dnsLabel, labelValue, qualifiedName } from "../util/names.ts";
import { invalidEach } from "./errors.ts";
import type { FieldErrors } from "./field-errors.ts";
import type { Kind, ObjectMeta, OwnerReference } from "./kind.ts";

/**
 * Rules for `metadata` that hold for every kind. They run after a kind's own validation, and only
 * if that found nothing.
 */

export const immutableText = "field is immutable";

/** Keys and values of all annotations together, in bytes. */
export const annotationsBytesMax: number = 256 * 1024;

export function validateMetadata(kind: Kind, meta: Partial<ObjectMeta>, errors: FieldErrors): void {
  if (meta.generateName !== undefined && meta.generateName !== "") {
    const problems = kind.name(meta.generateName, true);
    invalidEach(errors, "metadata.generateName", meta.generateName, problems);
  }
  if (meta.name === undefined || meta.name === "") {
    errors.required("metadata.name", "name or generateName is required");
  } else invalidEach(errors, "metadata.name", meta.name, kind.name(meta.name, false));
  validateNamespace(kind, meta.namespace ?? "", errors);
  validateCommon(meta, errors);
}

/** What may not change, and what an object on its way out may not gain. */
export function validateMetadataUpdate(
  kind: Kind,
  meta: Partial<ObjectMeta>,
  old: ObjectMeta,
  errors: FieldErrors,
): void {
  if (old.deletionTimestamp !== undefined) {
    const known = new Set(old.finalizers ?? []);
    const added = [...new Set(meta.finalizers ?? [])].filter((item) => !known.has(item)).sort();
    if (added.length > 0) {
      const list = added.map((item) => goQuote(item)).join(", ");
      errors.forbidden(
        "metadata.finalizers",
        `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`,
      );
    }
  }
  if (kind.updateNeedsRevision === true && (meta.resourceVersion ?? "") === "") {
    errors.invalid("metadata.resourceVersion", 0, "must be specified for an update");
  }
  if ((meta.generation ?? 0) < (old.generation ?? 0)) {
    errors.invalid("metadata.generation", meta.generation ?? 0, "must not be decremented");
  }
  const fixed = [
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
  ] as const;
  for (const name of fixed) immutable(errors, `metadata.${name}`, meta[name], old[name]);
  validateCommon(meta, errors);
}

/** Adds "field is immutable" if the values differ. */
export function immutable(errors: FieldErrors, path: string, value: unknown, old: unknown): void {
  if (!jsonEqual(value, old)) errors.invalid(path, value ?? null, immutableText);
}

function validateNamespace(kind: Kind, namespace: string, errors: FieldErrors): void {
  if (kind.scope === "Cluster") {
    if (namespace !== "") errors.forbidden("metadata.namespace", "not allowed on this type");
  } else if (namespace === "") errors.required("metadata.namespace");
  else invalidEach(errors, "metadata.namespace", namespace, dnsLabel(namespace));
}

function validateCommon(meta: Partial<ObjectMeta>, errors: FieldErrors): void {
  if ((meta.generation ?? 0) < 0) {
    errors.invalid("metadata.generation", meta.generation, "must be greater than or equal to 0");
  }
  validateLabels(errors, "metadata.labels", meta.labels);
  validateAnnotations(errors, "metadata.annotations", meta.annotations);
  validateOwners(errors, meta.ownerReferences ?? []);
  validateFinalizers(errors, meta.finalizers ?? []);
  validateManagedFields(errors, meta.managedFields ?? []);
}

/** Bytes of a field manager's name, and of the subresource that it has written. */
export const fieldManagerBytesMax: number = 128;
const subresourceBytesMax = 256;

function validateManagedFields(errors: FieldErrors, entries: readonly unknown[]): void {
  for (const [index, entry] of entries.entries()) {
    const path = `metadata.managedFields[${index}]`;
    const { operation, fieldsType, manager, subresource } = (entry ?? {}) as Readonly<
      Record<"operation" | "fieldsType" | "manager" | "subresource", string | undefined>
    >;
    if (operation !== "Apply" && operation !== "Update") {
      errors.invalid(`${path}.operation`, operation ?? "", "must be `Apply` or `Update`");
    }
    if (fieldsType !== undefined && fieldsType !== "" && fieldsType !== "FieldsV1") {
      errors.invalid(`${path}.fieldsType`, fieldsType, "must be `FieldsV1`");
    }
    validateFieldManager(errors, `${path}.manager`, manager ?? "");
    if (byteLength(subresource ?? "") > subresourceBytesMax) errors.tooLong(`${path}.subresource`, subresourceBytesMax);
  }
}

/** What Go does not count as printable: controls, and every blank but the space. */
export const unprintable: RegExp = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;

/** The name of who writes: short, and of letters that can be shown. */
export function validateFieldManager(errors: FieldErrors, path: string, manager: string): void {
  if (byteLength(manager) > fieldManagerBytesMax) errors.tooLong(path, fieldManagerBytesMax);
  let position = 0;
  for (const char of manager) {
    if (unprintable.test(char)) {
      const code = (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
      errors.invalid(path, manager, `invalid character U+${code} (at position ${position})`);
    }
    position += byteLength(char);
  }
}

/** Keys and values of labels; the bad part is the value that is shown. */
export function validateLabels(
  errors: FieldErrors,
  path: string,
  labels: Readonly<Record<string, string>> | undefined,
): void {
  for (const [key, value] of Object.entries(labels ?? {})) {
    invalidEach(errors, path, key, qualifiedName(key));
    invalidEach(errors, path, value, labelValue(value));
  }
}

export function validateAnnotations(
  errors: FieldErrors,
  path: string,
  annotations: Readonly<Record<string, string>> | undefined,
): void {
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    invalidEach(errors, path, key, qualifiedName(key.toLowerCase()));
    bytes += byteLength(key) + byteLength(value);
  }
  if (bytes > annotationsBytesMax) errors.tooLong(path, annotationsBytesMax);
}

function validateOwners(errors: FieldErrors, owners: readonly OwnerReference[]): void {
  const path = "metadata.ownerReferences";
  let controller: string | undefined;
  for (const owner of owners) {
    const apiVersion = owner.apiVersion ?? "";
    const version = apiVersion.includes("/") ? (apiVersion.split("/")[1] ?? "") : apiVersion;
    if (version === "") {
      errors.invalid(`${path}.apiVersion`, apiVersion, "version must not be empty");
    }
    for (const name of ["kind", "name", "uid"] as const) {
      if ((owner[name] ?? "") === "") errors.invalid(`${path}.${name}`, "", "must not be empty");
    }
    if (apiVersion === "v1" && owner.kind === "Event") {
      errors.invalid(path, owner, "/v1, Kind=Event is disallowed from being an owner");
    }
    if (owner.controller !== true) continue;
    const current = `${owner.kind}/${owner.name}`;
    if (controller === undefined) controller = current;
    else {
      errors.invalid(
        path,
        owners,
        `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${current}`,
      );
    }
  }
}

function validateFinalizers(errors: FieldErrors, finalizers: readonly string[]): void {
  const path = "metadata.finalizers";
  for (const finalizer of finalizers) {
    invalidEach(errors, path, finalizer, qualifiedName(finalizer));
  }
  if (finalizers.includes("orphan") && finalizers.includes("foregroundDeletion")) {
    errors.invalid(path, finalizers, "finalizer orphan and foregroundDeletion cannot be both set");
  }
}

/** `name` cut to 58 bytes plus the suffix that the caller drew from `nameAlphabet`. */
export function generatedName(prefix: string, suffix: string): string {
  return `${prefix.slice(0, 58)}${suffix}`;
}

export const nameAlphabet = "bcdfghjklmnpqrstvwxz2456789";
export const nameSuffixLength = 5;
