import test from "ava";
import { decodeConfig, encodeConfig, isJoint, votersOnly } from "../../../src/raft/core/config.ts";
import { adviceOn, leftJoint, planChange } from "../../../src/raft/core/membership.ts";
import type { Config, ConfigChange, Input } from "../../../src/raft/core/types.ts";
import { Cluster } from "./support/cluster.ts";

/** Everyone ticks, disks and network do all there is to do, until `ms` have passed. */
function run(cluster: Cluster, ms: number, isLost: (from: number, to: number) => boolean = () => false): void {
  for (const end = cluster.now + ms; cluster.now < end; cluster.now += 50) {
    for (const id of cluster.members.keys()) cluster.input(id, { type: "tick", now: cluster.now });
    for (let wave = 0; wave < 12; wave += 1) {
      for (const id of cluster.members.keys()) cluster.persist(id);
      for (const packet of cluster.network.splice(0)) {
        if (!isLost(packet.from, packet.to)) cluster.deliver(packet);
      }
    }
  }
}

function led(ids: readonly number[]): Cluster {
  const cluster = new Cluster(ids);
  cluster.input(1, { type: "campaign" });
  run(cluster, 200);
  return cluster;
}

const learner = (id: number, isReader = false): ConfigChange => ({
  type: "addLearner",
  id,
  address: `m${id}:6445`,
  isReader,
});
const change = (asked: ConfigChange, isForced = false): Input => ({ type: "changeConfig", change: asked, isForced });
const voters = (cluster: Cluster, id = 1): readonly number[] => cluster.member(id).state.configs.current.incoming;
const propose = (word: string): Input => ({
  type: "propose",
  payloads: [new TextEncoder().encode(word)],
  kind: "normal",
});

test("one member grows to three: learners catch up and are promoted after five seconds, joint changes are left", (t) => {
  const cluster = led([1]);
  for (const id of [2, 3]) {
    cluster.add(id);
    cluster.input(1, change(learner(id)));
    run(cluster, 100);
    t.deepEqual(voters(cluster), [1]);
  }
  run(cluster, 4_000);
  t.deepEqual(voters(cluster), [1], "not before the five seconds are over");
  run(cluster, 2_000);
  for (const id of [1, 2, 3]) {
    const { state } = cluster.member(id);
    t.deepEqual(state.configs.current.incoming, [1, 2, 3]);
    t.false(isJoint(state.configs.current));
    t.is(state.role, id === 1 ? "leader" : "follower");
    t.deepEqual(
      state.configs.current.directory.map(({ address }) => address),
      ["m2:6445", "m3:6445"],
    );
  }
});

test("a learner that is cut off or that only reads is not promoted; a stuck one goes, a reader stays", (t) => {
  const cluster = led([1]);
  cluster.add(2);
  cluster.input(1, change(learner(2, true)));
  run(cluster, 100);
  cluster.add(3);
  cluster.input(1, change(learner(3)));
  run(cluster, 10_000, (_, to) => to === 3);
  t.deepEqual(voters(cluster), [1]);
  cluster.input(1, propose("x"));
  const { state } = cluster.member(1);
  cluster.now += 900_000;
  run(cluster, 500, (_, to) => to === 3);
  t.deepEqual(state.configs.current.removed, [3]);
  t.deepEqual(state.configs.current.learners, [2]);
});

test("a removed member that missed its end is told when it asks for votes, and disturbs no one", (t) => {
  const cluster = led([1, 2, 3]);
  cluster.input(1, change({ type: "remove", ids: [3] }));
  run(cluster, 500, (from, to) => from === 3 || to === 3);
  t.deepEqual(voters(cluster), [1, 2]);
  const told: string[] = [];
  cluster.trace = (id, effect) => {
    if (effect.type === "removed") told.push(`${id}`);
  };
  const { term } = cluster.member(1).state;
  run(cluster, 5_000);
  t.true(told.includes("3"));
  t.is(cluster.member(1).state.term, term);
  t.is(cluster.member(1).state.role, "leader");
});

