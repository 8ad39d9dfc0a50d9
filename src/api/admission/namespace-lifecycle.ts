import { namespaceTerminating, notFound } from "../../kinds/status-errors.ts";
import type { Admission } from "./admission.ts";

/** Nothing is created in a namespace that is absent or terminating. */
export const namespaceLifecycle: Admission = {
  name: "NamespaceLifecycle",
  applies: (kind, request) => kind.scope === "Namespaced" && (request.verb === "create" || request.verb === "update"),
  admit: ({ transaction, kind, request, draft, old }) => {
    if (draft === undefined || old !== undefined) return;
    const row = transaction.get("namespaces", "", request.namespace);
    if (row === undefined) throw notFound({ group: "", plural: "namespaces" }, request.namespace);
    if (row.hot.deleting) {
      throw namespaceTerminating(kind, draft.metadata.name ?? "", request.namespace);
    }
  },
};
