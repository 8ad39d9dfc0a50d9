import type { Crypto, Rng } from "../../env/env.ts";
import { TransientError, UserError, invariant, messageOf } from "../../util/errors.ts";
import { utf8 } from "../../util/bytes.ts";
import { createSimClock } from "../clock.ts";
import type { SimClock } from "../clock.ts";
import { createRng } from "../random.ts";
import { Checker } from "./checker.ts";
import type { Machine } from "./machine.ts";
import { SimMember } from "./member.ts";
import type { Constants } from "./member.ts";
import { Network } from "./network.ts";

/**
 * A cluster of real logs (core, driver, write-ahead log, snapshots) on simulated disks, network and
 * time, with clients that write and read, and a checker that sees all. Everything follows from the
 * seed.
 */
export interface WorldOptions {
  readonly seed: number;
  readonly crypto: Crypto;
  /** One line an event, without its end. */
  readonly trace?: (line: string) => void;
}

export class World {
  readonly seed: number;
  readonly clock: SimClock;
  readonly network: Network;
  readonly checker: Checker;
  readonly constants: Constants;
  readonly members: SimMember[] = [];
  /** How often each thing happened. */
  readonly counts: Map<string, number> = new Map();
  readonly #crypto: Crypto;
  readonly #clients: Rng;
  readonly #trace: ((line: string) => void) | undefined;
  #digest = 0;
  #events = 0;
  #lastOperation = 0;
  #lastMember = 0;
  #voters: readonly number[] = [];
  #hasClients = false;
  attempted = 0;

  constructor({ seed, crypto, trace }: WorldOptions) {
    this.seed = seed;
    this.#crypto = crypto;
    this.#trace = trace;
    const shape = createRng(seed, "shape");
    this.clock = createSimClock(createRng(seed, "ties"), { shuffle: true });
    this.network = new Network(this.clock, createRng(seed, "network"));
    this.checker = new Checker(crypto);
    this.#clients = createRng(seed, "clients");
    this.constants = drawConstants(shape);
    this.network.onSend = (from, to, message) => this.checker.sent(from, to, message);
    const size = [1, 2, 3, 3, 3, 3, 4, 5, 5][shape.below(9)] as number;
    this.#voters = Array.from({ length: size }, (_, at) => at + 1);
    for (const _ of this.#voters) this.#add(this.#voters);
  }

  get digest(): string {
    return (this.#digest >>> 0).toString(16).padStart(8, "0");
  }

  get events(): number {
    return this.#events;
  }

  start(): void {
    for (const member of this.members) member.start();
    this.#hasClients = true;
    this.#client();
  }

  stopClients(): void {
    this.#hasClients = false;
  }

  note(event: string, member = 0, fields = ""): void {
    this.counts.set(event, (this.counts.get(event) ?? 0) + 1);
    this.#events += 1;
    const line = `t=${this.clock.mono().toFixed(6)} n=m${member} k=${event}${fields === "" ? "" : ` ${fields}`}`;
    this.#digest = Math.imul(this.#digest, 31) ^ this.#crypto.crc32(utf8(line));
    this.#trace?.(line);
  }

  after(ms: number, run: () => void): void {
    this.clock.after(ms, run, { daemon: true });
  }

  /** A machine that is not part of the cluster yet. */
  addJoiner(): SimMember {
    return this.#add([]);
  }

  get nextId(): number {
    return this.#lastMember + 1;
  }

  #add(voters: readonly number[]): SimMember {
    this.#lastMember += 1;
    const { seed, clock, network, checker, constants } = this;
    const member = new SimMember({
      id: this.#lastMember,
      seed,
      clock,
      crypto: this.#crypto,
      network,
      checker,
      constants,
      voters,
      onEvent: (id, event, fields) => this.note(event, id, fields),
    });
    member.onCrash = () => this.after(400, () => member.start());
    this.members.push(member);
    return member;
  }

  /** The member that leads, as far as it knows; of several the one of the newest term. */
  get leader(): SimMember | undefined {
    return this.members
      .filter((member) => member.isRunning && member.raft?.role === "leader")
      .toSorted((a, b) => (b.raft?.term ?? 0) - (a.raft?.term ?? 0))[0];
  }

  get living(): readonly SimMember[] {
    return this.members.filter(({ isRemoved }) => !isRemoved);
  }

  pick(place: number): SimMember {
    const members = this.living;
    const member = members[place % members.length];
    invariant(member !== undefined, "a world has members");
    return member;
  }

  /** More than twenty operations a second, a few at a time. */
  #client(): void {
    if (!this.#hasClients) return;
    this.after(5 + this.#clients.below(50), () => this.#client());
    const burst = this.#clients.below(12) === 0 ? 8 : 1;
    const kind = this.#clients.below(10);
    const place = this.#clients.below(1_000);
    for (let n = 0; n < burst; n += 1) {
      this.attempted += 1;
      if (kind < 6) this.#write(place);
      else this.#read(place + n);
    }
  }

  #write(place: number): void {
    const member = this.leader ?? this.pick(place);
    const { raft } = member;
    if (raft === undefined || !member.isRunning) return;
    this.#lastOperation += 1;
    const id = this.#lastOperation;
    const value = `${id}${"v".repeat(this.#clients.below(8) === 0 ? 900 : 20)}`;
    const payload = utf8(JSON.stringify({ id, key: `k${this.#clients.below(8)}`, value }));
    const hash = this.checker.hash(payload);
    try {
      const index = raft.propose(payload);
      this.checker.whenApplied(member.id, index, (entry) => {
        if (this.checker.hash(entry.payload) === hash) this.checker.wrote(index);
      });
    } catch (error) {
      if (!(error instanceof TransientError)) this.checker.fail(`a write: ${messageOf(error)}`);
    }
  }

  #read(place: number): void {
    const member = this.pick(place);
    const { raft, machine, life } = member;
    if (raft === undefined || machine === undefined || !member.isRunning) return;
    const { floor } = this.checker;
    const serve = (served: Machine): void => {
      if (member.life === life) this.checker.read(member.id, floor, served.applied);
    };
    raft.readIndex().then(
      (index) => machine.whenApplied(index, () => serve(machine)),
      (error: unknown) => {
        if (!(error instanceof TransientError)) this.checker.fail(`a read: ${messageOf(error)}`);
      },
    );
  }

  /** A wish that may lawfully be refused or lost. */
  wish(name: string, work: Promise<unknown>, then: () => void = () => undefined): void {
    work.then(
      () => {
        this.note(`${name}Done`);
        then();
      },
      (error: unknown) => {
        const isLawful = error instanceof TransientError || (error instanceof UserError && error.code === "TRP-0207");
        if (isLawful) this.note(`${name}Refused`, 0, messageOf(error));
        else this.checker.fail(`${name}: ${messageOf(error)}`);
      },
    );
  }
}

function drawConstants(rng: Rng): Constants {
  const of = (values: readonly number[]): number => values[rng.below(values.length)] as number;
  return {
    segmentBytes: of([16_384, 32_768, 131_072]),
    snapshotLogBytes: of([12_000, 40_000, 150_000, 2_000_000]),
    snapshotChunkBytes: of([150, 1_000, 262_144]),
    memoryTailEntries: of([4, 40, 400]),
    settings: {
      appendBytesMax: of([200, 4_096, 1_048_576]),
      inflightMessagesMax: of([1, 4, 256]),
      inflightBytesMax: of([2_000, 8_388_608]),
      followerSeenMs: of([1_500, 600_000]),
      promoteAfterMs: 1_500,
      snapshotRetryMinMs: 200,
    },
  };
}
