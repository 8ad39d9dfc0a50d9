import type { ActorExplanation } from "../actors/runtime/actor.ts";
import type { Chart } from "../actors/runtime/chart.ts";
import type { User } from "../actors/runtime/command.ts";
import type { Controller } from "../actors/runtime/controller.ts";
import type { FaultPort } from "../env/faults.ts";
import type { SimulatedAgent } from "../node/simulated/agent.ts";
import type { SimulatedRuntime } from "../node/simulated/runtime.ts";
import type { ScriptOf } from "../node/simulated/script.ts";
import type { Revision } from "../store/revision.ts";
import type { Status } from "../util/errors.ts";
import type { ClusterSnapshot } from "./cluster-image.ts";
import type { SimKernel } from "./sim-kernel.ts";
import type { WaitingMessage } from "./stepping.ts";
import type { LabelChoice, TypedKind, TypedKinds } from "./typed-kinds.ts";

/**
 * A whole cluster in one process and in virtual time: the master of production on the real log over
 * a simulated disk, and nodes without containers on links in process. The seed decides everything
 * that chance decides elsewhere, so a run can be repeated.
 *
 *     await using cluster = await createCluster({ nodes: 2, seed: 7, time: "virtual" });
 *     await cluster.apply(deployment);
 *     await cluster.settled();
 */
export interface ClusterOptions {
  /** How many (default 1): voters of one log. They are named m1, m2 … */
  readonly masters?: number;
  /** How many (default 1), or what each is like. They are named n1, n2 … */
  readonly nodes?: number | readonly NodeOptions[];
  /** A whole number of 32 bits (default 1): what is left to chance is drawn from it. */
  readonly seed?: number;
  /** Default and, so far, the only one. */
  readonly time?: "virtual";
  /** A cluster that goes on where this one was; its nodes are those that it had, and more with `addNode`. */
  readonly from?: ClusterSnapshot;
  /** What the containers do; default: what their pods' annotations say. */
  readonly script?: ScriptOf;
  /** Run beside the controllers of production. */
  readonly controllers?: readonly Controller[];
  /** Without the controllers of production: only what writes do by themselves. */
  readonly bare?: boolean;
  /**
   * True: masters and nodes run as with `--enable-faults`, so that `Fault` objects work. A port: asked
   * before the faults of `fault()`.
   */
  readonly faults?: true | FaultPort;
  /** A master that ends itself is started again, as a keeper does; otherwise its error is the test's. */
  readonly keeper?: boolean;
  /** Default true: stored objects are frozen, so that a planner that changes one fails. Benches say false. */
  readonly freezeObjects?: boolean;
}

export interface NodeOptions {
  /** Default 8. */
  readonly cpus?: number;
  readonly memoryBytes?: number;
  readonly labels?: Readonly<Record<string, string>>;
  /** With the Service proxy of production, over a kernel that is a record. Default: none, as if it were always done. */
  readonly proxy?: boolean;
}

export interface Answer {
  readonly code: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly text: string;
  json<T = Status>(): T;
}

export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: an administrator. `"anonymous"`: no certificate. */
  readonly user?: Pick<User, "name" | "groups"> | "anonymous";
  /** The master that is asked; default: the one that leads, or else one that runs. */
  readonly via?: string;
}

/** An object as a client writes it. */
export type Manifest = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
};

export interface ClusterNode {
  readonly name: string;
  /** Of this moment: another one after a restart. */
  readonly agent: SimulatedAgent;
  /** What runs there, whoever looks after it. */
  readonly runtime: SimulatedRuntime;
  /** Where the node's proxy writes its rules. Throws on a node without one. */
  readonly kernel: SimKernel;
  /** How often the agent was started again after a fault. */
  readonly restarts: number;
  /** As `kill -9` of the agent, until `start`. */
  kill(): void;
  start(): Promise<void>;
  /** As SIGSTOP of the agent, and SIGCONT. */
  pause(): void;
  resume(): void;
  /** Its network is gone: nothing reaches it, and nobody is told. */
  cut(): void;
  heal(): void;
}

/** `"10m"`, `"1h30m"`, `"500ms"` as in manifests, or milliseconds. */
export type Span = string | number;

export interface ListOptions {
  /** Default: all namespaces. */
  readonly namespace?: string;
  /** `"app=web,tier!=cache"`, or labels that must all be there. */
  readonly labels?: LabelChoice;
}

/** Objects of one state: that of now, or of an older revision. */
export interface ClusterView {
  readonly revision: Revision;
  /** The namespace is `default` where the kind has one. */
  get<K extends TypedKind>(kind: K, name: string, options?: { readonly namespace?: string }): TypedKinds[K] | undefined;
  /** In the order of their keys. */
  list<K extends TypedKind>(kind: K, options?: ListOptions): readonly TypedKinds[K][];
}

/** An actor: by its path (`/ctl/deployment`), or the object that it is. */
export type ActorName = string | { readonly kind: TypedKind; readonly name: string; readonly namespace?: string };

/** All that are given must hold. */
export interface TransitionWish {
  readonly from?: string;
  readonly to?: string;
  readonly event?: string;
}

/** An actor as it stands. */
export interface InspectedActor extends ActorExplanation {
  /** Absent: its machine is its node's to tell. */
  readonly chart?: Chart;
  /** What waits in its mailbox, while it is paused. */
  readonly waiting: readonly WaitingMessage[];
}
