// Random histories against the naive model: views, indexes, pages, watches, compaction, rollback,
// snapshots in the middle of writes, restarts.
import test from "ava";
import type { ExecutionContext } from "ava";
import fc from "fast-check";
import type { SystemWrite } from "../../../src/store/outcome.ts";
import { restoreStore, snapshotOf } from "../../../src/store/snapshot.ts";
import type { Snapshot } from "../../../src/store/snapshot.ts";
import type { WatchHandle } from "../../../src/store/store-api.ts";
import type { Store } from "../../../src/store/store.ts";
import type { RowRef } from "../../../src/store/view.ts";
import { StatusError } from "../../../src/util/errors.ts";
import { describe, newStore, outcomeOf, storeOptions } from "./kit.ts";
import type { Op } from "./kit.ts";
import { Model } from "./model.ts";

const limits = {
  slabBytesMin: 512,
  slabBytesMax: 2_048,
  slabMovesPerCommitMax: 3,
  parsedObjectsMax: 4,
  snapshotChunkBytesMax: 1_000,
  snapshotBatchKeysMax: 2,
};

const tables = ["things", "boxes", "secrets"] as const;
const nodes = [undefined, "n1", "n2"] as const;

type Step =
  | { readonly do: "stage"; readonly writes: readonly Draw[]; readonly system: readonly SystemWrite[] }
  | { readonly do: "commit"; readonly count: number }
  | { readonly do: "rollback" }
  | { readonly do: "compact"; readonly kind: number; readonly share: number }
  | { readonly do: "watch"; readonly kind: number; readonly share: number }
  | { readonly do: "hold"; readonly watch: number }
  | { readonly do: "page"; readonly kind: number; readonly share: number; readonly limit: number }
  | { readonly do: "freeze" }
  | { readonly do: "chunk"; readonly count: number }
  | { readonly do: "restart" };

interface Draw {
  readonly kind: number;
  readonly name: number;
  readonly node: number;
  readonly remove: boolean;
}

const draw = fc.record({
  kind: fc.constantFrom(0, 0, 0, 1, 2),
  name: fc.nat(3),
  node: fc.nat(2),
  remove: fc.boolean(),
});

const systemWrite: fc.Arbitrary<SystemWrite> = fc
  .record({
    table: fc.constantFrom("timer" as const, "outbox" as const, "result" as const),
    key: fc.constantFrom("a", "b", "c", "d"),
    value: fc.option(fc.constantFrom("1", "2"), { nil: undefined }),
  })
  .map(({ table, key, value }) => (value === undefined ? { table, key } : { table, key, value }));

const share = fc.double({ min: 0, max: 1, noNaN: true });

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("stage" as const),
      writes: fc.array(draw, { maxLength: 4 }),
      system: fc.array(systemWrite, { maxLength: 3 }),
    }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("commit" as const), count: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("rollback" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("compact" as const), kind: fc.nat(2), share }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("watch" as const), kind: fc.nat(2), share }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("hold" as const), watch: fc.nat(9) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("page" as const),
      kind: fc.nat(2),
      share,
      limit: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("freeze" as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("chunk" as const), count: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const) }) },
);

interface Watch {
  readonly kind: string;
  readonly from: number;
  readonly seen: string[];
  readonly flow: { isReady: boolean; isExpired: boolean };
  handle: WatchHandle;
}

interface Open {
  readonly snapshot: Snapshot;
  readonly chunks: Uint8Array[];
  readonly floors: ReadonlyMap<string, number>;
  readonly transactions: number;
}

class Run {
  readonly t: ExecutionContext;
  readonly model = new Model();
  store: Store = newStore(limits);
  watches: Watch[] = [];
  open: Open[] = [];

  constructor(t: ExecutionContext) {
    this.t = t;
  }

  async step(step: Step): Promise<void> {
    switch (step.do) {
      case "stage":
        return this.stage(step.writes, step.system);
      case "commit":
        return this.commit(step.count + 1);
      case "rollback":
        this.store.rollback();
        return this.model.rollback();
      case "compact":
        return this.compact(tables[step.kind] as string, step.share);
      case "watch":
        return this.watch(tables[step.kind] as string, step.share);
      case "hold":
        return this.hold(step.watch);
      case "page":
        return this.page(tables[step.kind] as string, step.share, step.limit);
      case "freeze":
        if (this.open.length < 2) this.freeze();
        return;
      case "chunk":
        return this.chunk(step.count + 1);
      case "restart":
        return this.restart();
    }
  }

