/**
 * The typed client of the native API. Objects come and go as plain data, typed by the name of their
 * resource; refusals are `StatusError`. Reads are repeated while masters change; a write is repeated
 * only where it cannot have happened, or where twice is as good as once (apply).
 *
 *     const client = connect({ context: "dev" });
 *     const pods = client.kind("pods");
 *     for await (const event of pods.watch({ namespace: "default" })) …
 */
import type {
  ActorMessage,
  CreateRequest,
  DeleteOptions as WireDeleteOptions,
  HistoryVersion,
  ListPage,
  Operation,
  Ref,
  Reply,
  TransitionMessage,
  WriteOptions as WireWriteOptions,
} from "../api/grpc/messages.ts";
import type { Clock } from "../env/env.ts";
import { kindById, kindByType } from "../kinds/catalogue.ts";
import type { KindTypes } from "../kinds/generated/types.ts";
import type { Kind, KubeObject } from "../kinds/kind.ts";
import { textOf, utf8 } from "../util/bytes.ts";
import type { Status } from "../util/errors.ts";
import { eventTypes, patchTypes, type EventTypeName, type PatchTypeName } from "../util/grpc.ts";
import { repeating, type Repeat } from "./retry.ts";
import type { Transport } from "./transport.ts";
import { watching, type WatchEvent } from "./watch.ts";

export type KindName = keyof KindTypes;

/** An object as a client writes it: what the server owns is left out. */
export type Manifest = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name?: string; readonly namespace?: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
};

export interface Place {
  /** Default: `default` for kinds that live in one. */
  readonly namespace?: string;
  readonly subresource?: string;
}

export interface ListOptions {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labels?: string;
  readonly fields?: string;
  readonly resourceVersion?: string;
  /** At most so many; `continue` of the answer goes on. */
  readonly limit?: number;
  readonly continue?: string;
}

export interface WriteOptions extends Place {
  readonly fieldManager?: string;
  readonly fieldValidation?: "Ignore" | "Warn" | "Strict";
  readonly dryRun?: boolean;
}

export interface ApplyOptions extends WriteOptions {
  readonly force?: boolean;
}

export interface DeleteOptions extends Place {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: "Background" | "Foreground" | "Orphan";
  /** Preconditions. */
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly dryRun?: boolean;
}

export interface List<O> {
  readonly items: readonly O[];
  readonly resourceVersion: string;
  readonly continue?: string;
}

/** What a write came to. */
export interface Written<O> {
  readonly object: O;
  /** It was not there before. */
  readonly created: boolean;
  readonly warnings: readonly string[];
}

export interface LogOptions {
  readonly namespace?: string;
  readonly container?: string;
  readonly follow?: boolean;
  readonly previous?: boolean;
  readonly timestamps?: boolean;
  readonly tailLines?: number;
  readonly sinceSeconds?: number;
}

export interface ObjectVersion<O> {
  readonly type: EventTypeName;
  readonly revision: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly object: O | undefined;
}

/** One operation of a transaction. */
export type Change =
  | { readonly create: Manifest }
  | { readonly replace: Manifest }
  | { readonly apply: Manifest; readonly fieldManager: string; readonly force?: boolean }
  | { readonly delete: { readonly kind: KindName; readonly name: string } & DeleteOptions };

export class Client {
  readonly #transport: Transport;
  readonly #clock: Clock;

  constructor(transport: Transport, clock: Clock) {
    this.#transport = transport;
    this.#clock = clock;
  }

