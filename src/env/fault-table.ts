import type { Millis } from "../util/time.ts";
import type { Clock, Rng } from "./env.ts";
import { matcherOf, type ActorSelector, type KillPoint, type LabelsOf } from "./fault-matcher.ts";
import type { FaultAction, FaultPort, Seam, SeamPoint } from "./faults.ts";

export type { ActorSelector, KillPoint } from "./fault-matcher.ts";

/**
 * Faults as data: what is to go wrong, at which seam, for whom, when and how long. The same record is
 * a value in a test and the spec of an object. A fault ends by itself: after its count, and always
 * after its time, which the table that holds it keeps.
 *
 * Chance draws from one stream, so a seed repeats what it decided; a record with a seed of its own
 * decides by that alone.
 */
export interface FaultRecord {
  /** Default: a number of the table's. */
  readonly id?: string;
  /** May be left out where a kill point names it. */
  readonly seam?: Seam;
  readonly kind: FaultKind;
  /** Absent: everybody who passes the seam. */
  readonly where?: ActorSelector;
  readonly when?: {
    /** From now on, in ms. */
    readonly atMs?: Millis;
    /** The first that is hit among those that match, counted from 1. */
    readonly nth?: number;
    /** Probability of each to be hit, 0 to 1. */
    readonly p?: number;
    readonly killPoint?: KillPoint;
  };
  /** Default: ten minutes, and once where `nth` is given, else any number of times. */
  readonly for?: { readonly ms?: Millis; readonly count?: number };
  /** `ms` of a delay, a pause of a program or a clock's skew; `message` and `code` of an error. */
  readonly args?: { readonly ms?: Millis; readonly message?: string; readonly code?: string };
  /** What `p` is drawn from, instead of the table's own chance. */
  readonly seed?: number;
  /** It begins again each `everyMs`, `times` in all; `for` is each time's own. */
  readonly schedule?: { readonly everyMs: Millis; readonly times: number };
}

/**
 * `pause`: messages wait until the fault ends, a program stands still for `args.ms`. `full`: a disk
 * without room. `skew`: the wall clock is off by `args.ms`.
 */
export type FaultKind = Exclude<FaultAction["kind"], "none" | "hold"> | "pause" | "full" | "skew";

/** A record at work. */
export interface ActiveFault {
  readonly id: string;
  readonly record: FaultRecord;
  /** How many passed and matched, and how many of them were hit. */
  readonly seen: number;
  readonly hits: number;
  /** Paths that were hit, newest last; the oldest are dropped. */
  readonly paths: readonly string[];
  readonly isOver: boolean;
  /** Monotonic time at which it is over at the latest. */
  readonly untilMs: Millis;
  clear(): void;
}

export interface FaultTable extends FaultPort {
  /** Throws what makes a record senseless. `hitsBefore`: of an earlier life of this program. */
  add(record: FaultRecord, options?: { readonly hitsBefore?: number }): ActiveFault;
  list(): readonly ActiveFault[];
  clear(): void;
  /** How far a wall clock is off now. */
  skewMs(whose: Pick<SeamPoint, "master" | "isLeader" | "node">): Millis;
  watch(run: () => void): () => void;
}

export interface FaultTableOptions {
  readonly clock: Clock;
  readonly rng: Rng;
  /** Labels of what is behind a path, for points that say none. */
  readonly labelsOf?: LabelsOf;
  /** Told of every hit before it takes effect: what it does may end the program. */
  readonly onHit?: (fault: ActiveFault) => void;
}

/** No fault lasts longer, each time that it begins. */
export const faultMsMax: Millis = 600_000;
const pathsMax = 100;
const chances = 1_000_000;
const none: FaultAction = { kind: "none" };
/** What has no message to wait for: it is done when the fault begins. */
const atBegin: ReadonlySet<Seam | undefined> = new Set<Seam>(["actor", "program"]);

class Fault implements ActiveFault {
  readonly id: string;
  readonly record: FaultRecord;
  seen = 0;
  hits: number;
  isOver = false;
  readonly paths: string[] = [];
  readonly untilMs: Millis;
  readonly fromMs: Millis;
  readonly #matches: (point: SeamPoint) => boolean;
  readonly #everyMs: Millis;
  readonly #times: number;
  readonly #ms: Millis;
  readonly #count: number;
  #round = 0;
  #hitsOfRound: number;

