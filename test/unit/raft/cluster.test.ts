import test from "ava";
import type { ExecutionContext } from "ava";
import type { Entry } from "../../../src/raft/core/types.ts";
import { Cluster } from "./support/cluster.ts";
import type { Packet } from "./support/cluster.ts";
import { createRng } from "./support/rng.ts";

/**
 * Three or five members in memory under chance: messages are lost, doubled, reordered; members die
 * and lose what they had not synced. After every step the rules of Raft are checked; after the
 * last fault the cluster must find a leader and agree.
 */
const rounds = 80;
const stepsPerRound = 1_500;

for (const size of [3, 5]) {
  test(`${size} members agree, whatever is lost, doubled, reordered or crashed`, (t) => {
    for (let seed = 1; seed <= rounds; seed += 1) new Chaos(t, size, seed).run();
    t.pass();
  });
}

class Chaos {
  readonly #t: ExecutionContext;
  readonly #label: string;
  readonly #rng: ReturnType<typeof createRng>;
  readonly #cluster: Cluster;
  readonly #ids: readonly number[];
  /** What is known to be committed, by index. */
  readonly #committed: Entry[] = [];
  readonly #leaderOf: Map<number, number> = new Map();
  #proposals = 0;

  constructor(t: ExecutionContext, size: number, seed: number) {
    this.#t = t;
    this.#label = `size ${size} seed ${seed}`;
    this.#rng = createRng(seed * 31 + size);
    this.#ids = Array.from({ length: size }, (_, at) => at + 1);
    this.#cluster = new Cluster(this.#ids, { settings: { inflightMessagesMax: 4, appendBytesMax: 8 } });
  }

  run(): void {
    for (let n = 0; n < stepsPerRound; n += 1) {
      this.#act();
      this.#check();
    }
    this.#heal();
    this.#t.true(this.#leaderOf.size > 1, `${this.#label}: leaders changed`);
  }

  #act(): void {
    const id = this.#ids[this.#rng.below(this.#ids.length)] as number;
    const member = this.#cluster.member(id);
    const chance = this.#rng.below(100);
    if (chance < 62) this.#deliverOne();
    else if (chance < 82) this.#cluster.persist(id, 1 + this.#rng.below(3));
    else if (chance < 86) {
      this.#cluster.now += this.#rng.below(400);
      this.#cluster.input(id, { type: "tick", now: this.#cluster.now });
    } else if (chance < 94) {
      this.#proposals += 1;
      const payloads = [new TextEncoder().encode(`p${this.#proposals}`)];
      for (const to of this.#ids) this.#cluster.input(to, { type: "propose", payloads, kind: "normal" });
    } else if (chance < 97) this.#loseLeader(id);
    else if (chance < 99) member.crash(this.#cluster.now);
    else this.#cluster.network.length = 0;
  }

  /** Every connection to one member breaks, and another asks for votes. */
  #loseLeader(id: number): void {
    for (const other of this.#ids) {
      if (other !== id) this.#cluster.input(other, { type: "link", peer: id, isUp: false });
    }
    const asker = this.#ids[this.#rng.below(this.#ids.length)] as number;
    this.#cluster.input(asker, { type: "campaign" });
    for (const other of this.#ids) {
      if (other !== id) this.#cluster.input(other, { type: "link", peer: id, isUp: true });
    }
  }

  /** Any message under way: delivered, doubled or lost. */
  #deliverOne(): void {
    const { network } = this.#cluster;
    if (network.length === 0) return;
    const [packet] = network.splice(this.#rng.below(network.length), 1) as [Packet];
    const fate = this.#rng.below(20);
    if (fate === 0) return;
    if (fate === 1) network.push(packet);
    this.#cluster.deliver(packet);
  }

  #check(): void {
    for (const id of this.#ids) {
      const { state, committed, fatal, disk } = this.#cluster.member(id);
      this.#must(fatal === undefined, `member ${id} contradicts itself: ${fatal}`);
      if (state.role === "leader") {
        const other = this.#leaderOf.get(state.term) ?? id;
        this.#must(other === id, `${other} and ${id} both lead term ${state.term}`);
        this.#leaderOf.set(state.term, id);
        this.#checkComplete(id);
      }
      for (const entry of committed.slice(-4)) this.#checkCommitted(entry);
      this.#must(state.durable <= state.log.lastIndex, `member ${id} is durable past its log`);
      const prefix = disk.filter(({ index }) => index <= state.durable);
      this.#must(prefix.length === state.durable, `member ${id} has less on disk than it says`);
      for (const progress of state.progress.values()) {
        const sum = progress.inflight.reduce((all, { bytes }) => all + bytes, 0);
        this.#must(sum === progress.inflightBytes, "the window's bytes are the sum of its appends");
      }
    }
  }

  /** Once committed anywhere, an entry never differs, and a majority holds it on disk. */
  #checkCommitted(entry: Entry): void {
    const known = this.#committed[entry.index];
    if (known !== undefined) {
      this.#must(known.term === entry.term, `entry ${entry.index} was committed as two`);
      return;
    }
    this.#committed[entry.index] = entry;
    const holders = this.#ids.filter((id) =>
      this.#cluster.member(id).disk.some((held) => held.index === entry.index && held.term === entry.term),
    );
    this.#must(holders.length * 2 > this.#ids.length, `entry ${entry.index} is on ${holders.length} disks`);
  }

  /** A leader of the newest term holds all that was ever committed. */
  #checkComplete(id: number): void {
    const { state } = this.#cluster.member(id);
    if (state.term < Math.max(...this.#leaderOf.keys())) return;
    for (const entry of this.#committed.slice(-6)) {
      if (entry === undefined) continue;
      const isThere = entry.index <= state.log.lastIndex && state.log.termAt(entry.index) === entry.term;
      this.#must(isThere, `the leader of term ${state.term} lacks entry ${entry.index}`);
    }
  }

  #must(holds: boolean, what: string): void {
    if (!holds) this.#t.fail(`${this.#label}: ${what}`);
    if (!holds) throw new Error(what);
  }

  /** No more faults: a leader within a few election times, equal logs, all proposals settled. */
  #heal(): void {
    const cluster = this.#cluster;
    for (const id of this.#ids) {
      for (const peer of this.#ids) {
        if (peer !== id) cluster.input(id, { type: "link", peer, isUp: true });
      }
    }
    for (let turn = 0; turn < 400; turn += 1) {
      cluster.now += 25;
      for (const id of this.#ids) cluster.input(id, { type: "tick", now: cluster.now });
      for (let wave = 0; wave < 8; wave += 1) {
        for (const id of this.#ids) cluster.persist(id);
        for (const packet of cluster.network.splice(0)) cluster.deliver(packet);
      }
      this.#check();
    }
    const leaders = this.#ids.filter((id) => cluster.member(id).state.role === "leader");
    this.#must(leaders.length === 1, `after healing there are ${leaders.length} leaders`);
    const logs = this.#ids.map((id) => {
      const { log, commit } = cluster.member(id).state;
      return `${commit}:${log
        .slice(1, log.lastIndex)
        .map(({ term }) => term)
        .join(",")}`;
    });
    this.#must(new Set(logs).size === 1, `after healing the logs differ: ${logs.join(" | ")}`);
  }
}
