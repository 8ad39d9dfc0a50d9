import { subdomainName } from "../util/names.ts";
import { allVerbs, defineKind } from "./define.ts";
import type { ServiceAccount } from "./generated/types.ts";
import type { Draft, Kind } from "./kind.ts";
import { serviceAccountSchema } from "./schemas/serviceaccount.ts";
import { ageColumn, ageOf, nameColumn } from "./table.ts";

/** Who a pod is to the API. */

export const serviceAccounts: Kind = defineKind<ServiceAccount>({
  id: "serviceaccounts",
  group: "",
  version: "v1",
  kind: "ServiceAccount",
  plural: "serviceaccounts",
  singular: "serviceaccount",
  shortNames: ["sa"],
  categories: [],
  scope: "Namespaced",
  verbs: allVerbs,
  storage: "rows",
  description: "An identity for the processes in pods, with rights given by role bindings.",
  schema: serviceAccountSchema,
  name: subdomainName,
  generation: "none",
  subresources: { others: ["token"] },
  prepareCreate: (draft) => keepSecretNames(draft),
  prepareUpdate: (draft) => keepSecretNames(draft),
  columns: [nameColumn, ageColumn],
  row: (object, now) => ({ cells: [object.metadata.name, ageOf(object, now)] }),
  selectable: {},
  machine: "object",
});

/** Only names of secrets are stored; anything else about them would go stale. */
function keepSecretNames(draft: Draft): void {
  const secrets = draft["secrets"] as ServiceAccount["secrets"];
  if (secrets === undefined) return;
  draft["secrets"] = secrets.map(({ name }) => (name === undefined ? {} : { name }));
}
