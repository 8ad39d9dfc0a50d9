import type { Crypto, Rng, Timer } from "../../env/env.ts";
import { TransientError, UserError, invariant, messageOf } from "../../util/errors.ts";
import { utf8 } from "../../util/bytes.ts";
import { createSimClock } from "../clock.ts";
import type { SimClock } from "../clock.ts";
import { createRng } from "../random.ts";
import { LogChecker } from "./log-checker.ts";
import { SimMember } from "./member.ts";
import { Network } from "./network.ts";
import type { Constants, Workload } from "./process.ts";

/**
 * A cluster of members on simulated disks, network and time, with clients, and a checker that sees
 * all. What the members run, and what the clients ask of it, is the workload's. Everything follows
 * from the seed.
 */
export interface WorldOptions {
  readonly seed: number;
  readonly crypto: Crypto;
  readonly workload: (world: World) => Workload;
  /** One line an event, without its end. */
  readonly trace?: (line: string) => void;
}

export class World {
  readonly seed: number;
  readonly clock: SimClock;
  readonly network: Network;
  readonly checker: LogChecker;
  readonly constants: Constants;
  readonly workload: Workload;
  readonly members: SimMember[] = [];
  /** How often each thing happened. */
  readonly counts: Map<string, number> = new Map();
  readonly crypto: Crypto;
  readonly #trace: ((line: string) => void) | undefined;
  #digest = 0;
  #events = 0;
  #lastMember = 0;
  #voters: readonly number[] = [];

  constructor({ seed, crypto, trace, workload }: WorldOptions) {
    this.seed = seed;
    this.crypto = crypto;
    this.#trace = trace;
    const shape = createRng(seed, "shape");
    this.clock = createSimClock(createRng(seed, "ties"), { shuffle: true });
    this.network = new Network(this.clock, createRng(seed, "network"));
    this.checker = new LogChecker(crypto);
    this.constants = drawConstants(shape);
    this.network.onSend = (from, to, message) => this.checker.sent(from, to, message);
    this.workload = workload(this);
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
    this.workload.start();
  }

  note(event: string, member = 0, fields = ""): void {
    this.counts.set(event, (this.counts.get(event) ?? 0) + 1);
    this.#events += 1;
    const line = `t=${this.clock.mono().toFixed(6)} n=m${member} k=${event}${fields === "" ? "" : ` ${fields}`}`;
    this.#digest = Math.imul(this.#digest, 31) ^ this.crypto.crc32(utf8(line));
    this.#trace?.(line);
  }

  /** Into the digest without a line. */
  mix(word: number): void {
    this.#digest = Math.imul(this.#digest, 31) ^ word;
  }

  after(ms: number, run: () => void): Timer {
    return this.clock.after(ms, run, { daemon: true });
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
      crypto: this.crypto,
      network,
      checker,
      constants,
      voters,
      newProcess: (start) => this.workload.newProcess(start),
      onEvent: (id, event, fields) => this.note(event, id, fields),
    });
    member.onCrash = () => this.after(400, () => member.start());
    this.members.push(member);
    return member;
  }

  /** The member that leads, as far as it knows; of several the one of the newest term. */
  get leader(): SimMember | undefined {
    let found: SimMember | undefined;
    for (const member of this.members) {
      if (!member.isRunning || member.raft?.role !== "leader") continue;
      if (found === undefined || member.raft.term > (found.raft?.term ?? 0)) found = member;
    }
    return found;
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
  const log = {
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
  return { log, historyMs: of([3_000, 20_000, 600_000]), historyEventsMax: of([20, 200, 200_000]) };
}
