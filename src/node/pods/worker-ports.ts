import type { Clock, Log, Rng } from "../../env/env.ts";
import type { FaultPort } from "../../env/faults.ts";
import type { Cri } from "../cri/cri.ts";
import type { Desired, Reporter } from "../desired.ts";
import type { ProbeSupervisor } from "../probes/probes.ts";
import type { Checkpoints } from "./checkpoint.ts";
import type { EventRecorder } from "./events.ts";
import type { Cgroups, Hooks, Images, NodeFacts, PodNetwork, TerminationGate, Volumes } from "./ports.ts";
import type { Semaphore } from "./semaphore.ts";

/** Everything that the pods of one node share. */
export interface PodPorts {
  readonly clock: Clock;
  readonly log: Log;
  /** Spreads restarts. */
  readonly random: Rng;
  readonly cri: Cri;
  readonly desired: Desired;
  readonly reporter: Reporter;
  readonly events: EventRecorder;
  readonly images: Images;
  readonly volumes: Volumes;
  readonly network: PodNetwork;
  readonly cgroups: Cgroups;
  readonly hooks: Hooks;
  readonly probes: ProbeSupervisor;
  readonly gate: TerminationGate;
  readonly checkpoints: Checkpoints;
  /** The node as it is now; addresses may come late. */
  readonly node: () => NodeFacts;
  /** Starts of sandboxes and containers; stops have slots of their own, pulls are outside both. */
  readonly starts: Semaphore;
  readonly stops: Semaphore;
  readonly epoch: () => string;
  readonly bootId: string;
  /** Default: none. */
  readonly faults?: FaultPort;
}