  /** `client.kind("deployments.apps")`. */
  kind<K extends KindName>(name: K): KindClient<KindTypes[K]> {
    const kind = kindById(name);
    if (kind === undefined) throw new Error(`this client does not know the kind ${name}`);
    return new KindClient<KindTypes[K]>(this.#transport, this.#clock, kind);
  }

  /** The kind of an object, by what it says of itself; undefined if this client does not know it. */
  kindOf(object: Pick<Manifest, "apiVersion" | "kind">): KindClient<KubeObject> | undefined {
    const kind = kindByType(object.apiVersion, object.kind);
    return kind && new KindClient<KubeObject>(this.#transport, this.#clock, kind);
  }

  /**
   * All or nothing, in one log entry. Rejects with the StatusError of the operation that was refused;
   * `details.causes` says which (`operations[1]`).
   */
  async transact(
    changes: readonly Change[],
    options: { readonly dryRun?: boolean } = {},
  ): Promise<{ readonly revision: number; readonly objects: readonly (KubeObject | Status)[] }> {
    const operations = changes.map(operationOf);
    const send = (): Promise<{ readonly replies: readonly Reply[]; readonly revision: number }> =>
      this.#transport.unary("Transact", { operations, ...options });
    const { replies, revision } = await repeating(this.#clock, "once", send);
    return { revision, objects: replies.map(({ object }) => parse<KubeObject | Status>(object)) };
  }

  /** Who runs below a path, in which state. */
  async actors(prefix = ""): Promise<readonly ActorMessage[]> {
    return repeating(this.#clock, "read", async () => {
      const found: ActorMessage[] = [];
      for await (const page of this.#transport.stream("Actors", { prefix })) found.push(...page.actors);
      return found;
    });
  }

  /** Who goes from which state to which, from now on, below a path. Ends with the connection. */
  async *transitions(prefix = ""): AsyncGenerator<TransitionMessage> {
    for await (const page of this.#transport.stream("Transitions", { prefix })) yield* page.transitions;
  }

  /** A pod's log in pieces, as they come. */
  async *logs(pod: string, options: LogOptions = {}): AsyncGenerator<Uint8Array> {
    const { namespace = "default", ...wanted } = options;
    const ref = { resource: "pods", namespace, name: pod };
    for await (const { data } of this.#transport.stream("Logs", { ref, ...wanted })) yield data;
  }

  close(): void {
    this.#transport.close();
  }
}

/** The calls on one kind. */
export class KindClient<O extends KubeObject> {
  readonly kind: Kind;
  readonly #transport: Transport;
  readonly #clock: Clock;

  constructor(transport: Transport, clock: Clock, kind: Kind) {
    this.#transport = transport;
    this.#clock = clock;
    this.kind = kind;
  }

  /** Rejects with 404 where there is none. */
  async get(name: string, options: Place & { readonly resourceVersion?: string } = {}): Promise<O> {
    const { resourceVersion = "" } = options;
    const request = { ref: this.#ref(name, options), resourceVersion };
    const reply = await repeating(this.#clock, "read", () => this.#transport.unary("Get", request));
    return parse<O>(reply.object);
  }

  /** All objects at one revision. */
  async list(options: ListOptions = {}): Promise<List<O>> {
    return repeating(this.#clock, "read", async () => {
      const items: O[] = [];
      let last: ListPage | undefined;
      for await (const page of this.#pages(options)) {
        for (const bytes of page.objects) items.push(parse<O>(bytes));
        last = page;
      }
      const next = last?.continue ?? "";
      return { items, resourceVersion: last?.resourceVersion ?? "", ...(next === "" ? {} : { continue: next }) };
    });
  }

  /** Never ends by itself; leave the loop to stop it. */
  watch(options: Omit<ListOptions, "limit" | "continue" | "resourceVersion"> = {}): AsyncGenerator<WatchEvent<O>> {
    const { labels = "", fields = "" } = options;
    const common = { ref: this.#collection(options.namespace), labelSelector: labels, fieldSelector: fields };
    return watching<O>({
      clock: this.#clock,
      list: () => this.#pages(options),
      watch: (resourceVersion) => this.#transport.stream("Watch", { ...common, resourceVersion, bookmarks: true }),
    });
  }

  create(object: Manifest, options: WriteOptions = {}): Promise<Written<O>> {
    const under = options.subresource === undefined ? undefined : object.metadata.name;
    const ref =
      under === undefined
        ? { ...this.#collection(this.#place(object, options)) }
        : this.#ref(under, { ...options, ...namespaceOf(object, options) });
    return this.#write("once", () => this.#transport.unary("Create", { ref, ...bodyOf(object, options) }));
  }

  replace(object: Manifest, options: WriteOptions = {}): Promise<Written<O>> {
    const ref = this.#refOf(object, options);
    return this.#write("once", () => this.#transport.unary("Replace", { ref, ...bodyOf(object, options) }));
  }

  /** Server-side apply: the manager owns what the object says. */
  apply(object: Manifest, options: ApplyOptions & { readonly fieldManager: string }): Promise<Written<O>> {
    const request = { ref: this.#refOf(object, options), ...bodyOf(object, options), force: options.force === true };
    return this.#write("idempotent", () => this.#transport.unary("Apply", request));
  }

  patch(
    name: string,
    patch: { readonly type: PatchTypeName; readonly body: unknown },
    options: WriteOptions = {},
  ): Promise<Written<O>> {
    const request = {
      ref: this.#ref(name, options),
      type: patchTypes[patch.type],
      patch: utf8(JSON.stringify(patch.body)),
      options: optionsOf(options),
    };
    return this.#write("once", () => this.#transport.unary("Patch", request));
  }

  /** Answers the object if it stays for a while (grace, finalizers), else a Status. */
  async delete(name: string, options: DeleteOptions = {}): Promise<O | Status> {
    const request = { ref: this.#ref(name, options), options: wireDelete(options) };
    const reply = await repeating(this.#clock, "once", () => this.#transport.unary("Delete", request));
    return parse<O | Status>(reply.object);
  }

  /** Deletes one by one what is chosen; answers the objects as they were. */
  async deleteCollection(options: ListOptions & DeleteOptions = {}): Promise<readonly O[]> {
    const { labels = "", fields = "" } = options;
    const ref = this.#collection(options.namespace);
    const request = { ref, labelSelector: labels, fieldSelector: fields, options: wireDelete(options) };
    const page = await repeating(this.#clock, "once", () => this.#transport.unary("DeleteCollection", request));
    return page.objects.map((bytes) => parse<O>(bytes));
  }

  /** Every version that the history window still holds, oldest first. */
  async history(
    name: string,
    options: Place & { readonly afterRevision?: number } = {},
  ): Promise<readonly ObjectVersion<O>[]> {
    const { afterRevision = 0 } = options;
    const request = { ref: this.#ref(name, options), afterRevision };
    return repeating(this.#clock, "read", async () => {
      const versions: ObjectVersion<O>[] = [];
      for await (const page of this.#transport.stream("History", request)) {
        versions.push(...page.versions.map((version) => versionOf<O>(version)));
      }
      return versions;
    });
  }

  #pages(options: ListOptions): AsyncIterable<ListPage> {
    const { labels = "", fields = "", namespace, resourceVersion = "", limit = 0 } = options;
    return this.#transport.stream("List", {
      ref: this.#collection(namespace),
      labelSelector: labels,
      fieldSelector: fields,
      resourceVersion,
      limit,
      continue: options.continue ?? "",
    });
  }

  async #write(repeat: Repeat, send: () => Promise<Reply>): Promise<Written<O>> {
    const reply = await repeating(this.#clock, repeat, send);
    return { object: parse<O>(reply.object), created: reply.code === 201, warnings: reply.warnings };
  }

  #collection(namespace = ""): Ref {
    const { group, version, plural } = this.kind;
    return { group, version, resource: plural, namespace: this.kind.scope === "Cluster" ? "" : namespace };
  }

  #ref(name: string, { namespace = "default", subresource = "" }: Place): Ref {
    return { ...this.#collection(namespace), name, subresource };
  }

  #refOf(object: Manifest, options: Place): Ref {
    return this.#ref(object.metadata.name ?? "", { ...options, ...namespaceOf(object, options) });
  }

  #place(object: Manifest, options: Place): string {
    return namespaceOf(object, options).namespace ?? "default";
  }
}

/** The object's own namespace goes before that of the options. */
function namespaceOf(object: Manifest, options: Place): Place {
  const namespace = object.metadata.namespace ?? options.namespace;
  return namespace === undefined ? {} : { namespace };
}

function parse<T>(bytes: Uint8Array): T {
  return JSON.parse(textOf(bytes)) as T;
}

function bodyOf(object: Manifest, options: WriteOptions): Pick<CreateRequest, "object" | "options"> {
  return { object: utf8(JSON.stringify(object)), options: optionsOf(options) };
}

function optionsOf({ fieldManager = "", fieldValidation, dryRun = false }: WriteOptions): WireWriteOptions {
  return { fieldManager, fieldValidation: fieldValidation ?? "", dryRun };
}

function wireDelete(options: DeleteOptions): WireDeleteOptions {
  const { gracePeriodSeconds, propagationPolicy = "", uid = "", resourceVersion = "", dryRun = false } = options;
  return {
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    propagationPolicy,
    uid,
    resourceVersion,
    dryRun,
  };
}

function versionOf<O>({ type, revision, time, object }: HistoryVersion): ObjectVersion<O> {
  const name = (Object.keys(eventTypes) as EventTypeName[]).find((each) => eventTypes[each] === type) ?? "MODIFIED";
  return { type: name, revision, time, object: object.length === 0 ? undefined : parse<O>(object) };
}

function operationOf(change: Change): Operation {
  if ("delete" in change) {
    const { kind: id, name, namespace, ...options } = change.delete;
    const kind = kindById(id);
    return {
      delete: { ref: { ...refTo(kind, id), namespace: spaceOf(kind, namespace), name }, options: wireDelete(options) },
    };
  }
  const object = "create" in change ? change.create : "replace" in change ? change.replace : change.apply;
  const kind = kindByType(object.apiVersion, object.kind);
  const ref = {
    ...refTo(kind, `${object.apiVersion} ${object.kind}`),
    namespace: spaceOf(kind, object.metadata.namespace),
  };
  const body = utf8(JSON.stringify(object));
  if ("create" in change) return { create: { ref, object: body } };
  const name = object.metadata.name ?? "";
  if ("replace" in change) return { replace: { ref: { ...ref, name }, object: body } };
  const { fieldManager, force = false } = change;
  return { apply: { ref: { ...ref, name }, object: body, force, options: { fieldManager } } };
}

function refTo(kind: Kind | undefined, what: string): Ref {
  if (kind === undefined) throw new Error(`this client does not know the kind ${what}`);
  return { group: kind.group, version: kind.version, resource: kind.plural };
}

function spaceOf(kind: Kind | undefined, namespace = "default"): string {
  return kind?.scope === "Cluster" ? "" : namespace;
}
