import test from "ava";
import { forkStore } from "../../../src/store/fork.ts";
import { dueFloors } from "../../../src/store/compaction.ts";
import { storeLimits } from "../../../src/store/limits.ts";
import { restoreStore, snapshotOf } from "../../../src/store/snapshot.ts";
import { deletedBody } from "../../../src/store/row-version.ts";
import type { RowVersion } from "../../../src/store/row-version.ts";
import type { WatchChange } from "../../../src/store/store-api.ts";
import { DigestMismatchError } from "../../../src/store/store.ts";
import { concatBytes, textOf } from "../../../src/util/bytes.ts";
import { InvariantError, StatusError } from "../../../src/util/errors.ts";
import { bodyText, describe, newStore, outcomeOf, put, remove, write } from "./kit.ts";

function names(rows: readonly { readonly name: string }[]): string {
  return rows.map((row) => row.name).join(" ");
}

function collector(): {
  readonly seen: string[];
  readonly batches: string[];
  readonly events: (batch: readonly WatchChange[]) => void;
} {
  const seen: string[] = [];
  const batches: string[] = [];
  return {
    seen,
    batches,
    events: (batch) => {
      seen.push(...batch.map(describe));
      batches.push(batch.map(describe).join(" "));
    },
  };
}

test("planners see a staged row at once, clients only when it is committed", (t) => {
  const store = newStore();
  const outcome = outcomeOf(store, [put("a", { node: "n1" })]);
  store.stage(outcome);
  t.is(store.tip.get("things", "default", "a")?.revision, 1);
  t.is(store.committed.get("things", "default", "a"), undefined);
  t.is(names(store.tip.index("things", "node", "n1")), "a");
  t.is(names(store.committed.index("things", "node", "n1")), "");
  store.commit(1, outcome);
  t.is(store.committed.get("things", "default", "a")?.revision, 1);
  t.is(names(store.committed.index("things", "node", "n1")), "a");
});

test("a forked store has rows, indexes and system rows of its own from the moment of the fork", (t) => {
  const store = newStore();
  const timer = (value?: string) => ({ table: "timer" as const, key: "t", ...(value === undefined ? {} : { value }) });
  write(store, [put("a", { node: "n1" }), put("b", { node: "n1" }), put("c")], { system: [timer("1")] });
  write(store, [remove("c"), put("d", { node: "n2" })]);
  const fork = forkStore(store);
  t.deepEqual(fork.digest, store.digest);
  t.is(fork.rowCount, 3);
  write(store, [put("a", { node: "n3" }), remove("b")], { system: [timer()] });
  t.is(names(fork.committed.index("things", "node", "n1")), "a b");
  t.is(bodyText(fork.committed.get("things", "default", "d")), bodyText(store.committed.get("things", "default", "d")));
  t.is(fork.system("timer", "t"), "1");
  const twin = forkStore(fork);
  // Staged before anybody has asked for an index: both what moves and what stays is found.
  twin.stage(outcomeOf(twin, [put("a", { node: "n2" })]));
  t.is(names(twin.tip.index("things", "node", "n2")), "a d");
  t.is(names(twin.committed.index("things", "node", "n1")), "a b");
  twin.rollback();
  t.is(names(twin.tip.index("things", "node", "n1")), "a b");
  t.deepEqual(twin.digest, fork.digest);
  t.is(fork.committed.get("things", "default", "c"), undefined);
});

