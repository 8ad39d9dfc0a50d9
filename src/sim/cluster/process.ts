import type { Env } from "../../env/env.ts";
import type { Settings } from "../../raft/core/settings.ts";
import type { LogEntry } from "../../raft/log-api.ts";
import type { Raft } from "../../raft/raft-api.ts";
import type { CallMessage, PeerMessage } from "../../raft/transport-api.ts";

/** What a member runs, from its start to its death: the bare log, or a whole master. */
export interface Process {
  readonly raft: Raft;
  /** Index of the newest entry in its state, and what the state comes to. */
  readonly applied: number;
  readonly digest: number;
  start(): Promise<void>;
  receive(from: number, message: PeerMessage): void;
  call(from: number, message: CallMessage): void;
  link(peer: number, isUp: boolean): void;
  /** It is gone: connections to it break. */
  died(): void;
}

/** What a process is given. */
export interface ProcessStart {
  readonly id: number;
  /** The number of this life of the member. */
  readonly life: number;
  readonly env: Env;
  readonly constants: Constants;
  /** Of the first start; empty for one that joins later. */
  readonly voters: readonly number[];
  readonly send: (to: number, message: PeerMessage | CallMessage) => void;
  readonly onRole: (role: string, term: number) => void;
  /** Before they are applied. */
  readonly onCommitted: (
    entries: readonly LogEntry[],
    state: { readonly applied: number; readonly digest: number },
  ) => void;
  /** The state is that of a snapshot now. */
  readonly onRestored: (state: { readonly applied: number; readonly digest: number }) => void;
  readonly onFatal: (error: unknown) => void;
}

/** The constants that a seed chooses: none of them may change what is true. */
export interface Constants {
  readonly log: {
    readonly snapshotLogBytes: number;
    readonly segmentBytes: number;
    readonly snapshotChunkBytes: number;
    readonly memoryTailEntries: number;
    readonly settings: Partial<Settings>;
  };
  readonly historyMs: number;
  readonly historyEventsMax: number;
}

/** Operations on whatever the processes of a world serve, and what must be true of their answers. */
export interface Workload {
  /** Begun at a member that runs. */
  readonly attempted: number;
  readonly acknowledged: number;
  readonly reads: number;
  newProcess(start: ProcessStart): Process;
  /** Begins operations; they go on until `stop`. */
  start(): void;
  stop(): void;
  /** Nothing goes wrong any more and nobody asks: why it has not come to rest; empty if it has. */
  unfinished(): string;
}
