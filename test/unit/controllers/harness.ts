/**
 * A small world for plans: holds objects, gives a view in virtual time, applies plans as the API
 * would (uids, names, generations, status subresource, graceful deletion, finalizers), and runs
 * controllers to a fixed point.
 */
import type { Draft, HotRecord, KubeObject } from "../../../src/kinds/kind.ts";
import type { Controller, Plan, PlanWrite } from "../../../src/actors/runtime/controller.ts";
import type { Note } from "../../../src/actors/runtime/command.ts";
import type { RowRef, TimedView } from "../../../src/store/view.ts";
import type { Status } from "../../../src/util/errors.ts";
import { kindById } from "../../../src/kinds/catalogue.ts";
import { hotRecord, indexNames, indexValues } from "../../../src/kinds/hot.ts";
import { jsonEqual } from "../../../src/util/equal.ts";
import { formatTime } from "../../../src/util/time-format.ts";

export const start = 1_800_000_000_000;

interface Stored {
  readonly kind: string;
  readonly object: KubeObject;
  readonly revision: number;
  readonly createRevision: number;
}

/** Why a write is refused; undefined lets it pass. */
export type Refuse = (write: PlanWrite, world: World) => Status | undefined;

export class World {
  now: number = start;
  revision = 0;
  readonly notes: Note[] = [];
  /** Every plan that had writes, in order. */
  readonly plans: { readonly controller: string; readonly key: string; readonly plan: Plan }[] = [];
  readonly wakes: Map<string, number> = new Map();
  refuse: Refuse = () => undefined;
  /** Called after each applied plan: where a test checks what must hold at all times. */
  onApplied: () => void = () => undefined;
  private readonly rows = new Map<string, Stored>();
  private uids = 0;

