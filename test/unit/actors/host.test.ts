import test from "ava";
import type { ActorHost, HostOptions } from "../../../src/actors/runtime/actor-host.ts";
import { createHost } from "../../../src/actors/runtime/host.ts";
import type { WriteReply, WriteRequest } from "../../../src/actors/runtime/command.ts";
import type { FaultAction, SeamPoint } from "../../../src/env/faults.ts";
import { createSimEnv, type SimEnv } from "../../../src/sim/env.ts";
import { forbiddenPath } from "../../../src/kinds/status-errors.ts";
import type { CallMessage, CommandMessage } from "../../../src/raft/transport-api.ts";
import { textOf, utf8 } from "../../../src/util/bytes.ts";
import { StatusError, TransientError } from "../../../src/util/errors.ts";
import {
  configMap,
  createFakeLog,
  createFakeStore,
  fakeCodec,
  fakeDecide,
  fakeKinds,
  request,
  type FakeLog,
  type FakeStore,
} from "./fakes.ts";

interface Rig {
  readonly env: SimEnv;
  readonly store: FakeStore;
  readonly log: FakeLog;
  readonly host: ActorHost;
  readonly fatal: Error[];
  readonly write: (request: WriteRequest, deadlineMs?: number) => Pending;
}

interface Pending {
  reply: WriteReply | undefined;
  error: Error | undefined;
}

function rig(options: Partial<HostOptions> & { fault?: (point: SeamPoint) => FaultAction } = {}): Rig {
  const fault = options.fault;
  const env = createSimEnv({
    seed: 1,
    ...(fault === undefined ? {} : { faults: { enabled: true, at: fault } }),
  });
  const store = createFakeStore();
  const log = createFakeLog(env.clock);
  const fatal: Error[] = [];
  const host = createHost({
    env,
    store,
    log,
    kinds: fakeKinds,
    codec: fakeCodec,
    decide: fakeDecide,
    machines: new Map(),
    identity: { member: 1, incarnation: 1 },
    onFatal: (error) => void fatal.push(error),
    ...options,
  });
  log.listener = host;
  log.becomeLeader();
  const write = (wanted: WriteRequest, deadlineMs = 30_000): Pending => {
    const pending: Pending = { reply: undefined, error: undefined };
    host.write(wanted, { class: "user", deadlineMs }).then(
      (reply) => (pending.reply = reply),
      (error: Error) => (pending.error = error),
    );
    return pending;
  };
  return { env, store, log, host, fatal, write };
}

const codeOf = (pending: Pending): number | undefined =>
  pending.error instanceof StatusError ? pending.error.status.code : pending.reply?.code;

test("a write is answered once its entry is committed and applied, not before", async (t) => {
  const { env, store, log, write } = rig();
  log.frozen = true;
  const pending = write(request("create", "a", { object: configMap("a") }));
  await env.advance(50);
  t.is(pending.reply, undefined);
  t.is(store.tip.get("configmaps", "default", "a")?.revision, 1);
  t.is(store.committed.get("configmaps", "default", "a"), undefined);
  log.frozen = false;
  await env.advance(50);
  t.is(pending.reply?.code, 201);
  t.is(pending.reply?.object?.metadata.resourceVersion, "1");
  t.is(store.committed.get("configmaps", "default", "a")?.revision, 1);
});

test("the next write reads the tip: it does not wait for the one before it", async (t) => {
  const { env, log, write, store } = rig();
  log.frozen = true;
  const first = write(request("create", "a", { object: configMap("a") }));
  const second = write(request("update", "a", { object: configMap("a", { k: "v" }) }));
  await env.advance(10);
  t.is(store.staged.length, 2);
  log.frozen = false;
  await env.settle();
  t.is(first.reply?.revision, 1);
  t.is(second.reply?.revision, 2);
  t.deepEqual(
    store.outcomes.map((outcome) => outcome.firstRevision),
    [1, 2],
  );
});

test("a refusal leaves only after what it read is committed", async (t) => {
  const { env, log, write } = rig();
  log.frozen = true;
  write(request("create", "a", { object: configMap("a") }));
  const again = write(request("create", "a", { object: configMap("a") }));
  await env.advance(100);
  t.is(again.error, undefined, "the row it collides with is not committed yet");
  log.frozen = false;
  await env.settle();
  t.is(codeOf(again), 409);
});

