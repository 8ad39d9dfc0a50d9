import { jsonEqual } from "../util/equal.ts";
import { subdomainName } from "../util/names.ts";
import { allVerbs, defineKind } from "./define.ts";
import { validateSlice, validateSliceUpdate } from "./endpoint-rules.ts";
import { firstFew } from "./endpoints.ts";
import type { EndpointSlice } from "./generated/types.ts";
import type { Draft, HotRecord, Kind } from "./kind.ts";
import { endpointSliceSchema } from "./schemas/endpointslice.ts";
import { ageColumn, ageOf, column, nameColumn } from "./table.ts";

/** A part of the addresses behind a Service: what the proxy on every node reads. */

export interface EndpointSliceHot extends HotRecord {
  /** Name of the Service, from the label; "" if there is none. */
  readonly service: string;
  readonly addressType: string;
}

const serviceNameLabel = "kubernetes.io/service-name";

export const endpointSlices: Kind = defineKind<EndpointSlice>({
  id: "endpointslices.discovery.k8s.io",
  group: "discovery.k8s.io",
  version: "v1",
  kind: "EndpointSlice",
  plural: "endpointslices",
  singular: "endpointslice",
  shortNames: [],
  categories: [],
  scope: "Namespaced",
  verbs: allVerbs,
  storage: "rows",
  description: "A part of the addresses and ports behind a Service.",
  schema: endpointSliceSchema,
  name: subdomainName,
  generation: "spec",
  subresources: {},
  defaults,
  prepareCreate: (draft) => dropTopology(draft),
  prepareUpdate: (draft) => dropTopology(draft),
  bumpsGeneration: (draft, old) => !jsonEqual(draft.metadata.labels ?? {}, old.metadata.labels ?? {}),
  validate: validateSlice,
  validateUpdate: validateSliceUpdate,
  columns: [
    nameColumn,
    column("AddressType", "IPv4, IPv6 or FQDN."),
    column("Ports", "Ports of the endpoints."),
    column("Endpoints", "Addresses of the endpoints."),
    ageColumn,
  ],
  row: (object, now) => ({
    cells: [
      object.metadata.name,
      object.addressType,
      portsText(object),
      orUnset(firstFew((object.endpoints ?? []).flatMap((item) => item.addresses ?? []))),
      ageOf(object, now),
    ],
  }),
  selectable: {},
  hot: (object) => ({
    service: object.metadata.labels?.[serviceNameLabel] ?? "",
    addressType: object.addressType,
  }),
  indexes: {
    /** `namespace/service` is not needed: planners filter by the row's namespace. */
    service: (hot) => {
      const { service } = hot as EndpointSliceHot;
      return service === "" ? [] : [service];
    },
  },
  machine: "object",
});

function defaults(draft: Draft): void {
  for (const port of (draft["ports"] ?? []) as { name?: string; protocol?: string }[]) {
    port.name ??= "";
    port.protocol ??= "TCP";
  }
}

function dropTopology(draft: Draft): void {
  for (const item of (draft["endpoints"] ?? []) as { deprecatedTopology?: unknown }[]) {
    delete item.deprecatedTopology;
  }
}

function portsText(object: EndpointSlice): string {
  // A slice's ports may lack a number: then the name stands for all.
  const ports = object.ports as readonly { readonly port?: number; readonly name?: string }[];
  return orUnset(firstFew((ports ?? []).map(({ port, name }) => (port === undefined ? (name ?? "") : `${port}`))));
}

function orUnset(text: string): string {
  return text === "" ? "<unset>" : text;
}