test("the stamp of an index's value is another one exactly when the tip shows other rows under it", (t) => {
  const store = newStore();
  write(store, [put("a", { node: "n1" }), put("b", { node: "n2" })]);
  const values = ["n1", "n2", "n3"];
  const stamps = (): readonly unknown[] => values.map((value) => store.tip.indexStamp?.("things", "node", value));
  const rows = (): readonly string[] => values.map((value) => describeRows(store.tip.index("things", "node", value)));
  const describeRows = (found: readonly { readonly name: string; readonly revision: number }[]): string =>
    found.map(({ name, revision }) => `${name}@${revision}`).join(" ");
  let seen = { stamps: stamps(), rows: rows() };
  const changedBy = (run: () => void): string => {
    run();
    const now = { stamps: stamps(), rows: rows() };
    const changed = values.filter((_, at) => now.stamps[at] !== seen.stamps[at]);
    t.deepEqual(
      changed,
      values.filter((_, at) => now.rows[at] !== seen.rows[at]),
    );
    seen = now;
    return changed.join(" ");
  };
  const moved = outcomeOf(store, [put("a", { node: "n3" })]);
  t.is(
    changedBy(() => store.stage(moved)),
    "n1 n3",
  );
  t.is(
    changedBy(() => store.commit(2, moved)),
    "",
  );
  t.is(
    changedBy(() => store.stage(outcomeOf(store, [put("b", { node: "n2" }), remove("a")]))),
    "n2 n3",
  );
  t.is(
    changedBy(() => store.rollback()),
    "n2 n3",
  );
  t.is(
    changedBy(() => write(store, [put("elsewhere", { node: "n4" })])),
    "",
  );
  t.is(store.committed.indexStamp?.("things", "node", "n1"), undefined);
});

test("a rollback brings back rows, indexes, system rows and the digest", (t) => {
  const store = newStore();
  write(store, [put("a", { node: "n1" }), put("b", { node: "n1" })], {
    system: [{ table: "timer", key: "t", value: "1" }],
  });
  const before = store.tipDigest;
  store.stage(outcomeOf(store, [put("a", { node: "n2" }), remove("b"), put("c")]));
  store.stage(
    outcomeOf(store, [put("b", { node: "n3" })], {
      system: [
        { table: "timer", key: "t" },
        { table: "outbox", key: "m", value: "2" },
      ],
    }),
  );
  t.is(names(store.tip.index("things", "node", "n1")), "");
  t.is(names(store.committed.index("things", "node", "n1")), "a b");
  t.is(store.system("timer", "t"), undefined);
  store.rollback();
  t.deepEqual(store.tipDigest, before);
  t.is(store.tipRevision, 2);
  t.is(names(store.tip.list("things")), "a b");
  t.is(names(store.tip.index("things", "node", "n1")), "a b");
  t.is(names(store.tip.index("things", "node", "n2")), "");
  t.deepEqual(store.systemRows("timer"), [["t", "1"]]);
  t.deepEqual(store.systemRows("outbox"), []);
});

test("an outcome whose preconditions do not hold is refused and leaves no trace", (t) => {
  const store = newStore();
  write(store, [put("a")]);
  const good = outcomeOf(store, [put("b"), put("a")]);
  const stale = good.writes.map((each) => ({ ...each, expected: 0 }));
  t.throws(() => store.stage({ ...good, writes: stale }), {
    instanceOf: InvariantError,
    message: "invariant broken: things default/a is at the revision that its write expects (0)",
  });
  t.throws(() => store.stage({ ...good, firstRevision: 3 }), { instanceOf: InvariantError });
  t.throws(() => store.stage({ ...good, digest: { a: 1, b: 2 } }), {
    instanceOf: DigestMismatchError,
  });
  t.is(names(store.tip.list("things")), "a");
  t.is(store.tip.get("things", "default", "b"), undefined);
  store.stage(good);
  t.is(names(store.tip.list("things")), "a b");
  t.throws(() => store.commit(2, outcomeOf(store, [put("z")])), { instanceOf: InvariantError });
  store.commit(2, good);
  t.throws(() => store.commit(2, outcomeOf(store, [])), { instanceOf: InvariantError });
});

test("a follower that applies an outcome has the leader's state", (t) => {
  const leader = newStore();
  const follower = newStore();
  for (const ops of [[put("a"), put("b", { node: "n" })], [remove("a")], [put("a")]]) {
    follower.commit(follower.applied + 1, write(leader, ops));
  }
  t.deepEqual(follower.digest, leader.digest);
  t.is(follower.revision, 4);
  t.is(follower.rowCount, 2);
  t.is(follower.committed.get("things", "default", "a")?.createRevision, 4);
  t.is(bodyText(follower.committed.get("things", "default", "b")), bodyText(leader.tip.get("things", "default", "b")));
});

