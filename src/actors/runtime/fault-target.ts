import type { Clock, Log } from "../../env/env.ts";
import type { ActiveFault, FaultRecord, FaultTable } from "../../env/fault-table.ts";
import type { FaultJournal } from "../../env/program.ts";
import type { Fault, FaultTarget as TargetStatus } from "../../kinds/generated/types.ts";
import { messageOf, StatusError } from "../../util/errors.ts";
import type { Millis } from "../../util/time.ts";
import { parseTime } from "../../util/time-format.ts";
import { faultReportMs, faultReportRetryMs } from "./limits.ts";

/**
 * Fault objects at work in one program. It takes up those that are for it, keeps their time by itself,
 * and tells what they did. Losing the API prolongs nothing: a fault ends by the program's own clock.
 */
export interface FaultTargetOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly table: FaultTable;
  /** Outlives the program: what was done is not done again. */
  readonly journal: FaultJournal;
  readonly self: { readonly role: "master" | "node"; readonly name: string };
  /** Replaces this target's entry in the status. */
  readonly report: (fault: Fault, status: TargetStatus) => Promise<void>;
  /** It was taken away while it was at work. */
  readonly removed?: (fault: Fault) => void;
}

/** A fault that is seen this soon after its creation begins now: creation is told in whole seconds. */
const freshMs: Millis = 2_000;
/** Programs die once all masters have the row, or each next leader would find itself to be the one. */
const programMs: Millis = 300;
const pointsMax = 20;

interface Held {
  readonly fault: Fault;
  readonly active: ActiveFault;
  readonly points: Map<string, number>;
  phase: "Active" | "Ended";
  told: string;
}

export class FaultTarget {
  readonly #options: FaultTargetOptions;
  readonly #held = new Map<string, Held>();
  /** Told of by an earlier life. */
  readonly #late = new Set<string>();
  #isTelling = false;
  #isStopped = false;

  constructor(options: FaultTargetOptions) {
    this.#options = options;
  }

