import type { Crypto } from "../../env/env.ts";
import { readBatchHeader, SECTOR_BYTES, SEGMENT_HEADER_BYTES } from "../../raft/format.ts";
import { numberOfSegment } from "../../raft/wal-names.ts";
import type { World } from "./world.ts";
import type { Fault } from "./faults.ts";
import type { SimMember } from "./member.ts";

/**
 * Carries out the faults of a list, and heals them. Only what the cluster must be able to bear: at
 * most one log is damaged at a time, and never where no majority of others could repair it.
 */
export class Chaos {
  readonly #world: World;
  readonly #heals: Set<() => void> = new Set();
  #isOver = false;

  constructor(world: World, faults: readonly Fault[]) {
    this.#world = world;
    for (const fault of faults) {
      world.after(fault.atMs - world.clock.mono(), () => {
        if (!this.#isOver) this.#begin(fault);
      });
    }
  }

  /** Everything that can be healed is, and everyone is started again. */
  healAll(): void {
    this.#isOver = true;
    this.#world.note("heal");
    for (const heal of this.#heals) heal();
    this.#heals.clear();
    for (const member of this.#world.members) {
      member.crashInWriteMs = undefined;
      member.armed = undefined;
      member.resume();
      member.start();
    }
  }

  #for(fault: Fault, heal: () => void): void {
    const once = (): void => {
      if (this.#heals.delete(once)) heal();
    };
    this.#heals.add(once);
    this.#world.after(fault.forMs, once);
  }

  #begin(fault: Fault): void {
    const { kind, a, how } = fault;
    const world = this.#world;
    const member = world.pick(a);
    world.note(kind, member.id);
    switch (kind) {
      case "crash":
        return this.#crash(member, fault);
      case "crashLeader":
        return this.#crash(world.leader ?? member, fault);
      case "crashInWrite":
        member.crashInWriteMs = (how % 1_500) / 1_000;
        return;
      case "powerLoss":
        for (const each of world.living) this.#crash(each, fault);
        return;
      case "pause":
        member.pause();
        return this.#for(fault, () => member.resume());
      case "isolate":
        return this.#isolate(member, fault);
      case "isolateLeader":
        return this.#isolate(world.leader ?? member, fault);
      case "oneWay":
      case "partial":
        return this.#cutTwo(fault);
      case "loss":
      case "delay":
      case "reorder":
      case "duplicate":
        return this.#disturb(fault);
      case "slowDisk":
        member.slowMs = 5 + (how % 1_500);
        return this.#for(fault, () => (member.slowMs = 0));
      case "fullDisk":
        return this.#fill(member, fault);
      case "failedSync":
        member.mayFail = true;
        member.disk.inject({ operation: "write", path: "wal/", code: "EIO" });
        return;
      case "rot":
      case "misdirect":
        return this.#damage(member, fault);
      case "skew":
        member.setRate(0.95 + (how % 1_000) / 10_000);
        return;
      case "clockStep":
        // Forward by up to an hour, or back.
        member.skewMs += ((how % 2_000) - 1_000) * (how % 3 === 0 ? 3_600 : 7);
        return;
      case "crashAt":
        return this.#arm(how % 3 === 0 ? (world.leader ?? member) : member, fault);
      case "disturbAt":
        return this.#arm(world.leader ?? member, fault);
      case "transfer":
      case "grow":
      case "shrink":
      case "replace":
        return this.#change(fault);
    }
  }

  #crash(member: SimMember, fault: Fault): void {
    member.crash(fault.how % 4 === 0);
    this.#for({ ...fault, forMs: fault.forMs + ((fault.how >>> 8) % 400) }, () => member.start());
  }