test("a follower parses a row for the index of owners only if it has owners", (t) => {
  const leader = newStore();
  const follower = newStore({ freezeObjects: false });
  const apply = (...ops: Parameters<typeof write>[1]): void => {
    const { writes, ...outcome } = write(leader, ops);
    const bare = writes.map((each) => (each.op === "put" ? { ...each, object: undefined } : each));
    follower.commit(follower.applied + 1, { ...outcome, writes: bare as typeof writes });
  };
  const metadata = { ownerReferences: [{ apiVersion: "v1", kind: "Set", name: "s", uid: "u1", controller: true }] };
  const box = { op: "put", kind: "boxes", namespace: "", name: "b" } as const;
  const row = (): RowVersion => follower.committed.get("boxes", "", "b") as RowVersion;
  const owned = (): string => names(follower.committed.index("boxes", "owner", "u1"));
  apply(box);
  t.is(row().parsed, undefined);
  t.is(owned(), "");
  apply({ ...box, metadata });
  t.is(owned(), "b");
  apply(box);
  t.is(row().parsed, undefined);
  t.is(owned(), "");
  t.is(row().hot.uid, "uid-b", "whoever looks at it has it parsed");
  apply({ ...box, metadata }, { ...box, name: "c", metadata });
  t.is(owned(), "b c");
  t.deepEqual(follower.digest, leader.digest);
});

test("a page reads exactly the revision that it names", (t) => {
  const store = newStore();
  write(store, [put("a"), put("b"), put("c"), put("d")]);
  write(store, [remove("b"), put("e")]);
  const first = store.page("things", { at: 4, limit: 2, namespace: "default" });
  t.is(names(first.rows), "a b");
  t.is(first.next, "default/b");
  t.is(first.remaining, 2);
  t.is(names(store.page("things", { at: 4, after: "default/b" }).rows), "c d");
  t.is(names(store.page("things", {}).rows), "a c d e");
  t.is(names(store.page("things", { namespace: "other" }).rows), "");
  const filtered = store.page("things", { limit: 1, filter: (row) => row.name > "b" });
  t.deepEqual([names(filtered.rows), filtered.next, filtered.remaining], ["c", "default/c", undefined]);
  t.is(store.page("things", { limit: 4 }).next, undefined);
  const tooLarge = t.throws(() => store.page("things", { at: 99 }), { instanceOf: StatusError });
  t.is(tooLarge.status.code, 504);
});

test("rows behind a page are counted within its namespace, with or without tombstones between", (t) => {
  const store = newStore();
  const at = (namespace: string, name: string) => ({ op: "put", kind: "things", namespace, name }) as const;
  const names = ["p", "q", "r", "s"];
  write(
    store,
    ["a", "a-b", "b"].flatMap((namespace) => names.map((name) => at(namespace, name))),
  );
  const remaining = (namespace?: string) => {
    const scope = namespace === undefined ? {} : { namespace };
    const first = store.page("things", { limit: 1, ...scope });
    const second = store.page("things", { limit: 1, after: first.next ?? "", ...scope });
    return [first.remaining, second.remaining];
  };
  t.deepEqual(
    [remaining(), remaining("a"), remaining("b")],
    [
      [11, 10],
      [3, 2],
      [3, 2],
    ],
  );
  const created = outcomeOf(store, [at("a", "t")]);
  store.stage(created);
  t.deepEqual(
    [remaining(), remaining("a")],
    [
      [11, 10],
      [3, 2],
    ],
  );
  store.commit(2, created);
  t.deepEqual(
    [remaining(), remaining("a")],
    [
      [12, 11],
      [4, 3],
    ],
  );
  write(store, [{ op: "delete", kind: "things", namespace: "a", name: "s" }]);
  t.deepEqual(
    [remaining(), remaining("a"), remaining("b")],
    [
      [11, 10],
      [3, 2],
      [3, 2],
    ],
  );
});

