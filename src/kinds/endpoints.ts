import { jsonEqual } from "../util/equal.ts";
import { subdomainName } from "../util/names.ts";
import { allVerbs, defineKind } from "./define.ts";
import { validateEndpointsObject } from "./endpoint-rules.ts";
import type { Endpoints } from "./generated/types.ts";
import type { Draft, Kind } from "./kind.ts";
import { endpointsSchema } from "./schemas/endpoints.ts";
import { ageColumn, ageOf, column, nameColumn } from "./table.ts";

/** Addresses behind a Service in the old form; EndpointSlices are what the proxy reads. */

export const endpoints: Kind = defineKind<Endpoints>({
  id: "endpoints",
  group: "",
  version: "v1",
  kind: "Endpoints",
  plural: "endpoints",
  singular: "endpoints",
  shortNames: ["ep"],
  categories: [],
  scope: "Namespaced",
  verbs: allVerbs,
  storage: "rows",
  description: "Addresses and ports behind a Service, in the form that older clients read.",
  schema: endpointsSchema,
  name: subdomainName,
  generation: "none",
  createOnUpdate: true,
  subresources: {},
  defaults: (draft: Draft) => {
    for (const subset of (draft["subsets"] ?? []) as NonNullable<Endpoints["subsets"]>) {
      for (const port of (subset.ports ?? []) as readonly { protocol?: string }[]) {
        if ((port.protocol ?? "") === "") port.protocol = "TCP";
      }
    }
  },
  validate: validateEndpointsObject,
  validateUpdate: (object, old, errors) => {
    // What was taken once is not judged again.
    if (!jsonEqual(object.subsets, old.subsets)) validateEndpointsObject(object, errors);
  },
  warnings: () => ["v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"],
  columns: [nameColumn, column("Endpoints", "Ready addresses with their ports."), ageColumn],
  row: (object, now) => ({
    cells: [object.metadata.name, addressesText(object), ageOf(object, now)],
  }),
  selectable: {},
  machine: "object",
});

const shownMax = 3;

function addressesText(object: Endpoints): string {
  const subsets = object.subsets ?? [];
  if (subsets.length === 0) return "<none>";
  const all = subsets.flatMap((subset) => {
    const addresses = (subset.addresses ?? []).map(({ ip }) => ip);
    if ((subset.ports ?? []).length === 0) return addresses;
    return (subset.ports ?? []).flatMap(({ port }) => addresses.map((ip) => `${withBrackets(ip)}:${port}`));
  });
  return firstFew(all);
}

function withBrackets(ip: string): string {
  return ip.includes(":") ? `[${ip}]` : ip;
}

/** The first three, and how many more there are. */
export function firstFew(items: readonly string[]): string {
  const shown = items.slice(0, shownMax).join(",");
  return items.length > shownMax ? `${shown} + ${items.length - shownMax} more...` : shown;
}