  view(): TimedView {
    const sorted = [...this.rows.entries()]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([, stored]) => rowRef(stored));
    return {
      now: this.now,
      revision: this.revision,
      get: (kind, namespace, name) => {
        const stored = this.rows.get(keyOf(kind, namespace, name));
        return stored === undefined ? undefined : rowRef(stored);
      },
      list: (kind, options = {}) =>
        sorted.filter(
          (row) => row.kind === kind && (options.namespace === undefined || row.namespace === options.namespace),
        ),
      index: (kind, index, value) => sorted.filter((row) => row.kind === kind && valuesOf(row, index).includes(value)),
    };
  }

  /** Stores an object as a client's create would; answers it. */
  add<O extends KubeObject = KubeObject>(kind: string, object: Draft): O {
    this.uids += 1;
    const meta = object.metadata;
    const name = meta.name ?? `${meta.generateName ?? "x-"}${this.uids}`;
    const stored = {
      ...object,
      metadata: {
        ...meta,
        name,
        uid: meta.uid ?? `uid-${String(this.uids).padStart(4, "0")}`,
        creationTimestamp: meta.creationTimestamp ?? formatTime(this.now),
        generation: 1,
      },
    };
    this.put(kind, stored as unknown as KubeObject);
    return this.get<O>(kind, meta.namespace ?? "", name);
  }

  get<O extends KubeObject = KubeObject>(kind: string, namespace: string, name: string): O {
    const stored = this.rows.get(keyOf(kind, namespace, name));
    if (stored === undefined) throw new Error(`no ${kind} ${namespace}/${name}`);
    return stored.object as O;
  }

  has(kind: string, namespace: string, name: string): boolean {
    return this.rows.has(keyOf(kind, namespace, name));
  }

  all<O extends KubeObject = KubeObject>(kind: string): readonly O[] {
    return this.view()
      .list(kind)
      .map((row) => row.object<O>());
  }

  /** A change by a client; the generation moves with the spec. */
  edit<O extends KubeObject>(kind: string, object: O, change: (object: O) => unknown): O {
    const { namespace = "", name } = object.metadata;
    const old = this.get<O>(kind, namespace, name);
    const next = change(old) as O;
    this.put(kind, withGeneration(old, next));
    return this.get<O>(kind, namespace, name);
  }

  setStatus<O extends KubeObject>(kind: string, object: O, status: unknown): void {
    const { namespace = "", name } = object.metadata;
    this.put(kind, { ...this.get<O>(kind, namespace, name), status } as KubeObject);
  }

  /** A client's delete: graceful for a pod on a node, held back by finalizers. */
  delete(kind: string, object: KubeObject, gracePeriodSeconds?: number, propagation?: string): void {
    const { namespace = "", name } = object.metadata;
    const old = this.get(kind, namespace, name);
    const onNode = (old as { spec?: { nodeName?: string } }).spec?.nodeName ?? "";
    const grace = kind === "pods" && onNode !== "" ? (gracePeriodSeconds ?? 30) : 0;
    const added = { Foreground: "foregroundDeletion", Orphan: "orphan" }[propagation ?? ""];
    const finalizers = [...(old.metadata.finalizers ?? []), ...(added === undefined ? [] : [added])];
    const isNamespace = kind === "namespaces";
    if (grace === 0 && finalizers.length === 0 && !isNamespace) {
      this.drop(kind, namespace, name);
      return;
    }
    const next = {
      ...old,
      ...(isNamespace ? { status: { phase: "Terminating" } } : {}),
      metadata: {
        ...old.metadata,
        ...(finalizers.length > 0 ? { finalizers } : {}),
        deletionTimestamp: old.metadata.deletionTimestamp ?? formatTime(this.now + grace * 1000),
        deletionGracePeriodSeconds: grace,
      },
    };
    if (!jsonEqual(next, old)) this.put(kind, next);
  }

  drop(kind: string, namespace: string, name: string): void {
    this.revision += 1;
    this.rows.delete(keyOf(kind, namespace, name));
  }

  /** Plans one key and applies the result; answers the plan. */
  step(controller: Controller, key: string): Plan {
    const plan = controller.plan(this.view(), key);
    const wake = `${controller.name} ${key}`;
    if (plan.wakeAt === undefined) this.wakes.delete(wake);
    else this.wakes.set(wake, plan.wakeAt);
    this.applyOrRefuse(controller, key, plan);
    return plan;
  }

  /** Runs all keys of all controllers until a whole round writes nothing. */
  settle(controllers: readonly Controller[], rounds = 200): void {
    for (let round = 0; round < rounds; round += 1) {
      let wrote = false;
      for (const controller of controllers) {
        for (const key of this.keysOf(controller)) {
          const before = this.revision;
          const plan = this.step(controller, key);
          wrote ||= this.revision !== before || plan.more === true;
        }
      }
      if (!wrote) return;
    }
    throw new Error("no fixed point");
  }

  /** Every key that a controller's watches map present rows to. */
  keysOf(controller: Controller): readonly string[] {
    const view = this.view();
    if (controller.seed !== undefined) return controller.seed(view);
    const keys = controller.watches.flatMap((watch) =>
      view.list(watch.kind).flatMap((row) => watch.keys(view, undefined, row)),
    );
    return [...new Set(keys)];
  }

  /** Keys whose next plan would write: none at a fixed point. */
  restless(controllers: readonly Controller[]): readonly string[] {
    return controllers.flatMap((controller) =>
      this.keysOf(controller)
        .filter((key) => controller.plan(this.view(), key).writes.length > 0)
        .map((key) => `${controller.name} ${key}`),
    );
  }

  messages(reason: string): readonly string[] {
    return this.notes.filter((note) => note.reason === reason).map((note) => note.message);
  }

  apply(plan: Plan): void {
    for (const write of plan.writes) this.write(write);
    this.notes.push(...(plan.notes ?? []));
  }

  private applyOrRefuse(controller: Controller, key: string, plan: Plan): void {
    for (const write of plan.writes) {
      if (!controller.writes.includes(write.kind) && !controller.writes.includes("*")) {
        throw new Error(`${controller.name} may not write ${write.kind}`);
      }
      const status = this.refuse(write, this);
      if (status !== undefined) {
        const instead = controller.refused?.(this.view(), key, write, status);
        if (instead !== undefined) this.apply(instead);
        return;
      }
    }
    if (plan.writes.length > 0) this.plans.push({ controller: controller.name, key, plan });
    this.apply(plan);
    if (plan.writes.length > 0) this.onApplied();
  }

  private write(write: PlanWrite): void {
    if (write.op === "create") {
      const { namespace = "", name = "" } = write.object.metadata;
      if (name !== "" && this.has(write.kind, namespace, name)) {
        throw new Error(`${write.kind} ${namespace}/${name} exists`);
      }
      this.add(write.kind, write.object);
      return;
    }
    if (write.op === "delete") {
      const old = this.get(write.kind, write.namespace, write.name);
      if (old.metadata.uid !== write.uid) throw new Error(`uid of ${write.name} differs`);
      this.delete(write.kind, old, write.gracePeriodSeconds, write.propagationPolicy);
      return;
    }
    const { namespace = "", name = "" } = write.object.metadata;
    const stored = this.rows.get(keyOf(write.kind, namespace, name));
    if (stored === undefined) throw new Error(`no ${write.kind} ${namespace}/${name}`);
    if (stored.revision !== write.expect.revision || stored.object.metadata.uid !== write.expect.uid) {
      throw new Error(`conflict on ${write.kind} ${namespace}/${name}`);
    }
    this.put(write.kind, merged(stored.object, write));
  }

  /** Stores an object as it is and answers it with its revision. */
  store(kind: string, object: KubeObject): KubeObject {
    this.put(kind, object);
    const { namespace = "", name } = object.metadata;
    return this.get(kind, namespace, name);
  }

  private put(kind: string, object: KubeObject): void {
    const { namespace = "", name } = object.metadata;
    const key = keyOf(kind, namespace, name);
    const isGone =
      object.metadata.deletionTimestamp !== undefined &&
      (object.metadata.finalizers ?? []).length === 0 &&
      (object.metadata.deletionGracePeriodSeconds ?? 0) === 0 &&
      !(kind === "namespaces" && hasSpecFinalizers(object));
    if (isGone) {
      this.drop(kind, namespace, name);
      return;
    }
    this.revision += 1;
    const createRevision = this.rows.get(key)?.createRevision ?? this.revision;
    const meta = { ...object.metadata, resourceVersion: String(this.revision) };
    this.rows.set(key, {
      kind,
      object: { ...object, metadata: meta },
      revision: this.revision,
      createRevision,
    });
  }
}