test("keys come in bytewise order of namespace/name, and a namespace is its own", (t) => {
  const store = newStore();
  const at = (namespace: string, name: string) => ({ op: "put", kind: "things", namespace, name }) as const;
  write(store, [at("b", "x"), at("a", "y"), at("a-b", "z"), at("a", "B"), at("a", "b")]);
  t.deepEqual(
    store.tip.list("things").map((row) => `${row.namespace}/${row.name}`),
    ["a-b/z", "a/B", "a/b", "a/y", "b/x"],
  );
  t.is(names(store.tip.list("things", { namespace: "a" })), "B b y");
});

test("every kind has an index of controllers, and hot records carry the common members", (t) => {
  const store = newStore();
  const owner = { apiVersion: "v1", kind: "Set", name: "s", uid: "u1", controller: true };
  const metadata = {
    labels: { app: "web" },
    ownerReferences: [owner, { ...owner, uid: "u2", controller: false }],
    deletionTimestamp: "2026-01-01T00:00:00Z",
  };
  write(store, [{ op: "put", kind: "boxes", namespace: "", name: "b", metadata }]);
  const [row] = store.tip.index("boxes", "owner", "u1");
  t.deepEqual(row?.hot, {
    uid: "uid-b",
    labels: { app: "web" },
    controller: "u1",
    owners: ["u1", "u2"],
    deleting: true,
  });
  t.deepEqual(store.tip.index("boxes", "owner", "u2"), []);
  t.throws(() => store.tip.index("boxes", "colour", "red"), { instanceOf: InvariantError });
  t.throws(() => store.tip.list("phantoms"), { instanceOf: InvariantError });
});

test("a Secret lies sealed in the log and the slab, and a plain row of its kind is refused", (t) => {
  const store = newStore();
  const outcome = write(store, [
    { op: "put", kind: "secrets", namespace: "default", name: "s", spec: { password: "hunter2" } },
  ]);
  const [only] = outcome.writes;
  t.true(only?.op === "put" && !textOf(only.row).includes("hunter2"));
  const row = store.committed.get("secrets", "default", "s");
  t.true(bodyText(row).includes("hunter2"));
  t.is(row?.object().metadata.resourceVersion, "1");
  t.true(!textOf((row as RowVersion).row()).includes("hunter2"));
  const plain = outcomeOf(store, [put("s")]).writes.map((each) => ({ ...each, kind: "secrets", expected: 1 }));
  t.throws(() => store.stage({ ...outcomeOf(store, []), writes: plain }), {
    message: "invariant broken: a row is sealed if its kind is",
  });
});

test("a DELETED event carries the last body with the deletion's revision, in three slices", (t) => {
  const store = newStore();
  const spec = { note: 'a trap: "resourceVersion":"9" in text, ünïcode' };
  for (let i = 0; i < 9; i++) write(store, [put("a", spec)]);
  const events: WatchChange[] = [];
  store.watch("things", 9, { events: (batch) => events.push(...batch) });
  write(store, [remove("a")]);
  const [{ previous, revision, next } = {} as WatchChange] = events;
  t.is(next, undefined);
  t.is(revision, 10);
  const slices = deletedBody(previous!, revision);
  t.is(slices.length, 3);
  const object: unknown = JSON.parse(textOf(concatBytes(slices)));
  t.like(object, { metadata: { name: "a", resourceVersion: "10" }, spec });
  t.is(previous?.object().metadata.resourceVersion, "9");
});

test("a watch resumes at any revision, hands transactions over whole and feeds what follows", (t) => {
  const store = newStore();
  write(store, [put("a"), put("b")]);
  write(store, [put("a"), remove("b"), put("c")]);
  const fromStart = collector();
  const inside = collector();
  store.watch("things", 0, fromStart);
  const handle = store.watch("things", 3, inside);
  t.deepEqual(fromStart.batches, ["+a@1 +b@2", "~a@3<1 -b@4<2 +c@5"]);
  t.deepEqual(inside.batches, ["-b@4<2 +c@5"]);
  write(store, [{ op: "put", kind: "boxes", namespace: "", name: "x" }]);
  t.is(handle.upTo, 6);
  write(store, [put("b")]);
  t.is(inside.seen.at(-1), "+b@7");
  handle.close();
  write(store, [put("b")]);
  t.is(inside.seen.at(-1), "+b@7");
  t.is(fromStart.seen.at(-1), "~b@8<7");
});

