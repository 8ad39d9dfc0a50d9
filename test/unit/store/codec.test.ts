// The frozen layouts: rows, outcomes, snapshot records, digest. A changed byte here is a changed
// format, and needs a new format number.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import test from "ava";
import type { ExecutionContext } from "ava";
import fc from "fast-check";
import { digestOf, rowLanes, systemLanes } from "../../../src/store/digest.ts";
import { decodeOutcome, encodeOutcome, systemTables } from "../../../src/store/outcome-codec.ts";
import type { Outcome } from "../../../src/store/outcome.ts";
import { bodyOf, bodyWithRevision, encodeRow, headerOf, partsOf, sealContext } from "../../../src/store/row.ts";
import { restoreInto, restoreStore, snapshotOf } from "../../../src/store/snapshot.ts";
import { SystemRows } from "../../../src/store/system-rows.ts";
import { concatBytes, fromHex, Reader, textOf, toHex, utf8, Writer } from "../../../src/util/bytes.ts";
import { InvariantError } from "../../../src/util/errors.ts";
import { compareKeys, OrderedMap } from "../../../src/util/ordered-map.ts";
import { describe, newStore, put, remove, storeOptions, testSealer, write } from "./kit.ts";

const golden = join(import.meta.dirname, "../../../../test/golden/store");

/** Compares with the golden file, or rewrites it (`TROUPE_REWRITE=1`). */
function frozen(t: ExecutionContext, file: string, cases: Readonly<Record<string, string>>): void {
  const text = Object.entries(cases)
    .map(([title, value]) => `${title}\n----\n${value.replace(/.{96}/g, "$&\n")}\n`)
    .join("\n");
  const path = join(golden, file);
  if (process.env["TROUPE_REWRITE"] === "1") writeFileSync(path, text);
  t.is(text, readFileSync(path, "utf8"));
}

const never = (): Uint8Array => {
  throw new Error("a plain row is not opened");
};

const draft = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: {
    name: "settings",
    namespace: "default",
    uid: "7d0c4f2e-0000-4000-8000-000000000001",
    labels: { app: "web" },
    creationTimestamp: "2026-01-01T00:00:00Z",
  },
  data: { key: "välue" },
};

const outcome: Outcome = {
  command: { member: 3, incarnation: 12, sequence: 70_000, resultsUpTo: 69_999 },
  now: 1_767_225_600_123.5,
  cause: { origin: "plan", actor: "/ctl/replicaset/default/web", event: "plan" },
  digest: { a: 0xdeadbeef, b: 0x00c0ffee },
  firstRevision: 4_294_967_296,
  writes: [
    {
      op: "put",
      kind: "configmaps",
      namespace: "default",
      name: "settings",
      expected: 300,
      row: encodeRow(draft, 4_294_967_296),
    },
    { op: "delete", kind: "pods", namespace: "default", name: "web-1", expected: 127 },
  ],
  system: [
    { table: "timer", key: "pods/default/web-1#grace", value: '{"at":5}' },
    { table: "result", key: "3/12/69998" },
  ],
  messages: [{ target: "cloud", key: "lb/web", id: "m1", body: new Uint8Array([0, 255]) }],
  reply: { code: 201, revision: 4_294_967_297 },
};

test("the layouts of rows and outcomes are frozen", (t) => {
  const sealer = testSealer();
  const sealed = encodeRow(draft, 42, { sealer, kind: "secrets" });
  frozen(t, "row.txt", {
    "plain row at revision 42": toHex(encodeRow(draft, 42)),
    "sealed row at revision 42": toHex(sealed),
  });
  frozen(t, "outcome.txt", { "an outcome with every part": toHex(encodeOutcome(outcome)) });
  t.deepEqual(decodeOutcome(fromHex(toHex(encodeOutcome(outcome)))), outcome);
});