  stage(draws: readonly Draw[], system: readonly SystemWrite[]): void {
    const ops: Op[] = [];
    const live = new Map<string, boolean>();
    for (const { kind: k, name: n, node: at, remove } of draws) {
      const kind = tables[k] as string;
      const namespace = kind === "boxes" ? "" : n < 2 ? "a" : "a-b";
      const name = `r${n}`;
      const place = `${kind} ${namespace}/${name}`;
      const exists = live.get(place) ?? this.model.exists(kind, `${namespace}/${name}`);
      if (remove && !exists) continue;
      live.set(place, !remove);
      const node = nodes[at];
      const spec = { i: this.model.tipRevision, ...(node === undefined ? {} : { node }) };
      ops.push(remove ? { op: "delete", kind, namespace, name } : { op: "put", kind, namespace, name, spec });
    }
    const outcome = outcomeOf(this.store, ops, { system });
    this.store.stage(outcome);
    this.model.stage(ops, outcome);
  }

  commit(count: number): void {
    for (let i = 0; i < count && this.model.stagedCount > 0; i++) {
      this.store.commit(this.store.applied + 1, this.model.commit());
    }
  }

  compact(kind: string, share: number): void {
    const ends = [0, ...this.model.committed.map(({ end }) => end)];
    const floor = ends[Math.floor(share * (ends.length - 1))] as number;
    this.store.compactHistory(kind, floor);
    this.model.floors.set(kind, Math.max(floor, this.model.floor(kind)));
  }

  watch(kind: string, share: number): void {
    const from = Math.floor(share * (this.model.revision + 2));
    if (from < this.model.floor(kind)) {
      const error = this.t.throws(() => this.store.watch(kind, from, { events: () => undefined }), {
        instanceOf: StatusError,
      });
      this.t.is(error.status.code, 410);
      return;
    }
    this.watches.push(this.openWatch(kind, from, []));
  }

  openWatch(kind: string, from: number, seen: string[]): Watch {
    const flow = { isReady: true, isExpired: false };
    const handle = this.store.watch(kind, from, {
      events: (batch) => seen.push(...batch.map(describe)),
      ready: () => flow.isReady,
      expired: () => (flow.isExpired = true),
    });
    return { kind, from, seen, flow, handle };
  }

  hold(index: number): void {
    const watch = this.watches[index];
    if (watch === undefined) return;
    watch.flow.isReady = !watch.flow.isReady;
    if (watch.flow.isReady) watch.handle.resume?.();
  }

  page(kind: string, share: number, limit: number): void {
    const floor = this.model.floor(kind);
    const at = floor + Math.floor(share * (this.model.revision - floor));
    if (floor > 0) this.t.throws(() => this.store.page(kind, { at: floor - 1 }));
    const rows: RowRef[] = [];
    let after: string | undefined;
    const scope = limit % 2 === 0 ? { namespace: kind === "boxes" ? "" : "a" } : {};
    const expected = this.model
      .rows(kind, at)
      .filter(({ key }) => limit % 2 === 1 || key.startsWith(`${scope.namespace}/`));
    do {
      const more = after === undefined ? {} : { after };
      const page = this.store.page(kind, { at, limit, ...scope, ...more });
      rows.push(...page.rows);
      after = page.next;
      this.t.is(page.remaining ?? 0, expected.length - rows.length);
    } while (after !== undefined);
    this.sameRows(rows, expected);
  }

  freeze(): void {
    this.open.push({
      snapshot: snapshotOf(this.store),
      chunks: [],
      floors: new Map(this.model.floors),
      transactions: this.model.committed.length,
    });
  }