function hasSpecFinalizers(object: KubeObject): boolean {
  return ((object as { spec?: { finalizers?: unknown[] } }).spec?.finalizers ?? []).length > 0;
}

/** What the API keeps of an update: the status subresource changes status and metadata, the rest all but the status. */
function merged(old: KubeObject, write: PlanWrite & { readonly op: "update" }): KubeObject {
  const stored = old as KubeObject & { spec?: object; status?: { conditions?: unknown[] } };
  const next = write.object as unknown as typeof stored;
  if (write.subresource === "status") {
    const metadata = {
      ...next.metadata,
      ...(old.metadata.labels === undefined ? {} : { labels: old.metadata.labels }),
    };
    return { ...stored, metadata, status: next.status } as KubeObject;
  }
  if (write.subresource === "binding") {
    const { target } = write.object as unknown as { target: { name: string } };
    const conditions = [
      ...(stored.status?.conditions ?? []).filter(
        (condition) => (condition as { type: string }).type !== "PodScheduled",
      ),
      { type: "PodScheduled", status: "True" },
    ];
    return {
      ...stored,
      spec: { ...stored.spec, nodeName: target.name },
      status: { ...stored.status, conditions },
    } as KubeObject;
  }
  return withGeneration(old, {
    ...next,
    ...(stored.status === undefined ? {} : { status: stored.status }),
  });
}

function withGeneration<O extends KubeObject>(old: O, next: O): O {
  const spec = (object: KubeObject): unknown => ({
    ...object,
    metadata: undefined,
    status: undefined,
  });
  const generation = (old.metadata.generation ?? 0) + (jsonEqual(spec(old), spec(next)) ? 0 : 1);
  return { ...next, metadata: { ...next.metadata, generation } };
}

function keyOf(kind: string, namespace: string, name: string): string {
  return `${kind} ${namespace}/${name}`;
}

function rowRef(stored: Stored): RowRef {
  const { kind, object, revision, createRevision } = stored;
  const meta = object.metadata;
  return {
    kind,
    namespace: meta.namespace ?? "",
    name: meta.name,
    revision,
    createRevision,
    hot: hotOf(kind, object),
    object: <O extends KubeObject>() => object as O,
    bytes: () => new TextEncoder().encode(JSON.stringify(object)),
  };
}

function hotOf(kind: string, object: KubeObject): HotRecord {
  const declared = kindById(kind);
  if (declared === undefined) throw new Error(`no kind ${kind}`);
  return hotRecord(declared, object);
}

function valuesOf(row: RowRef, index: string): readonly string[] {
  const declared = kindById(row.kind);
  if (declared === undefined || !indexNames(declared).includes(index)) throw new Error(`no index ${index}`);
  return indexValues(declared, index, row.hot);
}
