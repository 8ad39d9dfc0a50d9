import type { Clock, Crypto, Env, Log, Rng } from "../../env/env.ts";
import type { FaultAction, FaultPort, SeamPoint } from "../../env/faults.ts";
import type { LogEntry } from "../../raft/log-api.ts";
import type { Raft } from "../../raft/raft-api.ts";
import { isCall, type CallMessage, type PeerMessage } from "../../raft/transport-api.ts";
import { UserError, messageOf } from "../../util/errors.ts";
import type { SimClock } from "../clock.ts";
import { createSimDisk } from "../disk.ts";
import type { SimDisk } from "../disk.ts";
import { createRng, createSimRandom } from "../random.ts";
import type { LogChecker } from "./log-checker.ts";
import type { Endpoint, Network } from "./network.ts";
import type { Constants, Process, ProcessStart } from "./process.ts";

export interface MemberOptions {
  readonly id: number;
  readonly seed: number;
  readonly clock: SimClock;
  readonly crypto: Crypto;
  readonly network: Network;
  readonly checker: LogChecker;
  readonly constants: Constants;
  /** Of the first start; empty for one that joins later. */
  readonly voters: readonly number[];
  readonly newProcess: (start: ProcessStart) => Process;
  readonly onEvent: (member: number, event: string, fields: string) => void;
}

/** A seam of the product at which a member does something else, once, the `count`th time that it passes. */
export interface ArmedSeam {
  readonly seam: SeamPoint["seam"];
  readonly action: FaultAction;
  count: number;
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
  #process: Process | undefined;
  /** Its start is over. */
  #isOpen = false;
  /** It is told to be gone for ever. */
  isRemoved = false;
  /** Its disk is broken so that it may end by itself. */
  mayFail = false;
  armed: ArmedSeam | undefined;
  #rate = 1;
  #rateSince = 0;
  #monoThen = 0;
  /** Wall time of this machine minus that of the world. */
  skewMs = 0;
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

  /** It is up, through its start, and not stopped. */
  get isRunning(): boolean {
    return this.#isUp && this.#isOpen && !this.#isPaused;
  }

  /** The process, once its start is over. */
  get process(): Process | undefined {
    return this.#isOpen ? this.#process : undefined;
  }

  get raft(): Raft | undefined {
    return this.process?.raft;
  }

  start(): void {
    if (this.#isUp || this.isRemoved) return;
    const { id, constants, network, voters } = this.#options;
    this.#lives += 1;
    const life = this.#lives;
    this.#isUp = true;
    const process = this.#options.newProcess({
      id,
      life,
      env: this.#env(life),
      constants,
      voters,
      send: (to, message) => {
        if (life === this.life) network.send(id, to, message);
      },
      onRole: (role, term) => this.#onRole(role, term),
      onCommitted: (entries, state) => this.#onCommitted(entries, state),
      onRestored: (state) => this.#options.checker.restored(id, state.applied, state.digest),
      onFatal: (error) => this.#onFatal(life, error),
    });
    this.#process = process;
    process.start().then(
      () => this.#onStarted(life, process),
      (error: unknown) => this.#onFatal(life, error),
    );
  }

  #onStarted(life: number, { raft }: Process): void {
    if (life !== this.life) return;
    this.#options.checker.woke(this.id, raft.term, raft.isDamaged);
    this.#options.onEvent(this.id, "up", `life=${life} term=${raft.term}${raft.isDamaged ? " damaged" : ""}`);
    this.#isOpen = true;
    this.#options.network.tellAll(this.id, true);
  }

  #onRole(role: string, term: number): void {
    const { checker, onEvent } = this.#options;
    if (role === "leader") checker.leads(this.id, term);
    onEvent(this.id, "role", `${role} term=${term}`);
  }

  #onCommitted(
    entries: readonly LogEntry[],
    { applied, digest }: { readonly applied: number; readonly digest: number },
  ): void {
    const { checker } = this.#options;
    checker.stands(this.id, applied, digest);
    let before = applied;
    for (const entry of entries) {
      checker.follows(this.id, before, entry.index);
      checker.applied(this.id, entry);
      before = entry.index;
    }
  }

  #onFatal(life: number, error: unknown): void {
    if (life !== this.life) return;
    const { checker, onEvent } = this.#options;
    const code = error instanceof UserError ? error.code : (error as { code?: string }).code;
    const text = messageOf(error);
    onEvent(this.id, "fatal", text);
    if (code === "TRP-0206") this.isRemoved = true;
    else if (!this.#mayEnd(code, text)) checker.fail(`member ${this.id} ended: ${text}`);
    this.crash(false);
    this.onCrash();
  }

  #mayEnd(code: string | undefined, text: string): boolean {
    if (this.armed?.action.kind === "crash" && this.armed.count <= 0) return /fault/.test(text);
    return this.mayFail && (code === "TRP-0203" || code === "ENOSPC" || code === "EIO");
  }

  /** The process ends, and what was not synced is gone. `isSilent`: no one sees the connections close. */
  crash(isSilent: boolean): void {
    if (!this.#isUp) return;
    const { network, checker, id } = this.#options;
    if (!isSilent) network.tellAll(id, false);
    const process = this.#process;
    this.#isUp = false;
    this.#isOpen = false;
    this.#process = undefined;
    this.#held = [];
    this.#isPaused = false;
    this.crashInWriteMs = undefined;
    this.armed = undefined;
    this.mayFail = false;
    checker.forgetMember(id);
    this.disk.crash();
    process?.died();
  }

  pause(): void {
    this.#isPaused = this.#isUp;
  }

  resume(): void {
    this.#isPaused = false;
    for (const run of this.#held.splice(0)) this.run(run);
  }

  receive(from: number, message: PeerMessage | CallMessage): void {
    this.run(() => {
      if (isCall(message)) this.process?.call(from, message);
      else this.process?.receive(from, message);
    });
  }

  link(peer: number, isUp: boolean): void {
    this.run(() => this.process?.link(peer, isUp));
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
  run(work: () => void): void {
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
      faults: this.#faults(life),
      log,
    };
  }

  #faults(life: number): FaultPort {
    const isArmed = (): boolean => this.armed !== undefined && life === this.life;
    const none: FaultAction = { kind: "none" };
    return {
      get enabled() {
        return isArmed();
      },
      at: ({ seam }) => {
        const { armed } = this;
        if (armed?.seam !== seam || life !== this.life || armed.count <= 0) return none;
        armed.count -= 1;
        if (armed.count > 0) return none;
        this.#options.onEvent(this.id, `at-${seam}-${armed.action.kind}`, "");
        return armed.action;
      },
    };
  }

  #clock(life: number): Clock {
    const { clock } = this.#options;
    return {
      wall: () => clock.wall() + this.skewMs,
      mono: () => this.#mono(),
      after: (delayMs, run) =>
        clock.after(
          delayMs / this.#rate,
          () => {
            if (life === this.life) this.run(() => (life === this.life ? run() : undefined));
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
      this.#options.clock.after(delayMs, () => this.run(done), { daemon: true });
    });
  }
}