test("a change after which too few voters would answer is refused, unless it is forced", (t) => {
  const cluster = led([1, 2, 3]);
  run(cluster, 3_000, (from, to) => from === 3 || to === 3);
  const answers: string[] = [];
  cluster.trace = (_, effect) => {
    if (effect.type === "change") answers.push(effect.refusal);
  };
  cluster.input(1, change({ type: "remove", ids: [2] }));
  t.deepEqual(answers, ["of the voters 1, 3 too few answer: 3 are silent"]);
  cluster.input(1, change({ type: "remove", ids: [2] }, true));
  t.is(answers[1], "");
});

test("a learner that lacks much of the log is promoted by no one, unless it is forced", (t) => {
  const cluster = led([1]);
  cluster.add(2);
  cluster.input(1, change(learner(2, true)));
  run(cluster, 100);
  const words = Array.from({ length: 1_200 }, () => new Uint8Array(1));
  cluster.input(1, { type: "propose", payloads: words, kind: "normal" });
  run(cluster, 200, (_, to) => to === 2);
  const answers: string[] = [];
  cluster.trace = (_, effect) => {
    if (effect.type === "change") answers.push(effect.refusal);
  };
  // A reader that answers, and is far behind.
  cluster.member(1).state.progress.get(2)!.heardAt = cluster.now;
  cluster.input(1, change({ type: "promote", ids: [2] }));
  run(cluster, 500);
  cluster.input(1, change({ type: "promote", ids: [2] }));
  run(cluster, 500);
  t.deepEqual(answers, ["not caught up: 2", ""]);
  t.deepEqual(voters(cluster), [1, 2]);
});

test("leadership goes to the asked successor within a round trip, and no write gets lost on the way", (t) => {
  const cluster = led([1, 2, 3]);
  cluster.input(1, propose("a"));
  cluster.input(1, { type: "transfer", to: 0 });
  run(cluster, 100);
  t.is(cluster.member(1).state.role, "follower");
  const { leader } = cluster.member(1).state;
  t.not(leader, 0);
  t.is(cluster.member(leader).committed.filter(({ kind }) => kind === "normal").length, 1);
  t.is(cluster.member(leader).state.transferTo, 0);
});

test("a full disk: the leader hands over, a follower asks for votes last", (t) => {
  const cluster = led([1, 2, 3]);
  cluster.input(1, { type: "room", isFull: true });
  run(cluster, 200);
  t.is(cluster.member(1).state.role, "follower");
  const leader = cluster.member(1).state.leader;
  t.not(leader, 1);
  run(cluster, 1_900, (from, to) => from === leader || to === leader);
  t.not(cluster.member(1).state.role, "leader");
  const lone = led([1]);
  lone.input(1, { type: "room", isFull: true });
  const refusals: string[] = [];
  lone.trace = (_, effect) => {
    if (effect.type === "reject") refusals.push(effect.why);
  };
  lone.input(1, propose("x"));
  t.deepEqual(refusals, ["diskFull"]);
});

test("a member whose log was damaged gives no vote until the leader has sent all it may have acknowledged", (t) => {
  const cluster = led([1, 2, 3]);
  for (const word of ["a", "b", "c"]) cluster.input(1, propose(word));
  run(cluster, 300);
  const damaged = cluster.member(3);
  damaged.disk = damaged.disk.slice(0, 2);
  damaged.crash(cluster.now, true);
  run(cluster, 3_000, (from, to) => from === 1 || to === 1);
  t.true(damaged.state.isDamaged);
  t.not(cluster.member(2).state.role, "leader", "a damaged member's vote would be needed");
  t.is(damaged.state.votedFor, cluster.member(3).hardState.votedFor);
  run(cluster, 3_000);
  t.false(damaged.state.isDamaged);
  t.is(damaged.state.log.lastIndex, cluster.member(1).state.log.lastIndex);
  run(cluster, 8_000, (from, to) => from === 1 || to === 1);
  const leader = cluster.member(2).state.role === "leader" ? 2 : 3;
  t.is(cluster.member(leader).state.role, "leader");
  t.is(cluster.member(leader).committed.filter(({ kind }) => kind === "normal").length, 3);
});