  async chunk(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const open = this.open[0];
      if (open === undefined) return;
      const chunk = open.snapshot.next();
      if (chunk === undefined) {
        this.open.shift();
        await this.verifySnapshot(open);
        return;
      }
      this.t.true(chunk.length <= limits.snapshotChunkBytesMax);
      open.chunks.push(chunk.slice());
    }
  }

  /** The restored store is the one of the freeze: rows, history, system rows; and the log goes on from there. */
  async verifySnapshot(open: Open): Promise<void> {
    const restored = await restoreStore(storeOptions(limits), open.chunks);
    const { revision } = open.snapshot;
    const { t, model } = this;
    t.is(restored.revision, revision);
    t.deepEqual(restored.digest, open.snapshot.digest);
    t.is(restored.rowCount, model.rowCount(revision));
    this.sameSystem(restored, model.system(open.transactions));
    for (const kind of tables) {
      const floor = open.floors.get(kind) ?? 0;
      t.is(restored.floor(kind), floor);
      for (let at = floor; at <= revision; at++) {
        this.sameRows(restored.page(kind, { at }).rows, model.rows(kind, at));
      }
      const seen: string[] = [];
      restored.watch(kind, floor, { events: (batch) => seen.push(batch.map(describe).join(" ")) });
      t.deepEqual(seen, batchesOf(model.events(kind, floor, revision)));
    }
    for (const { outcome } of model.committed.slice(open.transactions)) {
      restored.commit(restored.applied + 1, outcome);
    }
    t.deepEqual(restored.digest, this.store.digest);
    for (const kind of tables) this.sameRows(restored.tip.list(kind), model.rows(kind, model.revision));
  }

  /** The process ends, what was staged is lost; watchers come again at the last bookmark. */
  async restart(): Promise<void> {
    this.store.rollback();
    this.model.rollback();
    const applied = this.store.applied;
    for (const { snapshot } of this.open) snapshot.close();
    this.open = [];
    this.store = await restoreStore(storeOptions(limits), snapshotOf(this.store));
    this.t.is(this.store.applied, applied);
    const watches = this.watches.filter(({ flow }) => !flow.isExpired);
    this.watches = watches.map(({ kind, from, seen, handle }) => ({
      ...this.openWatch(kind, handle.upTo, seen),
      from,
    }));
  }

  verify(): void {
    const { t, model, store } = this;
    t.is(store.revision, model.revision);
    t.is(store.tipRevision, model.tipRevision);
    t.is(store.rowCount, model.rowCount(model.revision));
    for (const kind of tables) {
      this.sameRows(store.tip.list(kind), model.rows(kind, model.tipRevision));
      this.sameRows(store.committed.list(kind), model.rows(kind, model.revision));
    }
    for (const node of ["n1", "n2"]) {
      const holds = (row: { readonly node: string | undefined }): boolean => row.node === node;
      const { tip, committed } = store;
      const tipRows = model.rows("things", model.tipRevision).filter(holds);
      this.sameRows(tip.index("things", "node", node), tipRows);
      const rows = model.rows("things", model.revision).filter(holds);
      this.sameRows(committed.index("things", "node", node), rows);
    }
    this.sameSystem(store, model.system("tip"));
    for (const watch of this.watches) this.verifyWatch(watch);
  }

  /** Ordered, unique, whole: exactly the events in (from, upTo]; and nobody who is ready lags. */
  verifyWatch({ kind, from, seen, flow, handle }: Watch): void {
    if (flow.isExpired) return;
    const expected = this.model.events(kind, from, Math.min(handle.upTo, this.model.revision));
    this.t.deepEqual(
      seen,
      expected.map(({ text }) => text),
    );
    if (flow.isReady) this.t.is(handle.upTo, Math.max(from, this.model.revision));
  }

  sameRows(rows: readonly RowRef[], expected: ReturnType<Model["rows"]>): void {
    const texts = rows.map((row) => {
      const { spec, metadata } = row.object() as unknown as {
        spec: unknown;
        metadata: { resourceVersion: string };
      };
      const key = `${row.namespace}/${row.name}`;
      return `${key}@${metadata.resourceVersion}^${row.createRevision}=${JSON.stringify(spec)}`;
    });
    this.t.deepEqual(
      texts,
      expected.map((row) => `${row.key}@${row.revision}^${row.createRevision}=${row.spec}`),
    );
  }

  sameSystem(store: Store, expected: ReadonlyMap<string, string>): void {
    const found = (["outbox", "result", "timer"] as const).flatMap((table) =>
      store.systemRows(table).map(([key, value]) => `${table} ${key}=${value}`),
    );
    this.t.deepEqual(found, [...expected].map(([place, value]) => `${place}=${value}`).sort());
    for (const [place, value] of expected) {
      const [table, key] = place.split(" ") as ["timer", string];
      this.t.is(store.system(table, key), value);
    }
  }
}

function batchesOf(events: ReturnType<Model["events"]>): readonly string[] {
  const batches = new Map<number, string[]>();
  for (const { end, text } of events) batches.set(end, [...(batches.get(end) ?? []), text]);
  return [...batches.values()].map((batch) => batch.join(" "));
}

test("the store cannot be told from a naive one that keeps every revision whole", async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
      const run = new Run(t);
      for (const each of steps) {
        // oxlint-disable-next-line no-await-in-loop
        await run.step(each);
        run.verify();
      }
      run.store.rollback();
      run.model.rollback();
      run.verify();
      const replayed = newStore(limits);
      for (const { outcome } of run.model.committed) replayed.commit(replayed.applied + 1, outcome);
      t.deepEqual(replayed.digest, run.store.digest);
      while (run.open.length > 0) {
        // oxlint-disable-next-line no-await-in-loop
        await run.chunk(100);
      }
    }),
    { numRuns: 300 },
  );
});