test("a refusal whose tip was dropped is evaluated again in the next term", async (t) => {
  const { env, log, write } = rig();
  log.frozen = true;
  const lost = write(request("create", "a", { object: configMap("a") }), 500);
  const refused = write(request("create", "a", { object: configMap("a", { from: "second" }) }));
  await env.advance(10);
  log.loseTerm(0);
  await env.advance(1_000);
  t.is(codeOf(lost), 504, "its deadline passed while there was no leader");
  log.frozen = false;
  log.becomeLeader();
  await env.settle();
  t.is(codeOf(refused), 201);
});

test("a no-op and a dry run write no entry", async (t) => {
  const { env, log, write, store } = rig();
  write(request("create", "a", { object: configMap("a", { k: "v" }) }));
  await env.settle();
  const before = log.entries.length;
  const noop = write(request("update", "a", { object: configMap("a", { k: "v" }) }));
  const dry = write(request("create", "b", { object: configMap("b"), dryRun: true }));
  await env.settle();
  t.is(noop.reply?.revision, 1);
  t.is(dry.reply?.code, 201);
  t.is(log.entries.length, before);
  t.is(store.tip.get("configmaps", "default", "b"), undefined);
});

test("a command whose entry survived the term is answered from the log, and happens once", async (t) => {
  const { env, log, write, store } = rig();
  log.frozen = true;
  const pending = write(request("create", "a", { object: configMap("a") }));
  await env.advance(10);
  log.loseTerm(1);
  log.frozen = false;
  log.becomeLeader();
  await env.settle();
  t.is(pending.reply?.code, 201);
  t.is(pending.reply?.object?.metadata.name, "a");
  t.is(store.outcomes.length, 1);
});

test("a command whose entry was lost with the term is handed in again under the same id", async (t) => {
  const { env, log, write, store } = rig();
  log.frozen = true;
  const pending = write(request("create", "a", { object: configMap("a") }));
  await env.advance(10);
  const [first] = log.uncommitted;
  const id = fakeCodec.decodeOutcome(first?.payload ?? new Uint8Array(0)).command.sequence;
  log.loseTerm(0);
  log.frozen = false;
  log.becomeLeader();
  await env.settle();
  t.is(pending.reply?.code, 201);
  t.is(store.outcomes[0]?.command.sequence, id);
  t.is(store.outcomes.length, 1);
});

test("a log that has too much to commit is given time: nothing is lost and the term goes on", async (t) => {
  const { env, log, write, store, host } = rig();
  const propose = log.propose.bind(log);
  let refusals = 3;
  log.propose = (payload) => {
    refusals -= 1;
    if (refusals >= 0) throw new TransientError("too much is waiting", { retryAfterMs: 100 });
    return propose(payload);
  };
  const all = ["a", "b"].map((name) => write(request("create", name, { object: configMap(name) })));
  await env.settle();
  t.deepEqual(all.map(codeOf), [201, 201]);
  t.true(host.isLeader);
  t.is(store.outcomes.length, 2);
  t.true(env.clock.mono() >= 300);
});

test("without a leader a write waits, and ends as an unknown outcome at its deadline", async (t) => {
  const { env, log, write } = rig();
  log.loseTerm(0);
  const pending = write(request("create", "a", { object: configMap("a") }), 2_000);
  await env.advance(1_900);
  t.is(pending.error, undefined);
  await env.advance(200);
  t.is(codeOf(pending), 504);
  t.is((pending.error as StatusError).status.reason, "Timeout");
});

test("acknowledged results go; the result of a command that is open stays", async (t) => {
  const { env, store, write } = rig();
  for (let at = 0; at < 5; at += 1) {
    write(request("create", `c${at}`, { object: configMap(`c${at}`) }));
    await env.settle();
  }
  t.is(store.systemRows("result").length, 1, "only the newest is not acknowledged yet");
});

test("results of an earlier incarnation are dropped by the first write of the next", async (t) => {
  const { env, store, log, write } = rig();
  write(request("create", "a", { object: configMap("a") }));
  await env.settle();
  const next = createHost({
    env,
    store,
    log,
    kinds: fakeKinds,
    codec: fakeCodec,
    decide: fakeDecide,
    machines: new Map(),
    identity: { member: 1, incarnation: 2 },
    onFatal: (error) => t.fail(error.message),
  });
  log.listener = next;
  log.becomeLeader();
  const reply = next.write(request("create", "b", { object: configMap("b") }), {
    class: "user",
    deadlineMs: 1_000,
  });
  await env.settle();
  t.is((await reply).code, 201);
  t.deepEqual(
    store.systemRows("result").map(([key]) => key.slice(0, 4)),
    ["1/2/"],
  );
});