test("the content of a snapshot and the terms of the digest are frozen", async (t) => {
  const store = newStore();
  write(store, [put("a", { node: "n1" }), put("b")], { now: 1_000 });
  write(store, [remove("b")], { now: 2_000, system: [{ table: "timer", key: "t", value: "7" }] });
  store.compactHistory("things", 2);
  const chunks = [];
  for await (const chunk of snapshotOf(store)) chunks.push(chunk);
  frozen(t, "snapshot.txt", { "one row, one deletion, one timer": toHex(concatBytes(chunks)) });
  const hex = ({ a, b }: { a: number; b: number }): string =>
    `${a.toString(16).padStart(8, "0")} ${b.toString(16).padStart(8, "0")}`;
  const row = rowLanes("pods", "default/web", { revision: 2 ** 40 + 5, crc: 0xcbf43926 });
  frozen(t, "digest.txt", {
    "row pods default/web at 1099511627781 with crc cbf43926": hex(digestOf(row)),
    "system row timer t with crc cbf43926": hex(digestOf(systemLanes("timer", "t", 0xcbf43926))),
  });
});

test("the position of a system table never changes", (t) => {
  t.is(systemTables.join(" "), "timer outbox result dead-letter quarantine floor identity");
});

const text = fc.string({ unit: "binary" });
const revision = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const bytes = fc.uint8Array({ maxLength: 40 }).map((each) => new Uint8Array(each));

test("any outcome comes back as it was, and a cut one is refused", (t) => {
  const place = { kind: text, namespace: text, name: text, expected: revision };
  const any: fc.Arbitrary<Outcome> = fc.record({
    command: fc.record({
      member: revision,
      incarnation: revision,
      sequence: revision,
      resultsUpTo: revision,
    }),
    now: fc.double({ noNaN: true }),
    cause: fc.record({
      origin: fc.constantFrom("user", "plan", "timer", "node", "system"),
      actor: text,
      event: text,
    }),
    digest: fc.record({ a: fc.nat(0xffffffff), b: fc.nat(0xffffffff) }),
    firstRevision: revision,
    writes: fc.array(
      fc.oneof(
        fc.record({ op: fc.constant("put" as const), ...place, row: bytes }),
        fc.record({ op: fc.constant("delete" as const), ...place }),
      ),
      { maxLength: 4 },
    ),
    system: fc.array(
      fc.record(
        { table: fc.constantFrom(...systemTables), key: text, value: text },
        { requiredKeys: ["table", "key"] },
      ),
      { maxLength: 3 },
    ),
    messages: fc.array(fc.record({ target: text, key: text, id: text, body: bytes }), {
      maxLength: 2,
    }),
    reply: fc.record({ code: fc.nat(600), revision }),
  });
  fc.assert(
    fc.property(any, fc.double({ min: 0, max: 0.999, noNaN: true }), (value, share) => {
      const encoded = encodeOutcome(value);
      t.deepEqual(toHex(encodeOutcome(decodeOutcome(encoded))), toHex(encoded));
      t.deepEqual(decodeOutcome(encoded).system, value.system);
      t.deepEqual(decodeOutcome(encoded).writes.length, value.writes.length);
      const cut = encoded.subarray(0, Math.floor(share * encoded.length));
      t.throws(() => decodeOutcome(cut), { instanceOf: InvariantError });
      t.throws(() => decodeOutcome(concatBytes([encoded, utf8("x")])), {
        instanceOf: InvariantError,
      });
    }),
    { numRuns: 200 },
  );
});

test("a row's header finds resourceVersion whatever the object says about itself", (t) => {
  const json = fc.oneof(fc.constant('"resourceVersion":"1"'), fc.constant({ resourceVersion: "17" }), text);
  fc.assert(
    fc.property(text, json, revision, revision, (name, trap, first, second) => {
      const object = {
        involvedObject: { resourceVersion: "5" },
        apiVersion: "v1",
        metadata: { annotations: { trap, resourceVersion: "3" }, name },
        kind: "Event",
      } as unknown as Parameters<typeof encodeRow>[0];
      const row = encodeRow(object, first);
      const header = headerOf(row);
      t.is(header.revision, first);
      const body = bodyOf(row, never);
      const parsed = JSON.parse(textOf(body)) as typeof object;
      t.deepEqual(parsed, {
        ...object,
        metadata: { ...object.metadata, resourceVersion: String(first) },
      });
      const slices = bodyWithRevision(body, header, second);
      const other = JSON.parse(textOf(concatBytes(slices))) as typeof object;
      t.deepEqual(other, {
        ...object,
        metadata: { ...object.metadata, resourceVersion: String(second) },
      });
      t.is(slices[0]?.buffer, body.buffer);
    }),
  );
});

