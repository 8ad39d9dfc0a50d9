import test from "ava";
import { encodeConfig, quorumValue, votersOnly } from "../../../src/raft/core/config.ts";
import { createState } from "../../../src/raft/core/state.ts";
import type { InitialState, State } from "../../../src/raft/core/state.ts";
import { step } from "../../../src/raft/core/step.ts";
import type { Config, Effect, Entry, Message } from "../../../src/raft/core/types.ts";
import { entry } from "./support/log.ts";

/** Rules that one message to one member shows best. */
function member(entries: readonly Entry[], more?: Partial<InitialState>): State {
  const term = entries.at(-1)?.term ?? 1;
  return createState({
    id: 2,
    hardState: { term, votedFor: 0 },
    snapshot: { index: 0, term: 0, config: votersOnly([1, 2, 3]) },
    entries,
    now: 0,
    seed: 1,
    ...more,
  });
}

const hear = (state: State, message: Message, from = 1): readonly Effect[] =>
  step(state, { type: "message", from, message });

const append = (more: Partial<Extract<Message, { type: "append" }>>): Message => ({
  type: "append",
  term: 3,
  prevIndex: 0,
  prevTerm: 0,
  commit: 0,
  entries: [],
  ...more,
});

test("a follower commits no further than what the append has proved, however long its own tail is", (t) => {
  const state = member([entry(1, 1), entry(2, 2), entry(3, 2), entry(4, 2)]);
  hear(state, append({ prevIndex: 1, prevTerm: 1, entries: [entry(2, 2)], commit: 4 }));
  t.is(state.commit, 2);
  t.is(state.log.lastIndex, 4, "a stale, shorter append cuts nothing");
});

test("a conflict at a committed entry ends the process; it is never cut off", (t) => {
  const state = member([entry(1, 1), entry(2, 2)]);
  hear(state, append({ prevIndex: 1, prevTerm: 1, entries: [entry(2, 3)] }));
  t.is(state.log.termAt(2), 3, "what is not committed gives way");
  hear(state, append({ prevIndex: 2, prevTerm: 3, commit: 2 }));
  for (const prev of [{}, { prevIndex: 1, prevTerm: 1 }]) {
    const entries = prev.prevIndex === 1 ? [entry(2, 4)] : [entry(1, 1), entry(2, 4)];
    const effects = hear(state, append({ term: 4, ...prev, entries }));
    t.deepEqual(
      effects.filter(({ type }) => type === "fatal"),
      [{ type: "fatal", why: "entry 2 is committed, and the leader has another" }],
    );
    t.is(state.log.termAt(2), 3);
  }
});

const heartbeat = (term: number, commit: number, commitTerm: number): Message => ({
  type: "heartbeat",
  term,
  commit,
  commitTerm,
  readRound: 0,
  sentAt: 0,
  floor: 0,
});

test("a leader that knows more of our log than we have meets a lost disk: fatal", (t) => {
  const state = member([entry(1, 1)]);
  const effects = hear(state, heartbeat(1, 2, 1));
  t.deepEqual(
    effects.filter(({ type }) => type === "fatal"),
    [{ type: "fatal", why: "the leader knows our log up to 2, but it ends at 1" }],
  );
});

// What a leader knows of a log it was told before the log lost its end, and with it that older entries had been cut off.
const cutOffOnce = [entry(1, 1), entry(2, 2), entry(3, 2), entry(4, 2)];

test("entries that were cut off once and are back are not committed for what the leader knew before", (t) => {
  const state = member(cutOffOnce, { isDamaged: true });
  const effects = hear(state, heartbeat(3, 3, 3));
  t.is(state.commit, 0);
  t.false(effects.some(({ type }) => type === "fatal" || type === "commit"));
  hear(state, append({ prevIndex: 1, prevTerm: 1, entries: [entry(2, 3), entry(3, 3)], commit: 3 }));
  t.is(state.commit, 3, "the leader sends its own instead");
  t.is(state.log.termAt(3), 3);
});

test("a log whose cut end had been acknowledged is damaged, also where it is as long as the leader knows it", (t) => {
  const state = member(cutOffOnce, { hasCutTail: true });
  hear(state, heartbeat(3, 3, 3));
  t.is(state.commit, 0);
  t.true(state.isDamaged);
});