  /** The end of the process, or a change in the order of commands, at one place in the code. */
  #arm(member: SimMember, { kind, how, b }: Fault): void {
    if (kind === "crashAt") {
      const seam = seams[how % seams.length] as (typeof seams)[number];
      member.armed = { seam, action: { kind: "crash" }, count: 1 + b };
    } else {
      const actions = [{ kind: "duplicate" }, { kind: "reorder" }, { kind: "delay", ms: 1 + (how % 300) }] as const;
      const action = actions[(how >>> 12) % actions.length] as (typeof actions)[number];
      member.armed = { seam: "mailbox", action, count: 1 + b };
    }
  }

  #isolate(member: SimMember, fault: Fault): void {
    const others = this.#world.living.filter(({ id }) => id !== member.id);
    const pairs = others.flatMap(({ id }) => [[member.id, id] as const, [id, member.id] as const]);
    this.#for(fault, this.#world.network.cut(pairs, fault.how % 2 === 0));
  }

  #cutTwo(fault: Fault): void {
    const { id: a } = this.#world.pick(fault.a);
    const { id: b } = this.#world.pick(fault.b);
    if (a === b) return;
    const there = [a, b] as const;
    const pairs = fault.kind === "oneWay" ? [there] : [there, [b, a] as const];
    this.#for(fault, this.#world.network.cut(pairs, fault.kind === "partial" && fault.how % 2 === 0));
  }

  #disturb({ kind, how, ...fault }: Fault): void {
    const { network } = this.#world;
    if (kind === "loss") network.lossPercent = 1 + (how % 30);
    if (kind === "duplicate") network.duplicatePercent = 1 + (how % 30);
    if (kind === "delay") network.delayMs = 1 + (how % 120);
    if (kind === "reorder") network.reorderMs = 1 + (how % 40);
    this.#for({ ...fault, kind, how }, () => {
      network.lossPercent = 0;
      network.duplicatePercent = 0;
      network.delayMs = 0;
      network.reorderMs = 0;
    });
  }

  #fill(member: SimMember, fault: Fault): void {
    member.mayFail = true;
    for (const path of ["wal/", "snap/"]) {
      member.disk.inject({ operation: "write", path, code: "ENOSPC", count: 1_000_000 });
    }
    this.#for(fault, () => member.disk.heal());
  }

  /** Rot, or a write that went to the wrong place: seen when the log is read, at the next start. */
  #damage(member: SimMember, fault: Fault): void {
    // Of two voters the other one could not be elected to repair it.
    if (!this.#isSound(3)) return;
    member.crash(false);
    void this.#spoil(member, fault).then(() => member.start());
  }

  /** Everyone is up, whole, and of one mind about who belongs: at least so many voters. */
  #isSound(voters: number): boolean {
    return this.#world.living.every(({ isRunning, raft }) => {
      if (!isRunning || raft === undefined || raft.isDamaged) return false;
      return raft.config.outgoing.length === 0 && raft.config.incoming.length >= voters;
    });
  }

  async #spoil({ disk, id }: SimMember, { how, kind }: Fault): Promise<void> {
    const segments = (await disk.list("wal")).filter((name) => name.endsWith(".seg"));
    const name = segments[(how >>> 4) % segments.length] ?? "";
    const path = `wal/${name}`;
    const bytes = await disk.read(path);
    // Not in the last batch: there it looks like a torn write, which may be cut off.
    const sectors = lastBatchAt(this.#world.crypto, bytes, numberOfSegment(name) ?? 0) / 512;
    if (sectors < 9) return;
    const sector = how % sectors;
    if (kind === "rot") {
      disk.flipBit(path, sector * 4_096 + ((how >>> 16) % 4_096));
    } else {
      const from = (sector + 1 + ((how >>> 16) % (sectors - 1))) % sectors;
      disk.overwrite(path, sector * 512, bytes.slice(from * 512, from * 512 + 512));
    }
    this.#world.note("spoiled", id, `${path} sector=${sector}`);
  }

  #change({ kind, a, how }: Fault): void {
    const world = this.#world;
    const raft = world.leader?.raft;
    if (raft === undefined) return;
    const { incoming, learners, directory } = raft.config;
    const reader = learners.find((id) => directory.some((info) => info.id === id && info.isReader));
    const voter = incoming[a % incoming.length] as number;
    if (kind === "transfer") {
      world.wish("transfer", raft.transfer(how % 2 === 0 ? undefined : voter));
    } else if (kind === "shrink") {
      // What is left may be two: they must be whole.
      if (incoming.length <= 2 || !this.#isSound(incoming.length)) return;
      world.wish("remove", raft.changeConfig({ type: "remove", ids: [voter] }));
    } else if (kind === "replace" && reader !== undefined) {
      world.wish("replace", raft.changeConfig({ type: "replace", remove: voter, promote: reader }));
    } else if (incoming.length + learners.length < 6) {
      const id = world.nextId;
      world.addJoiner().start();
      const isReader = kind === "replace";
      world.wish("add", raft.changeConfig({ type: "addLearner", id, address: `m${id}:1`, isReader }));
    }
  }
}

/** At which a process can be told to end: before an entry is handed to the log, committed, applied. */
const seams = ["append", "commit", "apply"] as const;

/** Where the last batch of a segment begins; 0 if there is none. Behind it may lie what the file held before. */
function lastBatchAt(crypto: Crypto, bytes: Uint8Array, segment: number): number {
  let last = 0;
  for (let at = SEGMENT_HEADER_BYTES; at < bytes.length; at += SECTOR_BYTES) {
    if (readBatchHeader(crypto, bytes, at)?.segment === segment) last = at;
  }
  return last;
}
