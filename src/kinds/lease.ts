import { subdomainName } from "../util/names.ts";
import { allVerbs, defineKind } from "./define.ts";
import type { FieldErrors } from "./field-errors.ts";
import type { Lease } from "./generated/types.ts";
import type { Draft, Kind } from "./kind.ts";
import { leaseSchema } from "./schemas/lease.ts";
import { ageColumn, ageOf, column, nameColumn } from "./table.ts";

/** A claim on something for a time, by which programs elect a leader. */

export const leases: Kind = defineKind<Lease>({
  id: "leases.coordination.k8s.io",
  group: "coordination.k8s.io",
  version: "v1",
  kind: "Lease",
  plural: "leases",
  singular: "lease",
  shortNames: [],
  categories: [],
  scope: "Namespaced",
  verbs: allVerbs,
  storage: "rows",
  description: "A claim that is held for a time and renewed; programs elect leaders with it.",
  schema: leaseSchema,
  name: subdomainName,
  generation: "none",
  createOnUpdate: true,
  updateNeedsRevision: true,
  subresources: {},
  prepareCreate: (draft) => dropGated(draft),
  prepareUpdate: (draft) => dropGated(draft),
  validate,
  validateUpdate: (object, _old, errors) => validate(object, errors),
  columns: [nameColumn, column("Holder", "Who holds the lease now."), ageColumn],
  row: (object, now) => ({
    cells: [object.metadata.name, object.spec.holderIdentity ?? "", ageOf(object, now)],
  }),
  selectable: {},
  machine: "object",
});

/** Coordinated elections are not served: their fields are dropped, as Kubernetes does by default. */
function dropGated(draft: Draft): void {
  const spec = draft["spec"] as Record<string, unknown> | undefined;
  if (spec === undefined) return;
  delete spec["strategy"];
  delete spec["preferredHolder"];
}

function validate(object: Lease, errors: FieldErrors): void {
  const { leaseDurationSeconds, leaseTransitions } = object.spec;
  if (leaseDurationSeconds !== undefined && leaseDurationSeconds <= 0) {
    errors.invalid("spec.leaseDurationSeconds", leaseDurationSeconds, "must be greater than 0");
  }
  if (leaseTransitions !== undefined && leaseTransitions < 0) {
    errors.invalid("spec.leaseTransitions", leaseTransitions, "must be greater than or equal to 0");
  }
}