test("metadata and managedFields of a row, and whether it has owners, are found without parsing it, whatever its texts hold", (t) => {
  const odd = fc.oneof(
    text,
    fc.constantFrom(
      '"',
      "\\",
      '\\"',
      "}",
      '{"',
      '","metadata":{',
      "\\\\",
      "é]}",
      ',"managedFields":[',
      ',"ownerReferences":[',
    ),
  );
  const free = fc.dictionary(odd, fc.oneof(odd, fc.array(odd)));
  const managers = fc.option(fc.array(fc.record({ manager: odd, fieldsV1: free })), { nil: undefined });
  const owners = fc.option(fc.array(free), { nil: undefined });
  fc.assert(
    fc.property(odd, fc.tuple(free, free), managers, owners, revision, (name, frees, managedFields, owned, at) => {
      const [free1, free2] = frees;
      const metadata = {
        name,
        free1,
        ...(managedFields === undefined ? {} : { managedFields }),
        ...(owned === undefined ? {} : { ownerReferences: owned }),
        free2,
        resourceVersion: String(at),
      };
      const object = { apiVersion: "v1", kind: "Thing", metadata, spec: free1 };
      const body = bodyOf(encodeRow(object as unknown as Parameters<typeof encodeRow>[0], at), never);
      const parts = partsOf(body)!;
      t.deepEqual(JSON.parse(textOf(body.subarray(...parts.metadata))), metadata);
      t.is(parts.isOwned, owned !== undefined);
      const [from, to] = parts.managedFields ?? [0, 0];
      const { managedFields: _, ...rest } = metadata;
      const without = JSON.parse(textOf(body.subarray(0, from)) + textOf(body.subarray(to))) as typeof object;
      t.deepEqual(without, { ...object, metadata: rest as typeof metadata });
    }),
  );
  t.is(partsOf(utf8('{"kind":"Thing","metadata":{}}')), undefined, "in another order it has to be parsed");
});

test("encoding a row leaves the draft as it is", (t) => {
  const before = JSON.stringify(draft);
  encodeRow(Object.freeze(draft), 5);
  t.is(JSON.stringify(draft), before);
});

test("a sealed body opens under its own key and revision only, and not with a flipped bit", (t) => {
  const sealer = testSealer();
  const row = encodeRow(draft, 42, { sealer, kind: "secrets" });
  t.true(headerOf(row).sealed);
  t.false(textOf(row).includes("settings"));
  const open = (context: string, from = row): Uint8Array => bodyOf(from, (sealed) => sealer.open(sealed, context));
  const right = sealContext("secrets", "default", "settings", 42);
  t.true(textOf(open(right)).includes('"resourceVersion":"42"'));
  t.throws(() => open(sealContext("secrets", "default", "settings", 43)), {
    instanceOf: InvariantError,
  });
  t.throws(() => open(sealContext("secrets", "other", "settings", 42)), {
    instanceOf: InvariantError,
  });
  const flipped = row.slice();
  flipped[row.length - 20] = (flipped[row.length - 20] ?? 0) ^ 1;
  t.throws(() => open(right, flipped), { instanceOf: InvariantError });
});