test("a watch from the future waits, and hands over nothing at or below its start", (t) => {
  const store = newStore();
  const sink = collector();
  const handle = store.watch("things", 2, sink);
  t.is(handle.upTo, 2);
  write(store, [put("a"), put("b"), put("c")]);
  t.deepEqual(sink.seen, ["+c@3"]);
  t.is(handle.upTo, 3);
});

test("staged outcomes reach no watcher until they are committed, nor ever if they are dropped", (t) => {
  const store = newStore();
  const sink = collector();
  store.watch("things", 0, sink);
  const told: string[] = [];
  store.onStaged((changes) => told.push(...changes.map(describe)));
  store.stage(outcomeOf(store, [put("a")]));
  t.deepEqual(told, ["+a@1"]);
  t.deepEqual(sink.seen, []);
  store.rollback();
  write(store, [put("b")]);
  t.deepEqual(sink.seen, ["+b@1"]);
});

test("below the floor a watch and a list answer 410 in Kubernetes' words; at the floor both work", (t) => {
  const store = newStore();
  write(store, [put("a"), put("b")]);
  write(store, [remove("a")]);
  write(store, [put("c")]);
  store.compactHistory("things", 3);
  const watch = t.throws(() => store.watch("things", 2, collector()), { instanceOf: StatusError });
  t.like(watch.status, { code: 410, reason: "Expired", message: "too old resource version: 2 (3)" });
  const list = t.throws(() => store.page("things", { at: 2 }), { instanceOf: StatusError });
  t.like(list.status, {
    code: 410,
    reason: "Expired",
    message: "The resourceVersion for the provided list is too old.",
  });
  t.is(names(store.page("things", { at: 3 }).rows), "b");
  const sink = collector();
  store.watch("things", 3, sink);
  t.deepEqual(sink.seen, ["+c@4"]);
  store.watch("boxes", 0, collector());
});

test("a sink that asks to wait is held at its place, goes on when resumed, and is told 410 if it waits too long", (t) => {
  const store = newStore();
  const { seen, events } = collector();
  let isReady = true;
  const expired: StatusError[] = [];
  const handle = store.watch("things", 0, {
    events,
    ready: () => isReady,
    expired: (error) => expired.push(error),
  });
  write(store, [put("a")]);
  isReady = false;
  write(store, [put("b")]);
  write(store, [put("c")]);
  t.deepEqual(seen, ["+a@1"]);
  t.is(handle.upTo, 1);
  isReady = true;
  handle.resume?.();
  t.deepEqual(seen, ["+a@1", "+b@2", "+c@3"]);
  t.is(handle.upTo, 3);
  isReady = false;
  write(store, [put("d")]);
  store.compactHistory("things", 3);
  t.is(expired.length, 0);
  store.compactHistory("things", 4);
  t.is(expired[0]?.status.message, "too old resource version: 3 (4)");
  isReady = true;
  write(store, [put("e")]);
  t.is(seen.length, 3);
});

test("floors are due by age and by number, at the end of a transaction, a bounded step at a time", (t) => {
  const store = newStore();
  write(store, [put("a"), put("b")], { now: 0 });
  write(store, [put("c"), put("d")], { now: 1_000 });
  write(store, [put("e")], { now: 2_000 });
  const limits = { historyMs: 1_500, historyEventsMax: 10, floorStepEventsMax: 10 };
  const due = (now: number, more = {}) =>
    dueFloors(store.histories(), now, { ...limits, ...more }).map(({ key, value }) => `${key} ${value}`);
  t.deepEqual(due(1_499), []);
  t.deepEqual(due(1_500), ["things 2"]);
  t.deepEqual(due(9_000), ["things 5"]);
  t.deepEqual(due(9_000, { floorStepEventsMax: 1 }), ["things 2"]);
  t.deepEqual(due(0, { historyEventsMax: 2 }), ["things 4"]);
  t.deepEqual(due(storeLimits.historyMs + 999, storeLimits), ["things 2"]);
});

