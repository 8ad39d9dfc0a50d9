/**
 * The named seams at which a fault can be done. Production runs with `noFaults` unless the process
 * was started with `--enable-faults`; the port is a constant object then, and costs one call.
 */
export type Seam =
  | "mailbox"
  | "evaluator"
  | "append"
  | "commit"
  | "apply"
  | "outbox"
  | "timer"
  | "net"
  | "disk"
  | "process"
  | "cri"
  | "cni"
  | "nft"
  | "link"
  /** A running child of a supervisor, when a fault begins. */
  | "actor"
  /** The whole program, a master or an agent, when a fault begins. */
  | "program"
  | "clock";

/** Where a message, step or call passes: the actor's path (`/obj/apps/deployments/default/web`) and its labels. */
export interface SeamPoint {
  readonly seam: Seam;
  readonly path: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** The object that it is done for, where the path does not say. */
  readonly about?: { readonly kind: string; readonly ns: string; readonly name: string };
  /** The master in which it passes, and whether that one leads. */
  readonly master?: string;
  readonly isLeader?: boolean;
  /** The node of the agent in which it passes. */
  readonly node?: string;
  /** Of a message between masters. */
  readonly from?: string;
  readonly to?: string;
  /** Of a message to an actor: what it is, and whose. */
  readonly event?: string;
  readonly sender?: string;
}

export type FaultAction =
  | { readonly kind: "none" }
  | { readonly kind: "crash" }
  /** `ms`: until the fault ends, where that is told. */
  | { readonly kind: "hang"; readonly ms?: number }
  | { readonly kind: "delay"; readonly ms: number }
  | { readonly kind: "drop" }
  | { readonly kind: "duplicate" }
  | { readonly kind: "reorder" }
  | { readonly kind: "poison" }
  | { readonly kind: "error"; readonly message: string; readonly code?: string }
  /** It waits until it is told to go on; only a test that steps through messages answers this. */
  | { readonly kind: "hold"; readonly until: (go: () => void) => void };

export interface FaultPort {
  readonly enabled: boolean;
  at(point: SeamPoint): FaultAction;
  /** Calls `run` when a fault of the seams `actor` and `program` begins. Answers how to end that. */
  watch?(run: () => void): () => void;
}

const none: FaultAction = { kind: "none" };

export const noFaults: FaultPort = { enabled: false, at: () => none };

/** The same port for one program: what passes there says whose it is. */
export function faultsOf(port: FaultPort, whose: () => Pick<SeamPoint, "master" | "isLeader" | "node">): FaultPort {
  return {
    get enabled() {
      return port.enabled;
    },
    at: (point) => (port.enabled ? port.at({ ...whose(), ...point }) : none),
    ...(port.watch === undefined ? {} : { watch: (run) => port.watch?.(run) ?? (() => {}) }),
  };
}

/** Asks one after the other; the first that does something counts. */
export function firstFault(ports: readonly FaultPort[]): FaultPort {
  return {
    get enabled() {
      return ports.some(({ enabled }) => enabled);
    },
    at(point) {
      for (const port of ports) {
        const action = port.at(point);
        if (action.kind !== "none") return action;
      }
      return none;
    },
    watch(run) {
      const ends = ports.map((port) => port.watch?.(run));
      return () => {
        for (const end of ends) end?.();
      };
    },
  };
}