test("a damaged, cut or lengthened snapshot is refused", async (t) => {
  const store = newStore({ snapshotChunkBytesMax: 200 });
  write(store, [put("a", { text: "abc" }), put("b")], {
    system: [{ table: "timer", key: "t", value: "7" }],
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of snapshotOf(store)) chunks.push(chunk.slice());
  t.true(chunks.length > 1);
  await t.notThrowsAsync(restoreStore(storeOptions(), chunks));
  await t.throwsAsync(restoreStore(storeOptions(), chunks.slice(0, -1)), {
    instanceOf: InvariantError,
  });
  await t.throwsAsync(restoreStore(storeOptions(), [...chunks, utf8("x")]), {
    instanceOf: InvariantError,
  });
  const whole = concatBytes(chunks);
  for (const mark of ["abc", "uid-b", "7"]) {
    const damaged = whole.slice();
    const at = toHex(whole).lastIndexOf(toHex(utf8(mark))) / 2;
    damaged[at] = (damaged[at] ?? 0) ^ 2;
    await t.throwsAsync(restoreStore(storeOptions(), [damaged]), { message: /digest/ }, mark);
  }
});

test("compaction leaves nothing of what is deleted, in the store and in its snapshots", async (t) => {
  const store = newStore();
  write(store, [put("a"), put("b")]);
  write(store, [remove("a"), put("b")]);
  const open = snapshotOf(store);
  store.compactHistory("things", 4);
  t.is(store.state.table("things").keys, 2);
  const late = await restoreStore(storeOptions(), snapshotOf(store));
  t.is(late.state.table("things").keys, 1);
  t.is(late.state.table("things").chain("default", "b")?.newest?.prev, undefined);
  const early: Uint8Array[] = [];
  for await (const chunk of open) early.push(chunk);
  t.is(store.state.table("things").keys, 1);
  const before = await restoreStore(storeOptions(), early);
  t.is(before.floor("things"), 0);
  t.is(before.page("things", { at: 2 }).rows.length, 2);
  const after = await restoreStore(storeOptions(), snapshotOf(store));
  t.is(after.state.table("things").keys, 1);
  t.is(after.floor("things"), 4);
  write(store, [remove("b")]);
  store.compactHistory("things", 5);
  t.is(store.state.table("things").keys, 0);
});

test("an installed snapshot replaces the state in place; watches go on or are told 410", async (t) => {
  const leader = newStore();
  const follower = newStore();
  follower.commit(1, write(leader, [put("a")]));
  const seen: string[] = [];
  const expired: string[] = [];
  const { committed } = follower;
  follower.watch("things", 0, { events: (batch) => seen.push(...batch.map(describe)) });
  follower.watch("boxes", 0, {
    events: () => t.fail(),
    expired: (error) => expired.push(error.message),
  });
  write(leader, [put("a"), remove("a"), put("b")]);
  write(leader, [{ op: "put", kind: "boxes", namespace: "", name: "x" }]);
  leader.compactHistory("boxes", 5);
  const before = follower.state;
  await t.throwsAsync(restoreInto(follower, [utf8("nonsense")]), { instanceOf: InvariantError });
  t.is(follower.state, before);
  await restoreInto(follower, snapshotOf(leader).chunks);
  t.deepEqual(seen, ["+a@1", "~a@2<1", "-a@3<2", "+b@4"]);
  t.deepEqual(expired, ["too old resource version: 1 (5)"]);
  t.deepEqual([follower.applied, follower.revision, committed.revision], [3, 5, 5]);
  t.is(committed.get("boxes", "", "x")?.revision, 5);
  t.true(leader.decidedMs > 0);
  t.is(follower.decidedMs, leader.decidedMs, "what it decides as a leader comes later");
  follower.commit(4, write(leader, [put("c")]));
  t.is(seen.at(-1), "+c@6");
  t.deepEqual(follower.digest, leader.digest);
});

test("a freeze of system rows answers the values of its moment, whatever is written while it is walked", (t) => {
  const key = fc.constantFrom("a", "b", "c", "d", "e", "f");
  const table = fc.constantFrom("timer" as const, "result" as const);
  const change = fc.record({ table, key, value: fc.option(fc.constantFrom("1", "2")) });
  const batch = fc.array(change, { maxLength: 4 });
  fc.assert(
    fc.property(batch, fc.array(batch, { maxLength: 12 }), (first, later) => {
      const rows = new SystemRows((input) => crc32(input));
      let stage = 0;
      const apply = (changes: typeof first): void => {
        for (const { value, ...place } of changes) {
          const write = value === null ? place : { ...place, value };
          rows.stage(write, ++stage);
          rows.commit(write, stage);
        }
      };
      apply(first);
      const expected = (["timer", "result"] as const)
        .flatMap((name) => rows.rows(name).map(([k, value]) => `${name} ${k} ${value}`))
        .sort();
      const freeze = rows.freeze();
      const found: string[] = [];
      const writes = later.values();
      for (let part = freeze.next(2); part !== undefined; part = freeze.next(2)) {
        found.push(...part.map((row) => `${row.table} ${row.key} ${row.value ?? "absent"}`));
        apply(writes.next().value ?? []);
      }
      t.deepEqual(found.sort(), expected);
    }),
    { numRuns: 500 },
  );
});

test("an ordered map is a sorted map of any size", (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ key: fc.nat(1_500), remove: fc.integer({ max: 3, min: 0 }) }), {
        minLength: 500,
        maxLength: 3_000,
      }),
      fc.nat(1_500),
      (ops, from) => {
        const map = new OrderedMap<number>();
        const naive = new Map<string, number>();
        for (const [value, { key, remove: dice }] of ops.entries()) {
          if (dice === 0) t.is(map.delete(`k${key}`), naive.delete(`k${key}`));
          else {
            map.set(`k${key}`, value);
            naive.set(`k${key}`, value);
          }
        }
        const sorted = [...naive].sort(([a], [b]) => (a < b ? -1 : 1));
        t.deepEqual([...map.entries()], sorted);
        t.is(map.size, naive.size);
        const behind: string[] = [];
        map.scan(`k${from}`, (key) => behind.push(key) < 10);
        t.deepEqual(
          behind,
          sorted
            .map(([key]) => key)
            .filter((key) => key > `k${from}`)
            .slice(0, 10),
        );
        t.is(map.get(`k${from}`), naive.get(`k${from}`));
        const odd = map.map((value) => (value % 2 === 0 ? undefined : -value));
        const wanted = sorted.filter(([, value]) => value % 2 !== 0).map(([key, value]) => [key, -value] as const);
        t.deepEqual([...odd.entries()], wanted);
        t.is(odd.size, wanted.length);
        odd.set("j", 1);
        t.is(odd.get("j"), 1);
        t.is(map.get("j"), undefined);
      },
    ),
    { numRuns: 10 },
  );
});

