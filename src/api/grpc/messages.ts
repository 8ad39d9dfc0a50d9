/**
 * Messages of `proto/api.proto` as both ends see them. What is optional here may be left out by the
 * sender; off the wire a scalar has its default, and what is absent is null.
 */

export interface Ref {
  readonly group?: string;
  readonly version?: string;
  readonly resource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
}

export interface Reply {
  readonly code: number;
  /** JSON of the object, or of the Status where the REST door answers one. */
  readonly object: Uint8Array;
  readonly warnings: readonly string[];
}

export interface Failure {
  /** JSON of a Kubernetes Status. */
  readonly status: Uint8Array;
}

export interface GetRequest {
  readonly ref?: Ref | null;
  readonly resourceVersion?: string;
}

export interface ListRequest {
  readonly ref?: Ref | null;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: string;
  readonly pageSize?: number;
}

export interface ListPage {
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number | null;
  readonly objects: readonly Uint8Array[];
}

export interface WatchRequest {
  readonly ref?: Ref | null;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: string;
  readonly bookmarks?: boolean;
  readonly sendInitialEvents?: boolean | null;
  readonly timeoutSeconds?: number | null;
}

export interface WatchEvent {
  readonly type: number;
  readonly object: Uint8Array;
}

export interface WatchBatch {
  readonly events: readonly WatchEvent[];
}

export interface WriteOptions {
  readonly fieldManager?: string;
  readonly fieldValidation?: string;
  readonly dryRun?: boolean;
}

export interface CreateRequest {
  readonly ref?: Ref | null;
  readonly object?: Uint8Array;
  readonly options?: WriteOptions | null;
}

export type ReplaceRequest = CreateRequest;

export interface ApplyRequest extends CreateRequest {
  readonly force?: boolean;
}

export interface PatchRequest {
  readonly ref?: Ref | null;
  readonly type?: number;
  readonly patch?: Uint8Array;
  readonly options?: WriteOptions | null;
}

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number | null;
  readonly propagationPolicy?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly dryRun?: boolean;
}

export interface DeleteRequest {
  readonly ref?: Ref | null;
  readonly options?: DeleteOptions | null;
}

export interface DeleteCollectionRequest extends DeleteRequest {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** Exactly one is set. */
export interface Operation {
  readonly create?: CreateRequest | null;
  readonly replace?: ReplaceRequest | null;
  readonly apply?: ApplyRequest | null;
  readonly patch?: PatchRequest | null;
  readonly delete?: DeleteRequest | null;
}

export interface TransactRequest {
  readonly operations?: readonly Operation[];
  readonly dryRun?: boolean;
}

export interface TransactReply {
  readonly replies: readonly Reply[];
  readonly revision: number;
}

/** Exactly one beside the id is set. */
export interface CallRequest extends Operation {
  readonly id?: number;
  readonly get?: GetRequest | null;
  readonly transact?: TransactRequest | null;
}

export interface CallReply {
  readonly id: number;
  readonly reply?: Reply | null;
  readonly transacted?: TransactReply | null;
  readonly failure?: Failure | null;
}

export interface ActorsRequest {
  readonly prefix?: string;
}

export interface ActorMessage {
  readonly path: string;
  readonly machine: string;
  readonly version: number;
  readonly state: string;
  readonly supervisor: string;
  readonly since: number;
  readonly restarts: number;
  readonly mailbox: number;
  readonly status: string;
  readonly lastError?: string;
}

export interface ActorsPage {
  readonly actors: readonly ActorMessage[];
}

export interface TransitionsRequest {
  readonly prefix?: string;
}

export interface TransitionMessage {
  readonly path: string;
  readonly machine: string;
  readonly version: number;
  readonly from: string;
  readonly to: string;
  readonly event: string;
  readonly status: string;
  readonly at: number;
  readonly revision: number;
}

export interface TransitionsPage {
  readonly transitions: readonly TransitionMessage[];
}

export interface HistoryRequest {
  readonly ref?: Ref | null;
  readonly afterRevision?: number;
}

export interface HistoryVersion {
  readonly type: number;
  readonly revision: number;
  readonly object: Uint8Array;
  readonly time: number;
}

export interface HistoryPage {
  readonly versions: readonly HistoryVersion[];
  readonly floor: number;
}

export interface LogsRequest {
  readonly ref?: Ref | null;
  readonly container?: string;
  readonly follow?: boolean;
  readonly previous?: boolean;
  readonly timestamps?: boolean;
  readonly tailLines?: number | null;
  readonly limitBytes?: number | null;
  readonly sinceSeconds?: number | null;
  readonly sinceTime?: string;
}

export interface LogChunk {
  readonly data: Uint8Array;
}

/** Calls that take one message and answer one. */
export interface UnaryCalls {
  readonly Get: { readonly request: GetRequest; readonly reply: Reply };
  readonly Create: { readonly request: CreateRequest; readonly reply: Reply };
  readonly Replace: { readonly request: ReplaceRequest; readonly reply: Reply };
  readonly Apply: { readonly request: ApplyRequest; readonly reply: Reply };
  readonly Patch: { readonly request: PatchRequest; readonly reply: Reply };
  readonly Delete: { readonly request: DeleteRequest; readonly reply: Reply };
  readonly DeleteCollection: { readonly request: DeleteCollectionRequest; readonly reply: ListPage };
  readonly Transact: { readonly request: TransactRequest; readonly reply: TransactReply };
}

/** Calls that take one message and answer many. */
export interface StreamCalls {
  readonly List: { readonly request: ListRequest; readonly reply: ListPage };
  readonly Watch: { readonly request: WatchRequest; readonly reply: WatchBatch };
  readonly Actors: { readonly request: ActorsRequest; readonly reply: ActorsPage };
  readonly Transitions: { readonly request: TransitionsRequest; readonly reply: TransitionsPage };
  readonly History: { readonly request: HistoryRequest; readonly reply: HistoryPage };
  readonly Logs: { readonly request: LogsRequest; readonly reply: LogChunk };
}
