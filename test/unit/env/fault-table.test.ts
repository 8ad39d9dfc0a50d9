// The record of a fault: whom it hits, when, how often, and that it ends by itself.
import test from "ava";
import { createFaultTable, type FaultRecord } from "../../../src/env/fault-table.ts";
import type { SeamPoint } from "../../../src/env/faults.ts";
import { createRng } from "../../../src/sim/random.ts";

function rig(seed = 1) {
  let now = 0;
  const clock = { mono: () => now, wall: () => now, after: () => ({ cancel: () => {} }) };
  const table = createFaultTable({ clock, rng: createRng(seed, "faults") });
  return {
    table,
    advance: (ms: number) => void (now += ms),
    hit: (path: string, more: Partial<SeamPoint> = {}) => table.at({ seam: "evaluator", path, ...more }).kind,
  };
}

test("a selector is the sum of what it names; globs stay within a segment unless they are double", (t) => {
  const web = "/obj/apps/deployments/default/web#1f2e";
  const cases: readonly (readonly [NonNullable<FaultRecord["where"]>, string, boolean])[] = [
    [{}, web, true],
    [{ path: "/obj/apps/deployments/default/web" }, web, true],
    [{ path: "/obj/apps/deployments/*/web" }, web, true],
    [{ path: "/obj/*/web" }, web, false],
    [{ path: "/obj/**/web" }, web, true],
    [{ path: "/obj/apps/deployments/default/we" }, web, false],
    [{ path: "/obj.apps/**" }, web, false],
    [{ kind: "deployments", ns: "default", name: "w*" }, web, true],
    [{ kind: "deployments", ns: "other" }, web, false],
    [{ kind: "pods" }, web, false],
    [{ supervisor: "/ctl/deployment/default" }, "/ctl/deployment/default/web", true],
    [{ node: "n1" }, "/node/n1/cri/startContainer", true],
    [{ node: "n1" }, "/link/n1/up/report", true],
    [{ node: "n1" }, "/node/n11/cri/startContainer", false],
    [{ node: "n1" }, web, false],
  ];
  for (const [where, path, isHit] of cases) {
    const { table, hit } = rig();
    table.add({ seam: "evaluator", kind: "crash", where });
    t.is(hit(path), isHit ? "crash" : "none", JSON.stringify(where));
  }
});

test("labels are those of the point; a point without labels has none", (t) => {
  const { table, hit } = rig();
  table.add({ seam: "evaluator", kind: "drop", where: { labels: "tier in (front)" } });
  t.is(hit("/a", { labels: { tier: "front" } }), "drop");
  t.is(hit("/a", { labels: { tier: "back" } }), "none");
  t.is(hit("/a"), "none");
});

test("the nth is hit, once; a count makes it more", (t) => {
  const once = rig();
  const fault = once.table.add({ seam: "evaluator", kind: "crash", when: { nth: 3 } });
  t.deepEqual(
    [1, 2, 3, 4, 5].map(() => once.hit("/a")),
    ["none", "none", "crash", "none", "none"],
  );
  t.like(fault, { hits: 1, seen: 3, isOver: true });
  t.deepEqual(fault.paths, ["/a"]);
  t.false(once.table.enabled);
  const twice = rig();
  twice.table.add({ seam: "evaluator", kind: "crash", when: { nth: 2 }, for: { count: 2 } });
  t.deepEqual(
    [1, 2, 3, 4].map(() => twice.hit("/a")),
    ["none", "crash", "crash", "none"],
  );
});

test("a fault begins when it says, ends with its time, and never lasts longer than ten minutes", (t) => {
  const { table, advance, hit } = rig();
  table.add({ seam: "evaluator", kind: "drop", when: { atMs: 1_000 }, for: { ms: 3_600_000 } });
  t.is(hit("/a"), "none");
  advance(1_000);
  t.is(hit("/a"), "drop");
  advance(599_999);
  t.is(hit("/a"), "drop");
  advance(1);
  t.is(hit("/a"), "none");
  t.false(table.enabled);
});

test("chance is the seed's: the same seed hits the same, another seed others", (t) => {
  const run = (seed: number): string => {
    const { table, hit } = rig(seed);
    table.add({ seam: "evaluator", kind: "drop", when: { p: 0.5 } });
    return Array.from({ length: 64 }, () => (hit("/a") === "drop" ? "x" : ".")).join("");
  };
  t.is(run(7), run(7));
  t.not(run(7), run(8));
  const hits = run(7).replaceAll(".", "").length;
  t.true(hits > 16 && hits < 48, run(7));
});

test("the first fault that hits decides; cleared ones hit nobody", (t) => {
  const { table, hit } = rig();
  const first = table.add({ seam: "evaluator", kind: "delay", args: { ms: 5 } });
  table.add({ seam: "evaluator", kind: "error", args: { message: "no" } });
  t.deepEqual(table.at({ seam: "evaluator", path: "/a" }), { kind: "delay", ms: 5 });
  t.is(table.at({ seam: "mailbox", path: "/a" }).kind, "none");
  first.clear();
  t.deepEqual(table.at({ seam: "evaluator", path: "/a" }), { kind: "error", message: "no" });
  table.clear();
  t.is(hit("/a"), "none");
});

test("a kill point names seam and place; a record without either is refused", (t) => {
  const { table } = rig();
  table.add({ kind: "crash", when: { killPoint: "K3" }, for: { count: 2 } });
  t.is(table.at({ seam: "commit", path: "/raft" }).kind, "none");
  t.is(table.at({ seam: "append", path: "/log" }).kind, "none");
  t.is(table.at({ seam: "commit", path: "/log" }).kind, "crash");
  t.throws(() => table.add({ kind: "crash" }), { instanceOf: RangeError });
});
