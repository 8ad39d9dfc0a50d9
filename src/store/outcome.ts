import type { KindId, KubeObject } from "../kinds/kind.ts";
import type { Millis } from "../util/time.ts";
import type { Digest, Revision } from "./revision.ts";

/**
 * What an evaluation decided: the payload of one log entry. Members apply these bytes; they never
 * evaluate again. The layout is frozen by golden bytes (test/golden/store/outcome.txt).
 */
export interface Outcome {
  readonly command: CommandId;
  /** Leader's time at evaluation: the only time that machines and plans see. */
  readonly now: Millis;
  readonly cause: Cause;
  /** State digest before this outcome; a member that finds another one stops serving. */
  readonly digest: Digest;
  /** Revision of `writes[0]`; the transaction is the range [first, first + writes.length). */
  readonly firstRevision: Revision;
  readonly writes: readonly RowWrite[];
  readonly system: readonly SystemWrite[];
  readonly messages: readonly OutboxMessage[];
  readonly reply: OutcomeReply;
}

/** Who asked: member, its incarnation (+1 a boot) and a sequence. The same id is never applied twice. */
export interface CommandId {
  readonly member: number;
  readonly incarnation: number;
  readonly sequence: number;
  /** Results of this origin up to here are acknowledged and may be dropped. */
  readonly resultsUpTo: number;
}

export interface Cause {
  readonly origin: "user" | "plan" | "timer" | "node" | "system";
  /** Path of the actor or name of the user that caused it. */
  readonly actor: string;
  /** `create`, `plan`, `wake` …: the verb or event type. */
  readonly event: string;
}

/** A row's new version. `expected` is the revision that it replaces (0: absent); a mismatch at apply is an invariant failure. */
export type RowWrite =
  | {
      readonly op: "put";
      readonly kind: KindId;
      readonly namespace: string;
      readonly name: string;
      readonly expected: Revision;
      /** Header and body, see `row.ts`. */
      readonly row: Uint8Array;
      /** What the bytes say, where the writer has it at hand; it is no part of the entry. Never changed. */
      readonly object?: KubeObject;
    }
  | {
      readonly op: "delete";
      readonly kind: KindId;
      readonly namespace: string;
      readonly name: string;
      readonly expected: Revision;
    };

/** System rows have no revision and no history, but stand in the digest and in snapshots. */
export type SystemTable = "timer" | "outbox" | "result" | "dead-letter" | "quarantine" | "floor" | "identity";

export interface SystemWrite {
  readonly table: SystemTable;
  readonly key: string;
  /** JSON; absent = remove. */
  readonly value?: string;
}

/** A message that would leave the store after commit. It has its place in the format; no machine sends one, and nothing delivers it. */
export interface OutboxMessage {
  readonly target: string;
  readonly key: string;
  readonly id: string;
  readonly body: Uint8Array;
}

/** HTTP code and revision; never a body (it is read at its revision). */
export interface OutcomeReply {
  readonly code: number;
  readonly revision: Revision;
}
