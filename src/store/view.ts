import type { HotRecord, KindId, KubeObject } from "../kinds/kind.ts";
import type { Millis } from "../util/time.ts";
import type { Revision } from "./revision.ts";

/**
 * What planners, admission and verbs read: one consistent state, never stale, synchronous. Over the
 * tip on the leader (committed rows plus outcomes in flight), over committed rows elsewhere.
 */
export interface View {
  readonly revision: Revision;
  get(kind: KindId, namespace: string, name: string): RowRef | undefined;
  /** Rows in key order (namespace, then name, bytewise). `namespace` absent = all. */
  list(kind: KindId, options?: { readonly namespace?: string }): readonly RowRef[];
  /** Rows whose index (declared in the kind's file) holds `value`, in key order. */
  index(kind: KindId, index: string, value: string): readonly RowRef[];
  /**
   * What stays the same thing while `index` answers the same rows: for those who keep what they made of them.
   * Undefined: this view cannot tell.
   */
  indexStamp?(kind: KindId, index: string, value: string): object | undefined;
}

/** A handle on one version of one row. Cheap to hold; the object is parsed only when asked for. */
export interface RowRef {
  readonly kind: KindId;
  readonly namespace: string;
  readonly name: string;
  readonly revision: Revision;
  readonly createRevision: Revision;
  /** The small decoded record that the kind's `hot` made of the object. */
  readonly hot: HotRecord;
  /** Parses the body (opens it if it is sealed). Deeply read-only; never mutate. */
  object<O extends KubeObject = KubeObject>(): O;
  /** The stored JSON, `resourceVersion` inside, opened if sealed. */
  bytes(): Uint8Array;
}

/** A view with the leader's time: what a controller's plan gets. */
export interface TimedView extends View {
  readonly now: Millis;
}
