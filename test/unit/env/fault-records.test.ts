import test from "ava";
import { createFaultTable, type FaultRecord, type FaultTable } from "../../../src/env/fault-table.ts";
import { faultsOf, firstFault, noFaults, type SeamPoint } from "../../../src/env/faults.ts";
import { memoryJournal } from "../../../src/env/program.ts";
import { createSimClock, type SimClock } from "../../../src/sim/clock.ts";
import { createRng } from "../../../src/sim/random.ts";

/** The table of faults on a clock of its own. */

interface World {
  readonly clock: SimClock;
  readonly table: FaultTable;
  /** Kinds of what happens at a point, `none` left out as an empty text. */
  readonly at: (point: SeamPoint) => string;
}

function world(labels: Readonly<Record<string, Record<string, string>>> = {}): World {
  const clock = createSimClock(createRng(1, "clock"));
  const table = createFaultTable({ clock, rng: createRng(2, "faults"), labelsOf: (path) => labels[path] });
  return {
    clock,
    table,
    at(point) {
      const { kind } = table.at(point);
      return kind === "none" ? "" : kind;
    },
  };
}

const mail = (path: string, more: Partial<SeamPoint> = {}): SeamPoint => ({ seam: "mailbox", path, ...more });

function pass(clock: SimClock, ms: number): void {
  const until = clock.mono() + ms;
  while (clock.runNext(until));
  clock.moveTo(until);
}

test("a fault is over behind its time although nobody passes, and behind its count although time is left", (t) => {
  const { clock, table, at } = world();
  const timed = table.add({ seam: "mailbox", kind: "drop", for: { ms: 100 } });
  t.is(at(mail("/a")), "drop");
  pass(clock, 100);
  t.is(at(mail("/a")), "");
  t.true(timed.isOver);
  const counted = table.add({ seam: "mailbox", kind: "drop", for: { count: 2 } });
  t.deepEqual([at(mail("/a")), at(mail("/a")), at(mail("/a"))], ["drop", "drop", ""]);
  t.like(counted, { hits: 2, seen: 2, isOver: true });
});

test("no fault lasts longer than ten minutes, whatever its record says", (t) => {
  const { clock, table, at } = world();
  table.add({ seam: "mailbox", kind: "drop", for: { ms: 3_600_000 } });
  pass(clock, 599_999);
  t.is(at(mail("/a")), "drop");
  pass(clock, 1);
  t.is(at(mail("/a")), "");
});

test("a schedule begins again with its own time and its own count", (t) => {
  const { clock, table, at } = world();
  const schedule = { everyMs: 1_000, times: 3 };
  const fault = table.add({ seam: "mailbox", kind: "drop", for: { ms: 100, count: 1 }, schedule });
  const seen: string[] = [];
  for (let ms = 0; ms < 4_000; ms += 50) {
    if (at(mail("/a")) !== "") seen.push(String(ms));
    pass(clock, 50);
  }
  t.deepEqual(seen, ["0", "1000", "2000"]);
  t.like(fault, { hits: 3, isOver: true });
});

test("what pauses waits until the fault ends; a disk that hangs answers then", (t) => {
  const { clock, table } = world();
  table.add({ seam: "mailbox", kind: "pause", for: { ms: 500 } });
  table.add({ seam: "disk", kind: "hang", for: { ms: 400 } });
  table.add({ seam: "disk", kind: "full", where: { path: "/disk/sync/**" } });
  pass(clock, 100);
  t.deepEqual(table.at(mail("/a")), { kind: "delay", ms: 400 });
  t.deepEqual(table.at({ seam: "disk", path: "/disk/read/x" }), { kind: "delay", ms: 300 });
  pass(clock, 400);
  t.like(table.at({ seam: "disk", path: "/disk/sync/wal" }), { kind: "error", code: "ENOSPC" });
});

test("a record with a seed decides the same for the same points, whoever drew in between", (t) => {
  const record: FaultRecord = { seam: "mailbox", kind: "drop", when: { p: 0.5 }, seed: 7 };
  const hits = (salt: number, seed = 7): string => {
    const { table, at } = world();
    if (salt > 0) table.add({ seam: "timer", kind: "drop", when: { p: 0.5 } });
    table.add({ ...record, seed });
    return Array.from({ length: 40 }, (_, n) => {
      for (let draws = 0; draws < salt; draws += 1) at({ seam: "timer", path: "/t" });
      return at(mail(`/m${n}`)) === "" ? "." : "x";
    }).join("");
  };
  t.is(hits(3), hits(0));
  t.not(hits(0, 8), hits(0));
  t.true(/x/.test(hits(0)) && /\./.test(hits(0)));
});

