// The texts of `troupe actors`, from what the API answers.
import test from "ava";
import { drawTree, explained, type ActorItem } from "../../../src/cli/actor-tree.ts";

const now = Date.parse("2026-01-01T01:00:00Z");
const item = (path: string, supervisor: string, status: Partial<NonNullable<ActorItem["status"]>> = {}): ActorItem => ({
  metadata: { name: path },
  spec: { path, supervisor, machine: "m" },
  status: { state: "running", restarts: 0, mailbox: 0, status: "live", ...status },
});

const items = [
  item("/", "keeper", { state: "one_for_one" }),
  item("/ctl", "/leader"),
  item("/ctl/deployment", "/ctl", { state: "idle", since: "2026-01-01T00:59:00Z", restarts: 1 }),
  item("/ctl/deployment/default/web", "/ctl/deployment", {
    state: "quarantined",
    status: "quarantined",
    lastError: "boom",
    deadLetters: [{ event: "plan" }],
  }),
  item("/leader", "/", { mailbox: 3 }),
  item("/node/n1", "keeper"),
];

test("the tree shows who restarts whom, and says aloud what is not well", (t) => {
  t.deepEqual(drawTree(items, undefined, now), [
    "/  one_for_one",
    "└─ /leader  running  3 waiting",
    "   └─ /ctl  running",
    "      └─ /ctl/deployment  idle  for 60s  1 restart",
    "         └─ /ctl/deployment/default/web  quarantined  QUARANTINED  1 dead letter  (boom)",
    "/node/n1  running",
  ]);
});

test("a part of the tree begins with the actor that was asked for", (t) => {
  t.deepEqual(drawTree(items, "/ctl/deployment/default/web", now).length, 1);
  t.is(drawTree(items, "/ctl", now).length, 3);
});

test("an explanation tells state, events and what one of them would do", (t) => {
  const actor = {
    path: "/obj/apps/deployments/default/web",
    machine: "deployment",
    version: 1,
    state: "complete",
    status: "live",
    restarts: 0,
    supervisor: "/leader/objects",
  };
  const step = { event: "paused", to: "paused", ignored: false, effects: ["timer a in 5 ms"] };
  const lines = explained({ actor, events: ["paused", "terminating"], timers: [], step });
  t.true(lines.includes("Takes:       paused, terminating"));
  t.deepEqual(lines.slice(-2), ["On paused: goes to paused", "  - timer a in 5 ms"]);
  const nothing = explained({ actor, events: [], timers: [], step: { ...step, ignored: true } });
  t.is(nothing.at(-1), "On paused: nothing");
});
