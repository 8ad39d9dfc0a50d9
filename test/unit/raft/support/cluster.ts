import { votersOnly } from "../../../../src/raft/core/config.ts";
import { createState } from "../../../../src/raft/core/state.ts";
import type { State } from "../../../../src/raft/core/state.ts";
import type { Settings } from "../../../../src/raft/core/settings.ts";
import { step } from "../../../../src/raft/core/step.ts";
import type { Config, Effect, Entry, HardState, Input, Message, Persist } from "../../../../src/raft/core/types.ts";

/** A message under way. */
export interface Packet {
  readonly from: number;
  readonly to: number;
  readonly message: Message;
}

/** One member: the core, its disk, and what waits for the disk. */
export class Member {
  state: State;
  hardState: HardState;
  disk: Entry[];
  writing: Persist[] = [];
  held: { readonly afterSeq: number; readonly packet: Packet }[] = [];
  committed: Entry[] = [];
  fatal: string | undefined;
  readonly config: Config;
  readonly settings: Partial<Settings>;

  constructor(id: number, config: Config, settings: Partial<Settings>, disk: Entry[] = [], hardState?: HardState) {
    this.config = config;
    this.settings = settings;
    this.disk = disk;
    this.hardState = hardState ?? { term: disk.at(-1)?.term ?? 0, votedFor: 0 };
    this.state = this.wake(id, 0);
  }

  wake(id: number, now: number, isDamaged = false, doubtUpTo = 0): State {
    const { config, settings, hardState } = this;
    const snapshot = { index: 0, term: 0, config };
    return createState({
      id,
      hardState,
      snapshot,
      entries: this.disk,
      now,
      seed: id * 7919,
      settings,
      isDamaged,
      doubtUpTo,
    });
  }

  /** The process dies: what was not synced is gone. */
  crash(now: number, isDamaged = false, doubtUpTo = 0): void {
    this.writing = [];
    this.held = [];
    this.state = this.wake(this.state.id, now, isDamaged, doubtUpTo);
    this.committed = [];
  }
}

export class Cluster {
  readonly members: Map<number, Member> = new Map();
  network: Packet[] = [];
  now = 0;
  /** Told every effect, for the traces of golden tests. */
  trace: (id: number, effect: Effect) => void = () => undefined;

  constructor(ids: readonly number[], options?: { learners?: readonly number[]; settings?: Partial<Settings> }) {
    const learners = options?.learners ?? [];
    const config = { ...votersOnly(ids), learners };
    for (const id of [...ids, ...learners]) this.members.set(id, new Member(id, config, options?.settings ?? {}));
  }

  member(id: number): Member {
    const member = this.members.get(id);
    if (member === undefined) throw new Error(`no member ${id}`);
    return member;
  }

  /** A new member with an empty log, which knows no one but those who were there at the beginning. */
  add(id: number): void {
    if (this.members.has(id)) return;
    const first = this.member(1);
    this.members.set(id, new Member(id, first.config, first.settings));
  }

  input(id: number, input: Input): readonly Effect[] {
    const member = this.member(id);
    const effects = step(member.state, input);
    for (const effect of effects) this.#take(member, effect);
    return effects;
  }

  /** The oldest `count` writes of a member become durable, as one batch. */
  persist(id: number, count: number = Number.POSITIVE_INFINITY): boolean {
    const member = this.member(id);
    const done = member.writing.splice(0, count);
    const last = done.at(-1);
    if (last === undefined) return false;
    for (const { hardState, truncateFrom, entries } of done) {
      member.hardState = hardState;
      if (truncateFrom > 0) member.disk = member.disk.filter(({ index }) => index < truncateFrom);
      member.disk.push(...entries);
    }
    const ready = member.held.filter(({ afterSeq }) => afterSeq <= last.seq);
    member.held = member.held.filter(({ afterSeq }) => afterSeq > last.seq);
    this.network.push(...ready.map(({ packet }) => packet));
    this.input(id, { type: "persisted", seq: last.seq });
    return true;
  }

  deliver(packet: Packet): void {
    this.input(packet.to, { type: "message", from: packet.from, message: packet.message });
  }

  #take(member: Member, effect: Effect): void {
    const { id } = member.state;
    this.trace(id, effect);
    switch (effect.type) {
      case "persist":
        member.writing.push(effect.persist);
        break;
      case "send": {
        const packet = { from: id, to: effect.to, message: effect.message };
        if (effect.afterSeq === 0) this.network.push(packet);
        else member.held.push({ afterSeq: effect.afterSeq, packet });
        break;
      }
      case "commit":
        member.committed.push(...member.state.log.slice(member.committed.length + 1, effect.upTo));
        break;
      case "fatal":
        member.fatal = effect.why;
        break;
      default:
        break;
    }
  }
}