test("a log that has lost nothing as far as it can tell, and holds another entry than the leader knows: fatal", (t) => {
  const state = member(cutOffOnce);
  const effects = hear(state, heartbeat(3, 3, 3));
  t.is(state.commit, 0);
  t.deepEqual(
    effects.filter(({ type }) => type === "fatal"),
    [{ type: "fatal", why: "the leader knows entry 3 of our log with term 3, but its term is 2" }],
  );
});

test("a heartbeat commits what both logs hold; a term that the leader no longer knows proves nothing", (t) => {
  const state = member(cutOffOnce);
  hear(state, heartbeat(3, 3, 0));
  t.is(state.commit, 0);
  hear(state, heartbeat(3, 3, 2));
  t.is(state.commit, 3);
  const effects = hear(state, heartbeat(3, 2, 3));
  t.is(state.commit, 3, "below the commit index nothing is asked");
  t.false(effects.some(({ type }) => type === "fatal"));
});

test("a log that may have lost its end gives shorter logs no vote, until a leader was heard", (t) => {
  const vote = (term: number, lastIndex: number): Message => ({
    type: "vote",
    term,
    lastIndex,
    lastTerm: 1,
    reason: "timeout",
  });
  const granted = (state: State, message: Message): boolean =>
    hear(state, message, 3).some(
      (effect) => effect.type === "send" && effect.message.type === "voteResp" && effect.message.granted,
    );
  t.false(granted(member([entry(1, 1)], { doubtUpTo: 3 }), vote(2, 1)));
  t.true(granted(member([entry(1, 1)], { doubtUpTo: 3 }), vote(2, 3)));
  const state = member([entry(1, 1)], { doubtUpTo: 3 });
  hear(state, heartbeat(1, 0, 0));
  step(state, { type: "tick", now: 400 });
  step(state, { type: "tick", now: 800 });
  step(state, { type: "tick", now: 1_010 });
  t.true(granted(state, vote(2, 1)));
});

test("a configuration holds from the moment it is in the log, and goes when its entry is cut", (t) => {
  const joint: Config = { ...votersOnly([1, 2, 4]), outgoing: [1, 2, 3] };
  const change: Entry = { index: 2, term: 2, kind: "config", payload: encodeConfig(joint) };
  const state = member([entry(1, 1)]);
  hear(state, append({ term: 2, prevIndex: 1, prevTerm: 1, entries: [change] }));
  t.deepEqual(state.configs.current, joint);
  hear(state, append({ prevIndex: 1, prevTerm: 1, entries: [entry(2, 3)] }));
  t.deepEqual(state.configs.current, votersOnly([1, 2, 3]));
  t.deepEqual(member([entry(1, 1), change]).configs.current, joint, "also when it is read back");
});

test("in a joint configuration both majorities must agree", (t) => {
  const joint: Config = { ...votersOnly([1, 2, 4]), outgoing: [1, 2, 3] };
  const match = new Map([
    [1, 9],
    [2, 5],
    [3, 9],
    [4, 1],
  ]);
  t.is(
    quorumValue(joint, (id) => match.get(id) ?? 0),
    5,
  );
  t.is(
    quorumValue({ ...joint, incoming: [1, 4, 5] }, (id) => match.get(id) ?? 0),
    1,
  );
});

test("what waits to be committed is bounded; an empty window takes one of any size", (t) => {
  const state = createState({
    id: 1,
    hardState: { term: 0, votedFor: 0 },
    snapshot: { index: 0, term: 0, config: votersOnly([1]) },
    entries: [],
    now: 0,
    seed: 1,
    settings: { uncommittedBytesMax: 10 },
  });
  step(state, { type: "campaign" });
  step(state, { type: "persisted", seq: 1 });
  step(state, { type: "persisted", seq: 2 });
  const propose = (bytes: number): readonly string[] =>
    step(state, { type: "propose", payloads: [new Uint8Array(bytes)], kind: "normal" }).map(({ type }) => type);
  t.deepEqual(propose(20), ["persist"]);
  t.deepEqual(propose(1), ["reject"]);
  step(state, { type: "persisted", seq: 3 });
  t.is(state.uncommittedBytes, 0);
  t.deepEqual(propose(9), ["persist"]);
});
