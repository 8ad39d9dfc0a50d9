import type { Millis } from "../../util/time.ts";
import type { ActorDirectory } from "./actor.ts";
import type { CommandClass, WriteReply, WriteRequest } from "./command.ts";

/** How the rest of a master reaches the actor host. */
export interface WriteHost {
  /**
   * Evaluates on the leader, answers when the outcome is durable on a majority and applied here.
   * Rejects with StatusError: refusals (after a read index), 429 when the mailboxes are full, 504
   * with unknown outcome when the deadline passes.
   */
  write(request: WriteRequest, options: WriteOptions): Promise<WriteReply>;
  /** Resolves when this member's committed state holds everything acknowledged before the call. */
  readBarrier(): Promise<void>;
  readonly actors: ActorDirectory;
}

export interface WriteOptions {
  readonly class: CommandClass;
  /** What it was authorised as, in the doors' terms (`Attributes`): a leader elsewhere authorises it again. */
  readonly asked?: readonly object[];
  /** From the call on; then the outcome is unknown and the answer is 504. */
  readonly deadlineMs: Millis;
}
