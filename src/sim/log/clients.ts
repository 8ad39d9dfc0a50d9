import type { Rng } from "../../env/env.ts";
import { TransientError, messageOf } from "../../util/errors.ts";
import { utf8 } from "../../util/bytes.ts";
import type { SimMember } from "../cluster/member.ts";
import type { Process, ProcessStart, Workload } from "../cluster/process.ts";
import type { World } from "../cluster/world.ts";
import { createRng } from "../random.ts";
import { Machine } from "./machine.ts";

/**
 * Writes at the leader and reads anywhere, more than twenty a second, straight at the log. A write
 * that was acknowledged, and a read that was served, is seen by every read that begins later.
 */
export class LogClients implements Workload {
  readonly #world: World;
  readonly #rng: Rng;
  /** Every write acknowledged and every read served before now lies at or below this index. */
  #floor = 0;
  #lastOperation = 0;
  #isOn = false;
  attempted = 0;
  acknowledged = 0;
  reads = 0;

  constructor(world: World) {
    this.#world = world;
    this.#rng = createRng(world.seed, "clients");
  }

  newProcess(start: ProcessStart): Process {
    return new Machine(start);
  }

  start(): void {
    this.#isOn = true;
    this.#turn();
  }

  stop(): void {
    this.#isOn = false;
  }

  unfinished(): string {
    return "";
  }

  /** A few at a time. */
  #turn(): void {
    if (!this.#isOn) return;
    const rng = this.#rng;
    this.#world.after(5 + rng.below(50), () => this.#turn());
    const burst = rng.below(12) === 0 ? 8 : 1;
    const kind = rng.below(10);
    const place = rng.below(1_000);
    for (let n = 0; n < burst; n += 1) {
      this.attempted += 1;
      if (kind < 6) this.#write(place);
      else this.#read(place + n);
    }
  }

  #write(place: number): void {
    const member = this.#world.leader ?? this.#world.pick(place);
    const { raft } = member;
    if (raft === undefined || !member.isRunning) return;
    const { checker } = this.#world;
    this.#lastOperation += 1;
    const id = this.#lastOperation;
    const value = `${id}${"v".repeat(this.#rng.below(8) === 0 ? 900 : 20)}`;
    const payload = utf8(JSON.stringify({ id, key: `k${this.#rng.below(8)}`, value }));
    const hash = checker.hash(payload);
    try {
      const index = raft.propose(payload);
      checker.whenApplied(member.id, index, (entry) => {
        if (checker.hash(entry.payload) !== hash) return;
        this.acknowledged += 1;
        this.#floor = Math.max(this.#floor, index);
      });
    } catch (error) {
      if (!(error instanceof TransientError)) checker.fail(`a write: ${messageOf(error)}`);
    }
  }

  #read(place: number): void {
    const member = this.#world.pick(place);
    const { process, life } = member;
    if (!(process instanceof Machine) || !member.isRunning) return;
    const floor = this.#floor;
    const serve = (): void => {
      if (member.life === life) this.#served(member, floor, process.applied);
    };
    process.raft.readIndex().then(
      (index) => process.whenApplied(index, serve),
      (error: unknown) => {
        if (!(error instanceof TransientError)) this.#world.checker.fail(`a read: ${messageOf(error)}`);
      },
    );
  }

  /** A read that began when `floor` held was served from the state at `applied`. */
  #served({ id }: SimMember, floor: number, applied: number): void {
    this.reads += 1;
    if (applied < floor) {
      this.#world.checker.fail(
        `member ${id} served a read at entry ${applied}, and entry ${floor} was acknowledged before it began`,
      );
    }
    this.#floor = Math.max(this.#floor, applied);
  }
}