test("a full mailbox answers 429 with a time to wait, and recovers", async (t) => {
  const { env, log, write } = rig();
  log.loseTerm(0);
  const all = Array.from({ length: 80 }, () => write(request("update", "hot", { object: configMap("hot") })));
  await env.advance(1);
  const refused = all.filter((pending) => codeOf(pending) === 429);
  t.is(refused.length, 16);
  const error = refused[0]?.error;
  t.is(error instanceof StatusError && error.status.details?.retryAfterSeconds, 1);
  log.becomeLeader();
  await env.settle();
  t.is(all.filter((pending) => codeOf(pending) === 404).length, 64);
});

test("of two updates with the same precondition one is refused with 409 and none is lost", async (t) => {
  const { env, write, store } = rig({
    fault: ({ seam }) => (seam === "mailbox" ? { kind: "reorder" } : { kind: "none" }),
  });
  write(request("create", "a", { object: configMap("a") }));
  await env.settle();
  const preconditions = { resourceVersion: "1" };
  const two = ["x", "y"].map((value) =>
    write(request("update", "a", { object: configMap("a", { value }), preconditions })),
  );
  await env.settle();
  t.deepEqual(
    two.map((pending) => String(codeOf(pending))).toSorted((left, right) => (left < right ? -1 : 1)),
    ["200", "409"],
  );
  t.is(store.committed.get("configmaps", "default", "a")?.revision, 2);
});

test("a duplicated command has one outcome and one answer", async (t) => {
  const { env, write, store } = rig({
    fault: ({ seam }) => (seam === "mailbox" ? { kind: "duplicate" } : { kind: "none" }),
  });
  const pending = write(request("create", "a", { object: configMap("a") }));
  await env.settle();
  t.is(pending.reply?.code, 201);
  t.is(store.outcomes.length, 1);
});

test("an evaluation that throws is an internal error to its client alone", async (t) => {
  const { env, write, store } = rig({
    decide: (transaction, wanted) => {
      const reply = fakeDecide(transaction, wanted);
      if (wanted.name === "bad") throw new TypeError("undefined is not a function");
      return reply;
    },
  });
  const bad = write(request("create", "bad", { object: configMap("bad") }));
  const good = write(request("create", "good", { object: configMap("good") }));
  await env.settle();
  t.is(codeOf(bad), 500);
  t.is(codeOf(good), 201);
  t.is(store.tip.get("configmaps", "default", "bad"), undefined);
  t.is(good.reply?.revision, 1, "the failed one took no revision");
});

test("a note becomes an Event in the same outcome; the same note again is counted up", async (t) => {
  const { env, write, store } = rig({
    decide: (transaction, wanted) => {
      const reply = fakeDecide(transaction, wanted);
      if (wanted.kind === "configmaps") {
        const about = { kind: "configmaps", namespace: "default", name: "a", uid: "u" };
        transaction.note({ about, type: "Normal", reason: "Seen", message: "m", source: "test" });
      }
      return reply;
    },
  });
  const home = { kind: "namespaces", namespace: "", name: "default" };
  write(request("create", "default", { ...home, object: { ...configMap("default"), metadata: {} } }));
  write(request("create", "a", { object: configMap("a") }));
  write(request("update", "a", { object: configMap("a", { k: "1" }) }));
  await env.settle();
  const [event, ...others] = store.committed.list("events", { namespace: "default" });
  t.is(others.length, 0);
  const object = event?.object() as unknown as { count: number; involvedObject: { kind: string } };
  t.is(object.count, 2);
  t.is(object.involvedObject.kind, "ConfigMap");
  t.is(store.outcomes[1]?.writes.length, 2);
});

