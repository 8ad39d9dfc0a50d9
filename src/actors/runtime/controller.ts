import type { Draft, KindId } from "../../kinds/kind.ts";
import type { RowRef, TimedView } from "../../store/view.ts";
import type { Millis } from "../../util/time.ts";
import type { Status } from "../../util/errors.ts";
import type { Note } from "./command.ts";

/**
 * A controller is one file: what it watches, how a change maps to keys, and a pure plan. Its host
 * keeps the dirty keys, the back-off and the quarantine; it keeps nothing that a restart could lose.
 */
export interface Controller {
  /** `deployment`: path `/ctl/deployment/<key>`. */
  readonly name: string;
  /** Name of the Event source and of the user that its writes carry (`system:controller:<name>-controller`). */
  readonly source: string;
  readonly watches: readonly ControllerWatch[];
  /** Kind of the objects that its keys (`namespace/name`, or `name` in the cluster's scope) stand for. */
  readonly about?: KindId;
  /** Kinds that it may write; anything else is an invariant failure. */
  readonly writes: readonly KindId[];
  /**
   * What its plans depend on besides rows: `plan` has a key planned anew, or all that the start of a term
   * plans. Called at that start; the answer is called at its end.
   */
  readonly follow?: (plan: (key?: string) => void) => () => void;
  /** Keys planned once at the start of a term. Absent: every key that `watches` maps existing rows to. */
  readonly seed?: (view: TimedView) => readonly string[];
  /**
   * A key whose plan wrote something rests this long: changes that can wait are planned together
   * afterwards. A change after a quieter time is planned at once. Absent: no rest.
   */
  readonly paceMs?: Millis;
  /** Pure, synchronous, level-triggered; plan again on its own result is empty. */
  readonly plan: (view: TimedView, key: string) => Plan;
  /** A write of the plan was refused (quota, validation …): what to record instead. The key backs off afterwards. */
  readonly refused?: (view: TimedView, key: string, write: PlanWrite, status: Status) => Plan;
}

export interface ControllerWatch {
  readonly kind: KindId;
  /** `previous` undefined: created; `next` undefined: deleted. Key = `namespace/name` or whatever the controller chooses. */
  readonly keys: (view: TimedView, previous: RowRef | undefined, next: RowRef | undefined) => readonly string[];
  /** For a controller with a pace: a change that does not wait for it. Absent: every change can wait. */
  readonly urgent?: (previous: RowRef | undefined, next: RowRef | undefined) => boolean;
}

/** One transaction: all writes or none. At most 500 writes; `more` asks for another turn at once. */
export interface Plan {
  readonly writes: readonly PlanWrite[];
  readonly notes?: readonly Note[];
  /** Plan this key again at this time: a replicated timer (or leader-local below one second). */
  readonly wakeAt?: Millis;
  readonly more?: boolean;
}

/** Every write passes the API's own prepare, admission and validation. */
export type PlanWrite =
  | { readonly op: "create"; readonly kind: KindId; readonly object: Draft }
  | {
      readonly op: "update";
      readonly kind: KindId;
      readonly subresource?: "status" | "scale" | "finalize" | "binding";
      readonly object: Draft;
      /** Revision that was read; 409 otherwise (cannot happen within one turn). */
      readonly expect: { readonly uid: string; readonly revision: number };
    }
  | {
      readonly op: "delete";
      readonly kind: KindId;
      readonly namespace: string;
      readonly name: string;
      readonly uid: string;
      readonly gracePeriodSeconds?: number;
      readonly propagationPolicy?: "Background" | "Foreground" | "Orphan";
    };

export const nothing: Plan = { writes: [] };
