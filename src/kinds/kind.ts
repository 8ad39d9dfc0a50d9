import type { Millis } from "../util/time.ts";
import type { FieldErrors } from "./field-errors.ts";
import type { ObjectSchema } from "./schema.ts";

/**
 * A kind's declaration: everything that the rest of the program knows about one API kind. Routes,
 * discovery, OpenAPI, decoding, patching, tables, selectors and storage follow from it.
 */

/** `pods`, `deployments.apps`: the name of the resource as Kubernetes' messages print it. */
export type KindId = string;

export type Verb = "create" | "delete" | "deletecollection" | "get" | "list" | "patch" | "update" | "watch";

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export interface ObjectMeta {
  readonly name: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  /** RFC 3339, UTC, seconds. */
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
  readonly managedFields?: readonly unknown[];
}

/** Any API object. Typed objects of each kind (`generated/types.ts`) extend it. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

/** An object that a verb is building; the shape is that of the kind's schema. */
export type Draft = {
  apiVersion: string;
  kind: string;
  metadata: DraftMeta;
  [field: string]: unknown;
};
export type DraftMeta = { -readonly [K in keyof ObjectMeta]?: ObjectMeta[K] };

/** The small record kept decoded beside each row's bytes, for planners and indexes. */
export interface HotRecord {
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  /** uid of the controller owner. */
  readonly controller: string | undefined;
  /** uids of all owners. */
  readonly owners: readonly string[];
  readonly deleting: boolean;
  /** Kind-specific members, e.g. a pod's `nodeName`, `phase`, `ready`. */
  readonly [field: string]: unknown;
}

export interface Column {
  readonly name: string;
  readonly type: "string" | "integer" | "number" | "boolean" | "date";
  readonly format?: string;
  /** 1 = only with `-o wide`. */
  readonly priority: 0 | 1;
  readonly description: string;
}

export interface TableRow {
  readonly cells: readonly (string | number | boolean | null)[];
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason: string;
    readonly message: string;
  }[];
}

/** What a subresource does to the object; `scale` paths as `spec.replicas`. */
export interface Subresources {
  readonly status?: true;
  readonly scale?: {
    readonly spec: string;
    readonly status: string;
    readonly selector: (object: KubeObject) => string;
  };
  /** `binding`, `eviction`, `log`, `exec`, `attach`, `portforward`, `token`, `ephemeralcontainers`, `finalize`, `resize`. */
  readonly others?: readonly string[];
}

/** Facts that a kind's rules may use; nothing else of the world. */
export interface PrepareContext {
  readonly now: Millis;
  readonly user: string;
}

export interface Kind<O extends KubeObject = KubeObject> {
  readonly id: KindId;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly scope: "Namespaced" | "Cluster";
  readonly verbs: readonly Verb[];
  /** `virtual` kinds have no rows: they are computed when read (actors.troupe.dev). */
  readonly storage: "rows" | "virtual";
  /** One sentence for `kubectl explain` and the documents. */
  readonly description: string;
  readonly schema: ObjectSchema;
  /** Messages of what is wrong with a name; `prefix`: a generateName, which may end in `-`. */
  readonly name: (name: string, prefix: boolean) => readonly string[];
  /** Rows are encrypted at rest. */
  readonly sealed?: true;
  /** `spec`: 1 on create, +1 when anything outside metadata and status changes. `none`: absent. */
  readonly generation: "spec" | "none";
  /** PUT on an absent object creates it (Service, Endpoints, Event, Lease). */
  readonly createOnUpdate?: true;
  /** PUT and PATCH must name a resourceVersion (Lease). */
  readonly updateNeedsRevision?: true;
  readonly subresources: Subresources;
  /** Defaults that are not a plain value of one field (those stand in the schema). Mutates. */
  readonly defaults?: (draft: Draft) => void;
  /** Server-owned fields at creation (status, generation of spec fields). Mutates. */
  readonly prepareCreate?: (draft: Draft, context: PrepareContext) => void;
  /** Server-owned fields at update: what is kept from `old`. Mutates. */
  readonly prepareUpdate?: (draft: Draft, old: O, context: PrepareContext) => void;
  /** What a write of `status` keeps or fills beyond the common rule (see `prepare.ts`). Mutates. */
  readonly prepareStatus?: (draft: Draft, old: O, context: PrepareContext) => void;
  /** Further changes that count as a new generation (a Deployment's annotations). */
  readonly bumpsGeneration?: (draft: Draft, old: O) => boolean;
  /** Rules for every whole object. How the three work together: `validate.ts`. */
  readonly validate?: (object: O, errors: FieldErrors) => void;
  /** Rules for new objects beyond `validate`. */
  readonly validateCreate?: (object: O, errors: FieldErrors) => void;
  /** All rules for a changed object; runs the kind's own `validate` where that holds too. */
  readonly validateUpdate?: (object: O, old: O, errors: FieldErrors) => void;
  readonly validateStatus?: (object: O, old: O, errors: FieldErrors) => void;
  readonly warnings?: (object: O, old: O | undefined) => readonly string[];
  /**
   * Field paths that are accepted but not acted upon yet (`spec.volumes[].nfs`, `[]` = any item);
   * set ones answer with a warning, see `inert.ts`.
   */
  readonly inert?: readonly string[];
  /** Seconds of graceful deletion that this object asks for (Pod); 0 or absent = at once. */
  readonly grace?: (object: O, requested: number | undefined) => number;
  /** Names that may not be deleted (403). */
  readonly undeletable?: readonly string[];
  readonly columns: readonly Column[];
  readonly row: (object: O, now: Millis) => TableRow;
  /** Selectable fields beside metadata.name and metadata.namespace. */
  readonly selectable: Readonly<Record<string, (object: O) => string>>;
  /** Members of the hot record beyond the common ones. */
  readonly hot?: (object: O) => Readonly<Record<string, unknown>>;
  /** Index name → values of one row. `owner` (controller uid) exists for every kind. */
  readonly indexes?: Readonly<Record<string, (hot: HotRecord) => readonly string[]>>;
  /** Name of the object machine in `actors/objects/`; `object` is the shared one. */
  readonly machine: string;
  /**
   * `false`: stored for others, and seldom looked at here. What was written is not kept decoded: it would only
   * grow old in memory, which costs a collector more than decoding the few that are looked at.
   */
  readonly decoded?: false;
}
