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
  | "link";

/** Where a message, step or call passes: the actor's path (`/obj/apps/deployments/default/web`) and its labels. */
export interface SeamPoint {
  readonly seam: Seam;
  readonly path: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** The master in whose process it passes, where there are several: `m1`. */
  readonly master?: string;
}

export type FaultAction =
  | { readonly kind: "none" }
  | { readonly kind: "crash" }
  | { readonly kind: "hang" }
  | { readonly kind: "delay"; readonly ms: number }
  | { readonly kind: "drop" }
  | { readonly kind: "duplicate" }
  | { readonly kind: "reorder" }
  | { readonly kind: "poison" }
  | { readonly kind: "error"; readonly message: string };

export interface FaultPort {
  readonly enabled: boolean;
  at(point: SeamPoint): FaultAction;
}

const none: FaultAction = { kind: "none" };

export const noFaults: FaultPort = { enabled: false, at: () => none };