test("a source that says too much about one object is cut at 25 Events", async (t) => {
  const { env, write, store } = rig({
    decide: (transaction, wanted) => {
      const reply = fakeDecide(transaction, wanted);
      if (wanted.kind !== "configmaps") return reply;
      for (let at = 0; at < 40; at += 1) {
        const about = { kind: "configmaps", namespace: "default", name: "a", uid: "u" };
        transaction.note({ about, type: "Normal", reason: "R", message: `m${at}`, source: "test" });
      }
      return reply;
    },
  });
  const home = { kind: "namespaces", namespace: "", name: "default" };
  write(request("create", "default", { ...home, object: { ...configMap("default"), metadata: {} } }));
  write(request("create", "a", { object: configMap("a") }));
  await env.settle();
  t.is(store.committed.list("events").length, 25);
});

test("a read barrier resolves once everything acknowledged before it is applied here", async (t) => {
  const { env, host, write } = rig();
  const pending = write(request("create", "a", { object: configMap("a") }));
  await env.settle();
  t.is(pending.reply?.code, 201);
  let passed = false;
  void host.readBarrier().then(() => (passed = true));
  t.false(passed);
  await env.settle();
  t.true(passed);
});

test("a store that refuses a committed entry ends the process instead of going on", async (t) => {
  const { env, fatal, host, store } = rig();
  const outcome = {
    command: { member: 2, incarnation: 1, sequence: 1, resultsUpTo: 0 },
    now: 1,
    cause: { origin: "user", actor: "x", event: "create" },
    digest: { a: 0, b: 0 },
    firstRevision: 99,
    writes: [{ op: "delete", kind: "pods", namespace: "d", name: "n", expected: 1 }],
    system: [],
    messages: [],
    reply: { code: 200, revision: 99 },
  } as const;
  host.committed([
    {
      index: store.applied + 50,
      term: 1,
      kind: "normal",
      payload: fakeCodec.encodeOutcome(outcome),
    },
  ]);
  await env.settle();
  t.is(fatal.length, 1);
});

test("the cluster clock never goes back when wall time does", async (t) => {
  const { env, host } = rig();
  const first = host.now();
  env.clock.skewMs = -600_000;
  await env.advance(1_000);
  const second = host.now();
  t.true(second > first);
  t.true(second - first >= 949 && second - first <= 1_051, `${second - first} ms in one second`);
});

test("a turn that takes more than 50 ms is kept, counted, logged, and shown with its object", async (t) => {
  const simulated = createSimEnv({ seed: 1 });
  let lostMs = 0;
  const clock: SimEnv["clock"] = Object.create(simulated.clock, {
    mono: { value: () => simulated.clock.mono() + lostMs },
  });
  const { env, store, host, log, write } = rig({
    env: { ...simulated, clock },
    decide: (transaction, wanted) => {
      lostMs += wanted.name === "slow" ? 51 : 50;
      return fakeDecide(transaction, wanted);
    },
  });
  t.not(env, simulated);
  log.becomeLeader();
  const slow = write(request("create", "slow", { object: configMap("slow") }));
  const quick = write(request("create", "quick", { object: configMap("quick") }));
  // The log has a clock of its own here.
  for (let at = 0; at < 10; at += 1) {
    await simulated.advance(100);
    await env.advance(100);
  }
  t.is(codeOf(slow), 201, "nothing is rolled back");
  t.is(codeOf(quick), 201);
  t.truthy(store.committed.get("configmaps", "default", "slow"));
  const turns = [...host.turns.slow()];
  t.is(turns.length, 1);
  t.true(turns[0]![0].startsWith("/obj/core/configmaps/default/slow#"), turns[0]![0]);
  t.deepEqual(turns[0]![1], { count: 1, last: "create took 51 ms" });
  t.like(host.actors.get("obj.core.configmaps.default.slow"), { slowTurns: 1, lastError: "create took 51 ms" });
  t.is(host.actors.get("obj.core.configmaps.default.quick")?.slowTurns, undefined);
  t.true(host.turns.text().includes('troupe_actor_faults_total{kind="slow-turn"} 1'));
  t.true(simulated.lines.some(({ event }) => event === "turn-slow"));
});

