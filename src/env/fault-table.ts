import { matchesLabels, parseLabelSelector } from "../util/selector.ts";
import type { Millis } from "../util/time.ts";
import type { Clock, Rng } from "./env.ts";
import type { FaultAction, FaultPort, Seam, SeamPoint } from "./faults.ts";

/**
 * Faults as data: what is to go wrong, at which seam, for whom, when and how long. The same record is
 * a value in a test and, later, the spec of an object. A fault ends by itself: after its count, and
 * always after its time, which the table that holds it keeps.
 *
 * Chance draws from one stream, so a seed repeats what it decided.
 */
export interface FaultRecord {
  /** Default: a number of the table's. */
  readonly id?: string;
  /** May be left out where a kill point names it. */
  readonly seam?: Seam;
  readonly kind: Exclude<FaultAction["kind"], "none">;
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
  /** `ms` of a delay; `message` of an error. */
  readonly args?: { readonly ms?: Millis; readonly message?: string };
}

/** All that are given must hold. Globs: `*` within one segment of a path, `**` across them. */
export interface ActorSelector {
  /** `/ctl/deployment/**`; paths of objects are compared without their uid. */
  readonly path?: string;
  /** Plural of the object's kind. */
  readonly kind?: string;
  readonly ns?: string;
  readonly name?: string;
  /** A label selector; points without labels match none. */
  readonly labels?: string;
  /** Path of its parent. */
  readonly supervisor?: string;
  readonly node?: string;
  /** The master in whose process it happens: `m2`. Points of nodes and of cables match none. */
  readonly master?: string;
}

/**
 * K1 after evaluation, before the log has it · K2 durable here, not yet committed · K3 committed, not
 * yet applied · K4 applied, not yet answered.
 */
export type KillPoint = "K1" | "K2" | "K3" | "K4";

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
  clear(): void;
}

export interface FaultTable extends FaultPort {
  /** Throws what makes a record senseless. */
  add(record: FaultRecord): ActiveFault;
  list(): readonly ActiveFault[];
  clear(): void;
}

/** No fault lasts longer. */
const faultMsMax: Millis = 600_000;
const pathsMax = 100;

const killPoints: Readonly<Record<KillPoint, { readonly seam: Seam; readonly at: (path: string) => boolean }>> = {
  K1: { seam: "append", at: (path) => path !== "/raft" },
  K2: { seam: "commit", at: (path) => path === "/raft" },
  K3: { seam: "commit", at: (path) => path === "/log" },
  K4: { seam: "apply", at: (path) => path === "/log" },
};

const none: FaultAction = { kind: "none" };

class Fault implements ActiveFault {
  readonly id: string;
  readonly record: FaultRecord;
  seen = 0;
  hits = 0;
  isOver = false;
  readonly paths: string[] = [];
  readonly #matches: (point: SeamPoint) => boolean;
  readonly #from: Millis;
  readonly #until: Millis;
  readonly #count: number;

  constructor(id: string, record: FaultRecord, now: Millis) {
    this.id = id;
    this.record = record;
    this.#matches = matcherOf(record);
    this.#from = now + (record.when?.atMs ?? 0);
    this.#until = this.#from + Math.min(record.for?.ms ?? faultMsMax, faultMsMax);
    this.#count = record.for?.count ?? (record.when?.nth === undefined ? Number.POSITIVE_INFINITY : 1);
  }

  /** Undefined: this one passes. */
  at(point: SeamPoint, now: Millis, rng: Rng): FaultAction | undefined {
    if (now >= this.#until) this.isOver = true;
    if (this.isOver || now < this.#from || !this.#matches(point)) return undefined;
    this.seen += 1;
    const { nth = 1, p } = this.record.when ?? {};
    if (this.seen < nth) return undefined;
    if (p !== undefined && rng.below(chances) >= p * chances) return undefined;
    this.hits += 1;
    this.paths.push(point.path);
    if (this.paths.length > pathsMax) this.paths.shift();
    if (this.hits >= this.#count) this.isOver = true;
    return actionOf(this.record);
  }

  clear(): void {
    this.isOver = true;
  }
}

const chances = 1_000_000;

export function createFaultTable({ clock, rng }: { readonly clock: Clock; readonly rng: Rng }): FaultTable {
  let faults: Fault[] = [];
  let made = 0;
  return {
    get enabled() {
      return faults.some(({ isOver }) => !isOver);
    },
    at(point) {
      if (faults.length === 0) return none;
      const now = clock.mono();
      for (const fault of faults) {
        const action = fault.at(point, now, rng);
        if (action !== undefined) return action;
      }
      return none;
    },
    add(record) {
      made += 1;
      const fault = new Fault(record.id ?? `fault-${made}`, record, clock.mono());
      faults = [...faults.filter(({ isOver }) => !isOver), fault];
      return fault;
    },
    list: () => faults,
    clear() {
      for (const fault of faults) fault.clear();
      faults = [];
    },
  };
}

function actionOf({ kind, args }: FaultRecord): FaultAction {
  switch (kind) {
    case "delay":
      return { kind, ms: args?.ms ?? 0 };
    case "error":
      return { kind, message: args?.message ?? "a fault was injected" };
    default:
      return { kind };
  }
}

function matcherOf({ seam, where = {}, when }: FaultRecord): (point: SeamPoint) => boolean {
  const point = when?.killPoint === undefined ? undefined : killPoints[when.killPoint];
  const wanted = point?.seam ?? seam;
  if (wanted === undefined) throw new RangeError("a fault names its seam or its kill point");
  const tests: ((path: string, point: SeamPoint) => boolean)[] = [];
  const glob = (pattern: string | undefined, of: (path: string) => string): void => {
    if (pattern === undefined) return;
    const expression = globOf(pattern);
    tests.push((path) => expression.test(of(path)));
  };
  if (point !== undefined) tests.push((path) => point.at(path));
  glob(where.path, (path) => path);
  glob(where.supervisor, (path) => path.slice(0, path.lastIndexOf("/")) || "/");
  glob(where.name, (path) => path.slice(path.lastIndexOf("/") + 1));
  glob(where.ns, (path) => path.split("/").at(-2) ?? "");
  glob(where.kind, (path) => (path.startsWith("/obj/") ? (path.split("/")[3] ?? "") : ""));
  glob(where.node, (path) => /^\/(?:node|link)\/([^/]+)/.exec(path)?.[1] ?? "");
  if (where.master !== undefined) {
    const expression = globOf(where.master);
    tests.push((_path, { master }) => master !== undefined && expression.test(master));
  }
  if (where.labels !== undefined) {
    const labels = parseLabelSelector(where.labels);
    tests.push((_path, { labels: own }) => own !== undefined && matchesLabels(labels, own));
  }
  return (passing) => {
    if (passing.seam !== wanted) return false;
    const path = passing.path.startsWith("/obj/") ? passing.path.replace(/#[^/]*$/, "") : passing.path;
    return tests.every((holds) => holds(path, passing));
  };
}

function globOf(pattern: string): RegExp {
  const text = pattern
    .split(/(\*\*|\*)/)
    .map((part) => (part === "**" ? ".*" : part === "*" ? "[^/]*" : part.replaceAll(/[\\^$.|?+()[\]{}]/g, "\\$&")))
    .join("");
  return new RegExp(`^${text}$`);
}