test("a tail that was cut in doubt and was acknowledged after all is repaired, not fatal", (t) => {
  const cluster = led([1, 2, 3]);
  for (const word of ["a", "b", "c"]) cluster.input(1, propose(word));
  run(cluster, 300);
  const torn = cluster.member(3);
  torn.disk = torn.disk.slice(0, -1);
  torn.crash(cluster.now, false, 4);
  const said: boolean[] = [];
  cluster.trace = (_, effect) => {
    if (effect.type === "damage") said.push(effect.isDamaged);
  };
  run(cluster, 500);
  t.is(torn.fatal, undefined);
  t.deepEqual(said, [true, false]);
  t.is(torn.state.log.lastIndex, 4);
});

test("what a change leads to, and what is refused", (t) => {
  const config: Config = { ...votersOnly([1, 2, 3]), learners: [4], removed: [9] };
  const refusal = (asked: ConfigChange): string => planChange(config, asked, 2).refusal ?? "";
  t.is(refusal(learner(9)), "9 was removed; its id is never used again");
  t.is(refusal(learner(4)), "4 is a member already");
  t.is(refusal({ type: "promote", ids: [5] }), "5 is not a learner");
  t.is(refusal({ type: "remove", ids: [1, 2, 3] }), "no voter would be left");
  t.is(refusal({ type: "setAddress", id: 7, address: "x" }), "7 is not a member");
  t.is(planChange({ ...config, learners: [4, 5] }, learner(6), 2).refusal, "2 members are learning already");
  const planned = planChange(config, { type: "replace", remove: 3, promote: 4 }, 2);
  t.like(planned.refusal === undefined && planned.config, {
    incoming: [1, 2, 4],
    outgoing: [1, 2, 3],
    removed: [3, 9],
  });
  t.like(planned.refusal === undefined && leftJoint(planned.config), { incoming: [1, 2, 4], outgoing: [] });
  const voting = planChange(votersOnly([1, 2, 3, 4]), { type: "replace", remove: 3, promote: 4 }, 2);
  t.like(voting.refusal === undefined && voting.config, { incoming: [1, 2, 4], removed: [3] });
  const without = planChange(config, { type: "remove", ids: [4] }, 2);
  t.like(without.refusal === undefined && without.config, { outgoing: [], learners: [], removed: [4, 9] });
  t.is(adviceOn(config), "");
  t.regex(adviceOn(votersOnly([1, 2])), /^2 voters survive the loss of no more than 0/);
});

test("a configuration with a directory has the second format, one without keeps the first one's bytes", (t) => {
  const plain = votersOnly([1, 2]);
  t.is(encodeConfig(plain)[0], 1);
  const full: Config = {
    ...plain,
    removed: [7],
    directory: [{ id: 1, address: "a:1", isReader: false }],
  };
  t.is(encodeConfig(full)[0], 2);
  t.deepEqual(decodeConfig(encodeConfig(full)), full);
  t.deepEqual(decodeConfig(encodeConfig(plain)), plain);
});

test("a snapshot takes the place of a log that ends before it, and is left aside by one that is further", (t) => {
  const cluster = led([1, 2, 3]);
  const { state } = cluster.member(2);
  const point = { index: 40, term: 1, config: { ...votersOnly([1, 2, 3]), removed: [8] } };
  const effects = cluster.input(2, { type: "snapshotReceived", from: 1, term: 1, snapshot: point });
  t.deepEqual(
    effects.map(({ type }) => type),
    ["persist", "send", "restore", "config"],
  );
  t.is(state.commit, 40);
  t.deepEqual(state.configs.current.removed, [8]);
  t.true(state.log.isUpToDate(40, 1));
  const late = cluster.input(2, {
    type: "snapshotReceived",
    from: 1,
    term: 1,
    snapshot: { index: 20, term: 1, config: votersOnly([1]) },
  });
  t.deepEqual(
    late.map(({ type }) => type),
    ["send"],
  );
});