test("floors go on while a snapshot is being made, which holds what it began with", async (t) => {
  const store = newStore();
  for (let i = 0; i < 10; i++) write(store, [put("a", { i })], { now: 0 });
  const snapshot = snapshotOf(store);
  const limits = { ...storeLimits, historyEventsMax: 4, floorStepEventsMax: 2 };
  for (let moves = 0; moves < 3; moves++) {
    const system = dueFloors(store.histories(), 0, limits);
    t.is(system.length, 1);
    write(store, [], { system });
  }
  t.deepEqual(dueFloors(store.histories(), 0, limits), []);
  t.is(store.histories()[0]?.size, 4);
  t.is(store.histories()[0]?.at(0).end, store.floor("things") + 1);
  t.is(store.floor("things"), 6);
  const chunks: Uint8Array[] = [];
  for (let chunk = snapshot.next(); chunk !== undefined; chunk = snapshot.next()) chunks.push(chunk);
  const restored = await restoreStore(store.options, chunks);
  t.is(restored.histories()[0]?.size, 10);
  write(store, [put("a", { i: 10 })], { now: 0 });
  t.is(store.histories()[0]?.size, 5);
});

test("committing a floor's system row moves the floor", (t) => {
  const store = newStore();
  write(store, [put("a"), put("b")], { now: 0 });
  write(store, [put("a")], { now: 10 });
  const system = dueFloors(store.histories(), 5, { ...storeLimits, historyMs: 5 });
  write(store, [], { system });
  t.is(store.floor("things"), 2);
  t.is(store.system("floor", "things"), "2");
  t.is(store.applied, 3);
});

test("a reader keeps its version although row and slab are long gone", (t) => {
  const store = newStore({ slabBytesMin: 256, slabBytesMax: 1_024, slabMovesPerCommitMax: 2 });
  write(store, [put("keeper", { text: "k".repeat(100) }), put("a")]);
  const old = store.committed.get("things", "default", "a");
  for (let i = 0; i < 200; i++) {
    write(store, [put("a", { i, text: "x".repeat(200) })]);
    store.compactHistory("things", store.revision);
  }
  t.true(bodyText(old).includes('"resourceVersion":"2"'));
  t.true(bodyText(store.committed.get("things", "default", "keeper")).includes("kkk"));
  t.true(store.state.slabs.bytes < 8 * 1_024, `${store.state.slabs.bytes} bytes of slabs`);
});

test("one flipped bit in a row changes the digest, and the next outcome finds it", (t) => {
  const leader = newStore();
  const follower = newStore();
  const outcome = outcomeOf(leader, [put("a", { text: "abc" })]);
  const writes = outcome.writes.map((each) => {
    if (each.op !== "put") return each;
    const row = each.row.slice();
    const at = textOf(row).indexOf("abc");
    row[at] = (row[at] ?? 0) ^ 2;
    return { ...each, row };
  });
  leader.commit(1, outcome);
  follower.commit(1, { ...outcome, writes });
  t.notDeepEqual(follower.digest, leader.digest);
  t.throws(() => follower.commit(2, outcomeOf(leader, [put("b")])), {
    instanceOf: DigestMismatchError,
  });
});

test("an entry without an outcome moves the applied index alone", (t) => {
  const store = newStore();
  write(store, [put("a")]);
  store.advance(7);
  t.deepEqual([store.applied, store.revision], [7, 1]);
  t.throws(() => store.advance(7), { instanceOf: InvariantError });
});

test("a thousand watchers share one batch, and commits of other kinds do not touch them", (t) => {
  const store = newStore();
  const batches = new Set<readonly WatchChange[]>();
  let calls = 0;
  for (let i = 0; i < 1_000; i++) {
    store.watch("things", 0, {
      events: (batch) => {
        calls++;
        batches.add(batch);
      },
    });
  }
  write(store, [put("a"), put("b")]);
  write(store, [{ op: "put", kind: "boxes", namespace: "", name: "x" }]);
  t.is(calls, 1_000);
  t.is(batches.size, 1);
});
