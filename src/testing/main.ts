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
  ActorName,
  Answer,
  ClusterNode,
  ClusterOptions,
  ClusterView,
  InspectedActor,
  ListOptions,
  Manifest,
  NodeOptions,
  RequestOptions,
  Span,
  TransitionWish,
} from "./cluster-api.ts";
export type { ActorExplanation, ActorTransition, ActorView } from "../actors/runtime/actor.ts";
export type { Chart, ChartState, ChartTransition } from "../actors/runtime/chart.ts";
export type { PausedActor, WaitingMessage } from "./stepping.ts";
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
