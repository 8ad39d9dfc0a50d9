import type {
  Actor,
  ConfigMap,
  Deployment,
  Endpoints,
  EndpointSlice,
  Event,
  Lease,
  Namespace,
  Node,
  Pod,
  ReplicaSet,
  Secret,
  Service,
  ServiceAccount,
} from "../kinds/generated/types.ts";

/** The stored kinds by the name of their resource, so that what a test reads is typed. */
export interface TypedKinds {
  readonly configmaps: ConfigMap;
  readonly "deployments.apps": Deployment;
  readonly endpoints: Endpoints;
  readonly "endpointslices.discovery.k8s.io": EndpointSlice;
  readonly events: Event;
  readonly "leases.coordination.k8s.io": Lease;
  readonly namespaces: Namespace;
  readonly nodes: Node;
  readonly pods: Pod;
  readonly "replicasets.apps": ReplicaSet;
  readonly secrets: Secret;
  readonly services: Service;
  readonly serviceaccounts: ServiceAccount;
}

export type TypedKind = keyof TypedKinds;
export type ActorList = { readonly items: readonly Actor[] };
