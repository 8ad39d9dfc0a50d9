import { actors } from "./actor.ts";
import { configMaps } from "./configmap.ts";
import { deployments } from "./deployment.ts";
import { endpoints } from "./endpoints.ts";
import { endpointSlices } from "./endpointslice.ts";
import { events } from "./event.ts";
import { faults } from "./fault.ts";
import type { Kind, KindId } from "./kind.ts";
import { leases } from "./lease.ts";
import { namespaces } from "./namespace.ts";
import { nodes } from "./node.ts";
import { pods } from "./pod.ts";
import { replicaSets } from "./replicaset.ts";
import { secrets } from "./secret.ts";
import { services } from "./service.ts";
import { serviceAccounts } from "./serviceaccount.ts";

/** Every kind that each master serves. A new kind is one file and one line here. */
export const kinds: readonly Kind[] = [
  configMaps,
  endpoints,
  events,
  namespaces,
  nodes,
  pods,
  secrets,
  serviceAccounts,
  services,
  deployments,
  replicaSets,
  leases,
  endpointSlices,
  actors,
];

/**
 * All that can have rows and types: those of faults too, which only masters with `--enable-faults`
 * serve. What stores, restores or replicates rows takes these, so that every master can apply every log.
 */
export const allKinds: readonly Kind[] = [...kinds, faults];

/** What a master serves. */
export function servedKinds(options: { readonly faults: boolean }): readonly Kind[] {
  return options.faults ? allKinds : kinds;
}

const byId: ReadonlyMap<KindId, Kind> = new Map(allKinds.map((kind) => [kind.id, kind]));
const byResource: ReadonlyMap<string, Kind> = new Map(
  allKinds.map((kind) => [`${kind.group}/${kind.version}/${kind.plural}`, kind]),
);
const byType: ReadonlyMap<string, Kind> = new Map(allKinds.map((kind) => [`${apiVersionOf(kind)}/${kind.kind}`, kind]));

export function kindById(id: KindId): Kind | undefined {
  return byId.get(id);
}

export function kindByResource(group: string, version: string, plural: string): Kind | undefined {
  return byResource.get(`${group}/${version}/${plural}`);
}

/** By what a body says of itself: `kindByType("apps/v1", "Deployment")`. */
export function kindByType(apiVersion: string, kind: string): Kind | undefined {
  return byType.get(`${apiVersion}/${kind}`);
}

/** `v1`, `apps/v1`. */
export function apiVersionOf(kind: { readonly group: string; readonly version: string }): string {
  return kind.group === "" ? kind.version : `${kind.group}/${kind.version}`;
}