test("keys are ordered by their UTF-8 bytes", (t) => {
  fc.assert(
    fc.property(text, text, (a, b) => {
      t.is(Math.sign(compareKeys(a, b)), Math.sign(Buffer.compare(utf8(a), utf8(b))));
    }),
    { numRuns: 1_000 },
  );
  t.true(compareKeys("\u{1f600}", "\uffff") > 0);
});

test("a map's order is that of the bytes, also once a key has come that strings would put elsewhere", (t) => {
  const keys = fc.array(
    fc.constantFrom("a", "\ud7ff", "\u{1f600}", "\ue000", "\uffff").chain((end) => fc.constantFrom(end, `a${end}`)),
  );
  fc.assert(
    fc.property(keys, keys, (plain, more) => {
      const map = new OrderedMap<string>();
      for (const key of [...plain, ...more]) map.set(key, key);
      const wanted = [...new Set([...plain, ...more])].toSorted((a, b) => Buffer.compare(utf8(a), utf8(b)));
      t.deepEqual(
        [...map.entries()].map(([key]) => key),
        wanted,
      );
      for (const [at, key] of wanted.entries()) t.is(map.rank(key), at + 1);
      for (const key of wanted) t.true(map.delete(key));
      t.is(map.size, 0);
    }),
    { numRuns: 300 },
  );
});

test("integers of every width come back from their bytes", (t) => {
  fc.assert(
    fc.property(fc.nat(Number.MAX_SAFE_INTEGER), fc.double(), (value, real) => {
      const small = value % 2 ** 48;
      const out = new Writer(16)
        .varint(value)
        .u48(small)
        .f64(real)
        .u8(value % 256)
        .finish();
      const from = new Reader(out);
      t.deepEqual([from.varint(), from.u48(), from.f64(), from.u8()], [value, small, real, value % 256]);
      from.end();
    }),
  );
  t.is(crc32("123456789"), 0xcbf43926);
});
