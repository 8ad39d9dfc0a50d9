import type { Clock, Crypto, Env, Log, Rng } from "../../env/env.ts";
import { noFaults } from "../../env/faults.ts";
import type { Settings } from "../../raft/core/settings.ts";
import { createRaft } from "../../raft/driver.ts";
import type { Raft } from "../../raft/driver.ts";
import type { PeerMessage } from "../../raft/transport-api.ts";
import { UserError, messageOf } from "../../util/errors.ts";
import type { SimClock } from "../clock.ts";
import { createSimDisk } from "../disk.ts";
import type { SimDisk } from "../disk.ts";
import { createRng, createSimRandom } from "../random.ts";
import type { Checker } from "./checker.ts";
import { Machine } from "./machine.ts";
import type { Endpoint, Network } from "./network.ts";

/** The constants that a seed chooses: none of them may change what is true. */
export interface Constants {
  readonly snapshotLogBytes: number;
  readonly segmentBytes: number;
  readonly snapshotChunkBytes: number;
  readonly memoryTailEntries: number;
  readonly settings: Partial<Settings>;
}

export interface MemberOptions {
  readonly id: number;
  readonly seed: number;
  readonly clock: SimClock;
  readonly crypto: Crypto;
  readonly network: Network;
  readonly checker: Checker;
  readonly constants: Constants;
  /** Of the first start; empty for one that joins later. */
  readonly voters: readonly number[];
  readonly onEvent: (member: number, event: string, fields: string) => void;
}

/** One machine: a disk that outlives its processes, and the process of now. */
export class SimMember implements Endpoint {
  readonly id: number;
  readonly disk: SimDisk;
  readonly #options: MemberOptions;
  readonly #rng: Rng;
  #lives = 0;
  #isUp = false;
  #isPaused = false;
  #held: (() => void)[] = [];
  raft: Raft | undefined;
  machine: Machine | undefined;
  /** It is told to be gone for ever. */
  isRemoved = false;
  /** Its disk is broken so that it may end by itself. */
  mayFail = false;
  #rate = 1;
  #rateSince = 0;
  #monoThen = 0;
  slowMs = 0;
  /** The next write of the log ends in a crash, this many ms after it began. */
  crashInWriteMs: number | undefined;
  onCrash: () => void = () => undefined;

