/**
 * `troupe/testing`: a whole cluster inside a test, in virtual time.
 *
 *     import { createCluster } from "troupe/testing";
 *     await using cluster = await createCluster({ nodes: 5, seed: 7 });
 *     await cluster.apply(yaml);
 *     await cluster.settled();
 *     cluster.get("Deployment", "web")?.status?.readyReplicas;
 */
export { Cluster, createCluster } from "./cluster.ts";
export type {
  Answer,
  ClusterNode,
  ClusterOptions,
  ClusterView,
  ListOptions,
  Manifest,
  NodeOptions,
  RequestOptions,
  Span,
} from "./cluster-api.ts";
export type { ClusterSnapshot } from "./cluster-image.ts";
export type { Endpoint, EndpointUser, ListenOptions as EndpointOptions } from "./endpoint.ts";
export type { SeenEvent, SimExchange } from "./exchange.ts";
export type { SimKernel } from "./sim-kernel.ts";
export type { LabelChoice, TypedKind, TypedKinds } from "./typed-kinds.ts";
export type { ActiveFault, ActorSelector, FaultRecord, KillPoint } from "../env/fault-table.ts";
export type { Seam } from "../env/faults.ts";
export type { ScriptOf, SimulatedScript, SimulatedSubject } from "../node/simulated/script.ts";
export { StatusError, TransientError, type Status } from "../util/errors.ts";
export type * from "../kinds/generated/types.ts";