test("whom it is for: object, labels, supervisor, master, role, ends of a message, node", (t) => {
  const web = "/obj/core/pods/default/web#uid";
  const cases: readonly (readonly [FaultRecord["where"] & object, SeamPoint, boolean])[] = [
    [{ kind: "pods", ns: "default", name: "we*" }, mail(web), true],
    [{ kind: "pods", name: "web" }, mail("pods/default/web"), true],
    [{ kind: "deployments" }, mail("deployments.apps/default/web"), true],
    [{ kind: "pods", ns: "default", name: "web" }, mail("/node/n1/pod/default/web/liveness/main"), true],
    [{ kind: "pods" }, mail("/ctl/deployment/default/web"), false],
    [{ labels: "app=web" }, mail("pods/default/web"), true],
    [{ labels: "app=web" }, mail("pods/default/api"), false],
    [{ labels: "app=api" }, mail("pods/default/web", { labels: { app: "api" } }), true],
    [{ supervisor: "/ctl" }, mail("/ctl/deployment"), true],
    [{ supervisor: "/ctl" }, mail("/ctl/deployment/default/web"), false],
    [{ node: "n1" }, mail("/disk/read", { node: "n1" }), true],
    [{ node: "n1" }, mail("/link/n2/up/report"), false],
    [{ master: "m1" }, mail("/a", { master: "m1" }), true],
    [{ master: "m1" }, mail("/a"), false],
    [{ master: "m1" }, mail("/peer/m2/m1/append", { from: "m2", to: "m1", master: "m2" }), true],
    [{ from: "m1" }, mail("/peer/m2/m1/append", { from: "m2", to: "m1", master: "m2" }), false],
    [{ role: "leader" }, mail("/a", { master: "m1", isLeader: true }), true],
    [{ role: "follower" }, mail("/a", { master: "m1", isLeader: true }), false],
  ];
  for (const [where, point, isHit] of cases) {
    const { table, at } = world({ "pods/default/web": { app: "web" } });
    table.add({ seam: "mailbox", kind: "drop", where });
    t.is(at(point), isHit ? "drop" : "", `${JSON.stringify(where)} ${point.path}`);
  }
});

test("what tells of faults and ends them cannot be hit", (t) => {
  const { table, at } = world();
  for (const seam of ["mailbox", "evaluator"] as const)
    table.add({ seam, kind: seam === "mailbox" ? "drop" : "error" });
  for (const path of ["/obj/faults.troupe.dev/faults//x", "faults.faults.troupe.dev//x", "/ctl/fault/x"]) {
    t.is(at(mail(path)), "", path);
    t.is(at({ seam: "evaluator", path }), "", path);
  }
});

test("who watches is told at each beginning of what strikes actors and programs, and of nothing that began before", (t) => {
  const { clock, table } = world();
  let told = 0;
  table.watch(() => (told += 1));
  table.add({ seam: "actor", kind: "crash", for: { ms: 10 }, schedule: { everyMs: 100, times: 2 } });
  table.add({ seam: "program", kind: "crash", when: { atMs: -50 }, for: { ms: 1_000 } });
  table.add({ seam: "mailbox", kind: "drop" });
  pass(clock, 1_000);
  t.is(told, 2);
});

test("hits of an earlier life count", (t) => {
  const { table, at } = world();
  const fault = table.add({ seam: "mailbox", kind: "crash", for: { count: 1 } }, { hitsBefore: 1 });
  t.true(fault.isOver);
  t.is(at(mail("/a")), "");
  const journal = memoryJournal();
  for (let n = 0; n < 1_500; n += 1) journal.keep(`u${n}`, n);
  t.is(journal.hits("u0"), 0);
  t.is(journal.hits("u1499"), 1_499);
});

test("clocks that are off by several faults are off by their sum, and each counts one hit", (t) => {
  const { clock, table } = world();
  const [one, other] = [5_000, -2_000].map((ms) =>
    table.add({ seam: "clock", kind: "skew", args: { ms }, for: { ms: 100 } }),
  );
  for (let n = 0; n < 10; n += 1) t.is(table.skewMs({ node: "n1" }), 3_000);
  t.is(one?.hits, 1);
  t.is(other?.hits, 1);
  pass(clock, 100);
  t.is(table.skewMs({ node: "n1" }), 0);
});

test("a port of a program says whose it is; of two ports the first that does something counts", (t) => {
  const { table } = world();
  table.add({ seam: "mailbox", kind: "drop", where: { master: "m2" } });
  const port = faultsOf(firstFault([noFaults, table]), () => ({ master: "m2" }));
  t.is(port.at(mail("/a")).kind, "drop");
  t.is(faultsOf(table, () => ({ master: "m1" })).at(mail("/a")).kind, "none");
  t.false(faultsOf(noFaults, () => ({})).enabled);
});