  constructor(options: MemberOptions) {
    const { id, seed } = options;
    this.id = id;
    this.#options = options;
    this.#rng = createRng(seed, `disk ${id}`);
    this.disk = createSimDisk({ rng: createRng(seed, `tears ${id}`), pace: (operation) => this.#pace(operation) });
    options.network.attach(id, this);
  }

  get life(): number | undefined {
    return this.#isUp ? this.#lives : undefined;
  }

  get isRunning(): boolean {
    return this.#isUp && this.raft !== undefined && !this.#isPaused;
  }

  start(): void {
    if (this.#isUp || this.isRemoved) return;
    const { id, checker, constants, network, voters, onEvent } = this.#options;
    this.#lives += 1;
    const life = this.#lives;
    this.#isUp = true;
    const { settings, ...sizes } = constants;
    const machine = new Machine(id, checker, (role, term) => {
      if (role === "leader") checker.leads(id, term);
      onEvent(id, "role", `${role} term=${term}`);
    });
    const raft = createRaft({
      env: this.#env(life),
      listener: machine,
      stateMachine: machine,
      birth: { clusterId: "simulated", memberId: id, voters },
      transport: { send: (to, message) => life === this.life && network.send(id, to, message) },
      onFatal: (error) => this.#onFatal(life, error),
      settings,
      ...sizes,
    });
    this.machine = machine;
    raft.start().then(
      () => this.#onStarted(life, raft),
      (error: unknown) => this.#onFatal(life, error),
    );
  }

  #onStarted(life: number, raft: Raft): void {
    if (life !== this.life) return;
    this.#options.checker.woke(this.id, raft.term, raft.isDamaged);
    this.#options.onEvent(this.id, "up", `life=${life} term=${raft.term}${raft.isDamaged ? " damaged" : ""}`);
    this.raft = raft;
    this.#options.network.tellAll(this.id, true);
  }

  #onFatal(life: number, error: unknown): void {
    if (life !== this.life) return;
    const { checker, onEvent } = this.#options;
    const code = error instanceof UserError ? error.code : (error as { code?: string }).code;
    onEvent(this.id, "fatal", messageOf(error));
    if (code === "TRP-0206") this.isRemoved = true;
    else if (!this.mayFail || (code !== "TRP-0203" && code !== "ENOSPC" && code !== "EIO")) {
      checker.fail(`member ${this.id} ended: ${messageOf(error)}`);
    }
    this.crash(false);
    this.onCrash();
  }

  /** The process ends, and what was not synced is gone. `isSilent`: no one sees the connections close. */
  crash(isSilent: boolean): void {
    if (!this.#isUp) return;
    const { network, checker, id } = this.#options;
    if (!isSilent) network.tellAll(id, false);
    this.#isUp = false;
    this.raft = undefined;
    this.machine = undefined;
    this.#held = [];
    this.#isPaused = false;
    this.crashInWriteMs = undefined;
    this.mayFail = false;
    checker.forgetMember(id);
    this.disk.crash();
  }

  pause(): void {
    this.#isPaused = this.#isUp;
  }

  resume(): void {
    this.#isPaused = false;
    for (const run of this.#held.splice(0)) this.#run(run);
  }

  receive(from: number, message: PeerMessage): void {
    this.#run(() => this.raft?.receive(from, message));
  }

  link(peer: number, isUp: boolean): void {
    this.#run(() => this.raft?.link(peer, isUp));
  }

  /** The clock of this machine goes faster or slower from now on; it never goes back. */
  setRate(rate: number): void {
    this.#monoThen = this.#mono();
    this.#rateSince = this.#options.clock.mono();
    this.#rate = rate;
  }

  #mono(): number {
    return this.#monoThen + (this.#options.clock.mono() - this.#rateSince) * this.#rate;
  }

  /** What comes while the process is stopped waits for it. */
  #run(work: () => void): void {
    if (this.#isPaused) this.#held.push(work);
    else work();
  }

  #env(life: number): Env {
    const { seed, crypto } = this.#options;
    const log: Log = (level, event, fields = {}) => {
      if (life !== this.life || level === "debug") return;
      this.#options.onEvent(this.id, event, Object.keys(fields).length === 0 ? "" : JSON.stringify(fields));
    };
    return {
      clock: this.#clock(life),
      random: createSimRandom(Math.imul(seed, 31) ^ (this.id * 7_919 + life)),
      disk: this.disk.attach(),
      crypto,
      faults: noFaults,
      log,
    };
  }

  #clock(life: number): Clock {
    const { clock } = this.#options;
    return {
      wall: () => clock.wall(),
      mono: () => this.#mono(),
      after: (delayMs, run) =>
        clock.after(
          delayMs / this.#rate,
          () => {
            if (life === this.life) this.#run(() => (life === this.life ? run() : undefined));
          },
          { daemon: true },
        ),
    };
  }

  #pace(operation: string): Promise<void> {
    const isSlow = operation === "write" || operation === "sync" || operation === "syncFolder";
    if (!isSlow) return Promise.resolve();
    if (operation === "write" && this.crashInWriteMs !== undefined) {
      const life = this.life;
      const afterMs = this.crashInWriteMs;
      this.crashInWriteMs = undefined;
      const die = (): void => {
        if (life !== this.life) return;
        this.crash(false);
        this.onCrash();
      };
      this.#options.clock.after(afterMs, die, { daemon: true });
    }
    const delayMs = 0.1 + this.#rng.below(900) / 1_000 + this.slowMs;
    return new Promise((done) => {
      this.#options.clock.after(delayMs, () => this.#run(done), { daemon: true });
    });
  }
}
