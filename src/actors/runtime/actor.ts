import type { Kind } from "../../kinds/kind.ts";
import type { Revision } from "../../store/revision.ts";
import type { Millis } from "../../util/time.ts";
import type { Chart } from "./chart.ts";

/** One line of `kubectl get actors`. */
export interface ActorView {
  /** Its name in the API, where the path alone would not be unique; the directory gives it. */
  readonly name?: string;
  /** `/ctl/deployment`, `/sched`, `/node/n1/pod/<uid>/probe/app`. */
  readonly path: string;
  readonly machine: string;
  readonly version: number;
  /** State id of its machine, `running`, `pod.ready`. */
  readonly state: string;
  /** Wall time at which it entered its state; 0: unknown. */
  readonly since: Millis;
  readonly restarts: number;
  readonly mailbox: number;
  /** Path of its supervisor; `keeper` for the root of a process. */
  readonly supervisor: string;
  /** `held`: what it looks after goes on, and it waits for a person's word. */
  readonly status: "live" | "backoff" | "quarantined" | "held" | "stopped";
  readonly lastError?: string;
  /** Turns that took too long, while this master leads. */
  readonly slowTurns?: number;
  /** Events that it failed on three times, newest first. */
  readonly deadLetters?: readonly ShownLetter[];
}

export interface ShownLetter {
  readonly event: string;
  readonly error: string;
  readonly at: Millis;
}

/** What an actor would do next. */
export interface ActorExplanation {
  readonly view: ActorView;
  /** Events that its machine takes in its state; none where it has no machine of an object. */
  readonly events: readonly string[];
  readonly timers: readonly { readonly id: string; readonly event: string; readonly due: string }[];
  /** A dry run of one event. `to` absent: it failed. */
  readonly step?: {
    readonly event: string;
    readonly to?: string;
    readonly ignored: boolean;
    readonly effects: readonly string[];
    readonly error?: string;
  };
}

/** An actor left one state and is in another. */
export interface ActorTransition {
  readonly path: string;
  readonly machine: string;
  readonly version: number;
  /** Empty: it was not there. */
  readonly from: string;
  /** Empty: it is not there any more. */
  readonly to: string;
  /** What the change meant to the machine; empty where nobody can tell. */
  readonly event: string;
  readonly status: ActorView["status"];
  /** Wall time of the commit, or at which it was seen. */
  readonly at: Millis;
  /** Of the committed write that moved it; 0: it is no row. */
  readonly revision: Revision;
}

export interface FollowOptions {
  readonly kinds: readonly Kind[];
  readonly lookMs?: Millis;
}

/** Whoever runs actors lists them here; the API reads it for `actors.troupe.dev`. */
export interface ActorDirectory {
  list(): readonly ActorView[];
  /** By the name that the API uses: the path's segments joined by dots, lower case, without uid. */
  get(name: string): ActorView | undefined;
  /** Undefined: there is no such actor. Absent: nobody here can tell. */
  explain?(name: string, event: string | undefined): ActorExplanation | undefined;
  /** Its machine. Undefined: there is no such actor, or it runs elsewhere, where it is to be asked. */
  chart?(name: string): Chart | undefined;
  /**
   * Transitions from now on, in batches, of the rows of these kinds; answers what ends it. With `lookMs` of all
   * other actors too, as they are found that often.
   */
  follow?(of: FollowOptions, told: (transitions: readonly ActorTransition[]) => void): () => void;
}
