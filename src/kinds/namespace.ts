import { labelName, qualifiedName } from "../util/names.ts";
import { allVerbs, defineKind } from "./define.ts";
import { invalidEach } from "./errors.ts";
import type { FieldErrors } from "./field-errors.ts";
import type { Namespace } from "./generated/types.ts";
import type { Draft, Kind } from "./kind.ts";
import { namespaceSchema } from "./schemas/namespace.ts";
import { ageColumn, ageOf, column, nameColumn } from "./table.ts";

/** A room for names: most objects live in one, and are deleted with it. */

const nameLabel = "kubernetes.io/metadata.name";
const ownFinalizer = "kubernetes";

export const namespaces: Kind = defineKind<Namespace>({
  id: "namespaces",
  group: "",
  version: "v1",
  kind: "Namespace",
  plural: "namespaces",
  singular: "namespace",
  shortNames: ["ns"],
  categories: [],
  scope: "Cluster",
  verbs: allVerbs.filter((verb) => verb !== "deletecollection"),
  storage: "rows",
  description: "A room for names: objects live in it and are deleted with it.",
  schema: namespaceSchema,
  name: labelName,
  generation: "none",
  subresources: { status: true, others: ["finalize"] },
  defaults: (draft) => setNameLabel(draft),
  prepareCreate: (draft) => {
    setNameLabel(draft);
    draft["status"] = { phase: "Active" };
    const spec = (draft["spec"] ?? {}) as { finalizers?: readonly string[] };
    const finalizers = spec.finalizers ?? [];
    if (!finalizers.includes(ownFinalizer)) spec.finalizers = [...finalizers, ownFinalizer];
    draft["spec"] = spec;
  },
  prepareUpdate: (draft, old) => {
    setNameLabel(draft);
    draft["spec"] = old.spec;
  },
  validate,
  validateUpdate: (object, _old, errors) => validate(object, errors),
  validateStatus: (object, _old, errors) => {
    const phase = object.status?.phase ?? "";
    if (object.metadata.deletionTimestamp === undefined) {
      if (phase !== "" && phase !== "Active") {
        errors.invalid("status.Phase", phase, "may only be 'Active' if `deletionTimestamp` is empty");
      }
    } else if (phase !== "" && phase !== "Terminating") {
      errors.invalid("status.Phase", phase, "may only be 'Terminating' if `deletionTimestamp` is not empty");
    }
  },
  undeletable: ["default", "kube-system", "kube-public"],
  columns: [nameColumn, column("Status", "Active, or Terminating while it is emptied."), ageColumn],
  row: (object, now) => ({
    cells: [object.metadata.name, object.status?.phase ?? "", ageOf(object, now)],
  }),
  selectable: { "status.phase": (object) => object.status?.phase ?? "" },
  hot: (object) => ({
    phase: object.status?.phase ?? "",
    finalizers: object.spec.finalizers ?? [],
  }),
  machine: "namespace",
});

/** Every namespace carries its name as a label, so that selectors can pick it. */
function setNameLabel(draft: Draft): void {
  const { name } = draft.metadata;
  if (name === undefined || name === "" || draft.metadata.labels?.[nameLabel] === name) return;
  draft.metadata.labels = { ...draft.metadata.labels, [nameLabel]: name };
}

function validate(object: Namespace, errors: FieldErrors): void {
  for (const finalizer of object.spec.finalizers ?? []) {
    validateFinalizer(errors, "spec.finalizers", finalizer);
  }
}

const standardFinalizers = ["kubernetes", "orphan", "foregroundDeletion"];

/** One finalizer of `spec.finalizers`, which `/finalize` validates with an index. */
function validateFinalizer(errors: FieldErrors, path: string, finalizer: string): void {
  invalidEach(errors, path, finalizer, qualifiedName(finalizer));
  if (!finalizer.includes("/") && !standardFinalizers.includes(finalizer)) {
    errors.invalid(path, finalizer, "name is neither a standard finalizer name nor is it fully qualified");
  }
}