  /** All Faults there are, whenever one changes. `isFirst`: some may be old. */
  follow(faults: readonly Fault[], { isFirst }: { readonly isFirst: boolean }): void {
    const uids = new Set(faults.map(({ metadata }) => metadata.uid));
    for (const [uid, held] of this.#held) {
      if (uids.has(uid)) continue;
      this.#held.delete(uid);
      if (held.phase === "Ended") continue;
      held.active.clear();
      this.#logEnd(held, "removed");
      this.#options.removed?.(held.fault);
    }
    for (const fault of faults) {
      const held = this.#held.get(fault.metadata.uid);
      const isOver = fault.status?.phase === "Ended" || fault.metadata.deletionTimestamp !== undefined;
      if (held === undefined && !isOver && this.#concerns(fault)) this.#begin(fault, isFirst);
      else if (held === undefined) this.#tellLate(fault);
      else if (held !== undefined && isOver) this.#end(held, "over");
    }
  }

  stop(): void {
    this.#isStopped = true;
    for (const { active } of this.#held.values()) active.clear();
  }

  /** The table's word of each hit, before it takes effect. */
  hit(active: ActiveFault): void {
    const held = this.#held.get(active.id);
    if (held === undefined) return;
    const path = active.paths.at(-1) ?? "";
    held.points.set(path, (held.points.get(path) ?? 0) + 1);
    const { kind, seam } = active.record;
    // What this program may not outlive.
    if (kind === "crash" || seam === "program" || (seam === "disk" && (kind === "error" || kind === "full"))) {
      this.#options.journal.keep(active.id, active.hits);
    }
    if (active.isOver) this.#end(held, "done");
    this.#tellSoon();
  }

  #begin(fault: Fault, isFirst: boolean): void {
    const { clock, log, table, journal } = this.#options;
    const { uid, name, creationTimestamp } = fault.metadata;
    const sinceMs = clock.wall() - (parseTime(creationTimestamp) ?? 0);
    const ageMs = isFirst && sinceMs >= freshMs ? sinceMs : 0;
    const record = recordOf(fault);
    const settleMs = record.seam === "program" ? programMs : 0;
    const when = { ...record.when, atMs: (record.when?.atMs ?? 0) + settleMs - ageMs };
    const hitsBefore = journal.hits(uid);
    let active: ActiveFault;
    try {
      active = table.add({ ...record, id: uid, when }, { hitsBefore });
    } catch (error) {
      log("error", "fault.refused", { fault: name, error: messageOf(error) });
      return;
    }
    const held: Held = { fault, active, points: new Map(), phase: "Active", told: "" };
    this.#held.set(uid, held);
    const leftMs = active.untilMs - clock.mono();
    if (leftMs <= 0 || active.isOver) {
      // Of an earlier life of this program: only its hits are told.
      held.phase = "Ended";
      return this.#tellSoon();
    }
    const { seam, kind } = fault.spec;
    log("warn", "fault.started", {
      fault: name,
      seam,
      kind,
      where: fault.spec.where,
      inMs: Math.max(0, when.atMs),
      leftMs,
    });
    clock.after(leftMs, () => this.#end(held, "expired"), { daemon: true });
    this.#tellSoon();
  }

  /** It killed this program, which did not live to say so before the masters ended it. */
  #tellLate(fault: Fault): void {
    const { journal, report, log, self } = this.#options;
    const { uid, name } = fault.metadata;
    const [hits, target] = [journal.hits(uid), `${self.role}/${self.name}`];
    const known = fault.status?.targets?.find((each) => each.target === target);
    if (hits === 0 || (known?.hits ?? 0) >= hits || this.#late.has(uid)) return;
    this.#late.add(uid);
    report(fault, { target, phase: "Ended", seen: hits, hits }).catch((error: unknown) => {
      this.#late.delete(uid);
      log("info", "fault.report", { fault: name, error: messageOf(error) });
    });
  }

  #end(held: Held, why: string): void {
    if (held.phase === "Ended") return;
    held.phase = "Ended";
    held.active.clear();
    this.#logEnd(held, why);
    if (!this.#isStopped) this.#tellSoon();
  }

  #logEnd({ fault, active }: Held, why: string): void {
    const { seen, hits } = active;
    this.#options.log("warn", "fault.ended", { fault: fault.metadata.name, why, seen, hits });
  }

  #tellSoon(afterMs: Millis = faultReportMs): void {
    if (this.#isTelling || this.#isStopped) return;
    this.#isTelling = true;
    this.#options.clock.after(afterMs, () => {
      this.#tellAll().then(
        (isWhole) => {
          this.#isTelling = false;
          if (!isWhole) this.#tellSoon(faultReportRetryMs);
        },
        (error: unknown) => {
          this.#isTelling = false;
          this.#options.log("error", "fault.report.failed", { error: messageOf(error) });
        },
      );
    });
  }

  /** False: there is more to tell. */
  async #tellAll(): Promise<boolean> {
    let isWhole = true;
    for (const held of this.#held.values()) {
      const status = this.#statusOf(held);
      const text = JSON.stringify(status);
      if (text === held.told || this.#isStopped) continue;
      try {
        await this.#options.report(held.fault, status);
        held.told = text;
        if (JSON.stringify(this.#statusOf(held)) !== text) isWhole = false;
      } catch (error) {
        const isGone = error instanceof StatusError && [404, 409, 422].includes(error.status.code ?? 0);
        this.#options.log("info", "fault.report", { fault: held.fault.metadata.name, error: messageOf(error) });
        if (isGone) held.told = text;
        else isWhole = false;
      }
    }
    return isWhole;
  }

  #statusOf({ active, phase, points }: Held): TargetStatus {
    const { role, name } = this.#options.self;
    const hit = [...points].toSorted(([a, one], [b, other]) => other - one || (a < b ? -1 : 1)).slice(0, pointsMax);
    return {
      target: `${role}/${name}`,
      phase,
      seen: active.seen,
      hits: active.hits,
      ...(hit.length === 0 ? {} : { points: hit.map(([path, hits]) => ({ path, hits })) }),
    };
  }

  #concerns({ spec: { seam = "", where = {} } }: Fault): boolean {
    const { role, name } = this.#options.self;
    const { node, master, from, to, path = "" } = where;
    if (role === "master") {
      const isElsewhere = nodeSeams.has(seam) || node !== undefined || /^\/(?:node|link)\//.test(path);
      return !isElsewhere && (master === undefined || seam === "net" || matchesName(master, name));
    }
    const ofMasters = [master, where.role, from, to].some((each) => each !== undefined);
    if (ofMasters || masterSeams.has(seam) || (path !== "" && !/^(?:\/(?:node|link|disk)\/|\*)/.test(path)))
      return false;
    // The only objects that have actors on nodes.
    if (where.kind !== undefined && !matchesName(where.kind, "pods")) return false;
    return node === undefined || matchesName(node, name);
  }
}

const nodeSeams: ReadonlySet<string> = new Set(["link", "cri", "cni", "nft"]);
const masterSeams: ReadonlySet<string> = new Set(["append", "commit", "apply", "timer", "net"]);

function matchesName(pattern: string, name: string): boolean {
  const parts = pattern.split(/\*+/).map((part) => part.replaceAll(/[\\^$.|?+()[\]{}]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`).test(name);
}

/** The spec is the record; words that a kind's schema holds as plain texts get their types back. */
export function recordOf({ spec }: Fault): FaultRecord {
  const { ttlSecondsAfterEnd: _, ...record } = spec;
  return record as FaultRecord;
}
