import type { Draft, KindId, KubeObject } from "../../kinds/kind.ts";
import type { TimedView } from "../../store/view.ts";
import type { Rng } from "../../env/env.ts";
import type { Revision } from "../../store/revision.ts";
import type { Json } from "../../util/json.ts";
import type { Status } from "../../util/errors.ts";

/** Who asks, after authentication. */
export interface User {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/**
 * One write on one object, as data: what the REST door, the gRPC door, a controller's plan and a
 * node's report all become. It can be forwarded to the leader and handed in again.
 */
export interface WriteRequest {
  /** `transact`: `operations` instead of one object; kind, namespace and name are empty. */
  readonly verb: "create" | "update" | "patch" | "delete" | "transact";
  readonly kind: KindId;
  readonly namespace: string;
  /** Empty for create with generateName. */
  readonly name: string;
  /** `status`, `scale`, `binding`, `eviction`, `token` …; absent = the object itself. */
  readonly subresource?: string;
  readonly user: User;
  /** create, update: the decoded object. binding, scale …: that kind's object. */
  readonly object?: Draft;
  readonly patch?: Patch;
  /** Who comes to own what this write changes; absent = `unknown`. Apply needs one. */
  readonly fieldManager?: string;
  /**
   * `sparse`: a writer of the program's own (a controller, a node). What it creates is not tracked in
   * managedFields, nor are its writes of status. Absent: everything is tracked.
   */
  readonly tracking?: "sparse";
  readonly fieldValidation?: "Ignore" | "Warn" | "Strict";
  readonly dryRun?: boolean;
  /** Must hold at evaluation, else 409. */
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: "Background" | "Foreground" | "Orphan";
  /** Of `transact`: evaluated in order in one transaction, each over those before it; all or nothing. */
  readonly operations?: readonly WriteRequest[];
}

export type Patch =
  | { readonly type: "json" | "merge" | "strategic"; readonly body: Json }
  | {
      /** Server-side apply: the body is what the manager wants, the rest follows from ownership. */
      readonly type: "apply";
      readonly body: Json;
      /** Takes from other managers what it changes; otherwise that is a conflict. */
      readonly force?: boolean;
      /** Why the user may not create the object, if that is what it comes to; absent = it may. */
      readonly createRefusal?: Status;
    };

/** What a write answers. `object` stands where Kubernetes answers an object, else `status`. */
export interface WriteReply {
  readonly code: number;
  readonly revision: Revision;
  readonly object?: KubeObject;
  /** JSON of `object`, where it was printed already: as it is stored. */
  readonly body?: Uint8Array;
  readonly status?: Status;
  readonly warnings: readonly string[];
  /** Of `transact`: what each operation answers. */
  readonly parts?: readonly WriteReply[];
}

/**
 * The tip plus the writes of the transaction under evaluation; reads see own writes. Revisions and
 * `metadata.resourceVersion` are given here, in the order of the calls.
 */
export interface Transaction extends TimedView {
  readonly random: Rng;
  /** Stores a new version; `expected` 0 = must be absent. Answers the object with its resourceVersion. Unchanged content is the caller's to notice. */
  put(kind: KindId, draft: Draft, expected: Revision): KubeObject;
  remove(kind: KindId, namespace: string, name: string, expected: Revision): Revision;
  /** A Kubernetes Event about an object; written (and counted up) in the same outcome. */
  note(note: Note): void;
}

export interface Note {
  readonly about: {
    readonly kind: KindId;
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
    readonly fieldPath?: string;
  };
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
  /** Reporting component: `deployment-controller`, `default-scheduler` … */
  readonly source: string;
}

/**
 * Evaluates one write inside a transaction. Pure but for the transaction. Throws `StatusError` for
 * a refusal; nothing of that request is kept then. Lives in `api/`, injected into the host.
 */
export type Decide = (transaction: Transaction, request: WriteRequest) => WriteReply;

/** A mailbox class; weighted 8:4:2:1. */
export type CommandClass = "system" | "node" | "controller" | "user";