  constructor(id: string, record: FaultRecord, now: Millis, { labelsOf, hitsBefore = 0 }: FaultSetting) {
    this.id = id;
    this.record = record;
    this.hits = hitsBefore;
    this.#hitsOfRound = hitsBefore;
    this.#matches = matcherOf(record, labelsOf);
    this.#ms = Math.min(record.for?.ms ?? faultMsMax, faultMsMax);
    this.#everyMs = record.schedule?.everyMs ?? this.#ms;
    this.#times = record.schedule?.times ?? 1;
    this.#count = record.for?.count ?? (record.when?.nth === undefined ? Number.POSITIVE_INFINITY : 1);
    this.fromMs = now + (record.when?.atMs ?? 0);
    this.untilMs = this.fromMs + (this.#times - 1) * this.#everyMs + this.#ms;
    if (this.#times === 1 && hitsBefore >= this.#count) this.isOver = true;
  }

  /** Each time that it begins. */
  get begins(): readonly Millis[] {
    return Array.from({ length: this.#times }, (_, round) => this.fromMs + round * this.#everyMs);
  }

  /** Undefined: this one passes. */
  at(point: SeamPoint, now: Millis, rng: Rng): FaultAction | undefined {
    const leftMs = this.#leftMs(now);
    if (leftMs <= 0 || this.record.kind === "skew" || !this.#matches(point)) return undefined;
    this.seen += 1;
    const { nth = 1 } = this.record.when ?? {};
    if (this.seen < nth || !this.#isDrawn(point.path, rng)) return undefined;
    this.#hit(point.path);
    return actionOf(this.record, leftMs);
  }

  skewMs(point: SeamPoint, now: Millis): Millis {
    if (this.record.kind !== "skew" || this.#leftMs(now) <= 0 || !this.#matches(point)) return 0;
    // A clock is read all the time: that it is off counts once.
    if (this.#hitsOfRound === 0) this.#hit(point.path, Number.POSITIVE_INFINITY);
    return this.record.args?.ms ?? 0;
  }

  #hit(path: string, count: number = this.#count): void {
    this.hits += 1;
    this.#hitsOfRound += 1;
    this.paths.push(path);
    if (this.paths.length > pathsMax) this.paths.shift();
    if (this.#times === 1 && this.hits >= count) this.isOver = true;
  }

  #isDrawn(path: string, rng: Rng): boolean {
    const { p } = this.record.when ?? {};
    if (p === undefined) return true;
    const { seed } = this.record;
    const drawn = seed === undefined ? rng.below(chances) : digestOf(`${seed} ${path} ${this.seen}`) % chances;
    return drawn < p * chances;
  }

  /** How long this time still lasts; 0: it is not one. */
  #leftMs(now: Millis): Millis {
    if (now >= this.untilMs) this.isOver = true;
    if (this.isOver || now < this.fromMs) return 0;
    const round = Math.min(this.#times - 1, Math.floor((now - this.fromMs) / this.#everyMs));
    if (round !== this.#round) [this.#round, this.#hitsOfRound] = [round, 0];
    if (this.#hitsOfRound >= this.#count) return 0;
    return this.fromMs + round * this.#everyMs + this.#ms - now;
  }

  clear(): void {
    this.isOver = true;
  }
}

interface FaultSetting {
  readonly labelsOf: LabelsOf | undefined;
  readonly hitsBefore: number | undefined;
}

export function createFaultTable(options: FaultTableOptions): FaultTable {
  const { clock, rng, onHit } = options;
  const watchers = new Set<() => void>();
  let faults: Fault[] = [];
  let made = 0;
  return {
    get enabled() {
      return faults.some(({ isOver }) => !isOver);
    },
    at(point) {
      if (faults.length === 0 || isOwn(point.path)) return none;
      const now = clock.mono();
      for (const fault of faults) {
        const action = fault.at(point, now, rng);
        if (action === undefined) continue;
        onHit?.(fault);
        return action;
      }
      return none;
    },
    add(record, { hitsBefore } = {}) {
      made += 1;
      const setting = { labelsOf: options.labelsOf, hitsBefore };
      const now = clock.mono();
      const fault = new Fault(record.id ?? `fault-${made}`, record, now, setting);
      faults = [...faults.filter(({ isOver }) => !isOver), fault];
      if (atBegin.has(record.seam)) {
        for (const at of fault.begins) {
          // What began in an earlier life of this program was done there.
          if (at < now) continue;
          clock.after(at - now, () => {
            if (!fault.isOver) for (const run of watchers) run();
          });
        }
      }
      return fault;
    },
    list: () => faults,
    clear() {
      for (const fault of faults) fault.clear();
      faults = [];
    },
    skewMs(whose) {
      if (faults.length === 0) return 0;
      const now = clock.mono();
      const point: SeamPoint = { seam: "clock", path: "/clock", ...whose };
      return faults.reduce((sum, fault) => sum + fault.skewMs(point, now), 0);
    },
    watch(run) {
      watchers.add(run);
      return () => void watchers.delete(run);
    },
  };
}

/** Faults would be told of and ended late if they could hit what tells of them. */
function isOwn(path: string): boolean {
  return ownPaths.some((prefix) => path.startsWith(prefix));
}

const ownPaths: readonly string[] = ["/obj/faults.troupe.dev/", "faults.faults.troupe.dev/", "/ctl/fault/"];

function actionOf({ kind, seam, args }: FaultRecord, leftMs: Millis): FaultAction {
  const message = args?.message ?? "a fault was injected";
  switch (kind) {
    case "delay":
      return { kind, ms: args?.ms ?? 0 };
    case "pause":
      return { kind: "delay", ms: seam === "program" ? (args?.ms ?? leftMs) : leftMs };
    case "hang":
      // A disk that hangs answers once the fault is over.
      return seam === "disk" ? { kind: "delay", ms: leftMs } : { kind, ms: leftMs };
    case "full":
      return { kind: "error", message: "no space left on device", code: "ENOSPC" };
    case "error":
      return { kind, message, ...(args?.code === undefined ? {} : { code: args.code }) };
    case "skew":
      return none;
    default:
      return { kind };
  }
}

/** FNV-1a, stirred: near texts give far numbers. */
function digestOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