test("a follower whose leader does not answer says what its client's write made, whatever was written later", async (t) => {
  const leader = rig();
  const { env, store, log } = rig();
  let sent: CallMessage | undefined;
  const follower = createHost({
    env,
    store,
    log: { ...log, role: "follower", term: 1, leader: 1, readIndex: () => new Promise(() => undefined) },
    kinds: fakeKinds,
    codec: fakeCodec,
    decide: fakeDecide,
    machines: new Map(),
    identity: { member: 2, incarnation: 1 },
    forward: { send: (_to, message) => void (sent = message) },
    onFatal: (error) => t.fail(error.message),
  });
  const evaluator = createHost({
    ...fakeWorld(leader),
    identity: { member: 1, incarnation: 1 },
    forward: { send: () => undefined },
    onFatal: (error) => t.fail(error.message),
  });
  leader.log.listener = evaluator;
  evaluator.role("leader", 1);
  const pending = follower.write(request("create", "a", { object: configMap("a", { v: "mine" }) }), {
    class: "user",
    deadlineMs: 30_000,
  });
  if (sent !== undefined && sent.type !== "relay") evaluator.called(2, sent);
  await leader.env.advance(10);
  await evaluatorWrites(leader, evaluator);
  follower.committed(leader.log.entries.filter(({ kind }) => kind === "normal"));
  await env.advance(300);
  const { revision, object } = await pending;
  t.is(revision, 1);
  t.is(object?.metadata.resourceVersion ?? String(revision), "1");
  t.deepEqual((object as { readonly data?: object } | undefined)?.data, { v: "mine" });
});

function fakeWorld({ env, store, log }: Pick<Rig, "env" | "store" | "log">): Omit<HostOptions, "identity" | "onFatal"> {
  return { env, store, log, kinds: fakeKinds, codec: fakeCodec, decide: fakeDecide, machines: new Map() };
}

/** Another client replaces what was made. */
async function evaluatorWrites({ env }: Rig, host: ActorHost): Promise<void> {
  const object = configMap("a", { v: "another's" });
  const reply = host.write(request("update", "a", { object }), { class: "user", deadlineMs: 30_000 });
  await env.advance(10);
  await reply;
}

test("a leader whose state is a snapshot's decides at no time before it, whatever its wall clock says", async (t) => {
  const { env, log } = rig();
  const later = env.clock.wall() + 3_600_000;
  const host = createHost({
    ...fakeWorld({ env, store: Object.assign(createFakeStore(), { decidedMs: later }), log }),
    identity: { member: 1, incarnation: 1 },
    onFatal: (error) => t.fail(error.message),
  });
  t.true(host.now() >= later);
  host.stop();
});

/** A command of member 2, and what it is answered. */
function guest(options: Partial<HostOptions>): {
  readonly rig: Rig;
  readonly command: (term: number, asked?: object) => CommandMessage;
  readonly answers: () => readonly object[];
} {
  const sent: CallMessage[] = [];
  const made = rig({ ...options, forward: { send: (_to, message) => void sent.push(message) } });
  return {
    rig: made,
    command: (term, asked = {}) => ({
      type: "command",
      term,
      incarnation: 3,
      sequence: 1,
      resultsUpTo: 0,
      body: utf8(
        JSON.stringify({
          class: "user",
          deadlineMs: 5_000,
          asked: [asked],
          request: request("create", "a", { object: configMap("a") }),
        }),
      ),
    }),
    answers: () =>
      sent.flatMap((message) => (message.type === "answer" ? [JSON.parse(textOf(message.body)) as object] : [])),
  };
}

test("what another master let a user do is authorised again by the leader, and refused where it may not", async (t) => {
  const asked: unknown[] = [];
  const {
    rig: made,
    command,
    answers,
  } = guest({
    authorizeAgain(user, what) {
      asked.push({ user: user.name, what });
      throw forbiddenPath("no");
    },
  });
  made.host.called(2, command(made.log.term, { verb: "create" }));
  await made.env.settle();
  t.is(made.store.committed.get("configmaps", "default", "a"), undefined);
  t.like(answers()[0], { status: { code: 403 } });
  t.is(asked.length, 1);
  t.deepEqual(asked[0], { user: request("create", "a").user.name, what: [{ verb: "create" }] });
});

test("a command that comes when this member has won but not yet begun its term waits for that", async (t) => {
  const { rig: made, command, answers } = guest({});
  made.log.loseTerm(0);
  const term = made.log.term + 1;
  made.log.win();
  made.host.called(2, command(term));
  await made.env.advance(20);
  t.deepEqual(answers(), []);
  made.log.begin();
  await made.env.advance(100);
  t.like(answers()[0], { reply: { code: 201 } });
  t.is(answers().length, 1);
});
