import type { SystemWrite } from "../../store/outcome.ts";
import type { TipStore } from "../../store/store-api.ts";
import type { Millis } from "../../util/time.ts";
import { quarantineFaultsMax, quarantineWindowMs } from "./limits.ts";

/**
 * An actor that keeps failing is parked: its row stays readable and writable, its machine (or its
 * plan) is left alone. The rows are replicated, so a failover does not release anyone; the counts
 * that lead there are the leader's own and die with its term.
 */
export interface Quarantine {
  /** Counts a fault; true: the actor has had more than the window allows. */
  fault(path: string, now: Millis): boolean;
  has(path: string): boolean;
  all(): readonly QuarantineRow[];
  enter(row: QuarantineRow): SystemWrite;
  release(path: string): SystemWrite;
  /** Half open: released for one try; a single fault brings it back. */
  probe(path: string): SystemWrite;
  /** A step went well: a probed actor is free again. */
  succeeded(path: string): void;
}

export interface QuarantineRow {
  readonly path: string;
  readonly machine: string;
  readonly version: number;
  readonly since: Millis;
  readonly error: string;
}

const table = "quarantine";
const prefix = "actor ";

export function createQuarantine(store: Pick<TipStore, "system" | "systemRows">): Quarantine {
  const recent = new Map<string, Millis[]>();
  const probed = new Set<string>();
  return {
    fault(path, now) {
      if (probed.delete(path)) return true;
      const times = (recent.get(path) ?? []).filter((at) => now - at < quarantineWindowMs);
      times.push(now);
      recent.set(path, times);
      return times.length > quarantineFaultsMax;
    },
    has: (path) => store.system(table, prefix + path) !== undefined,
    all: () =>
      store
        .systemRows(table)
        .filter(([key]) => key.startsWith(prefix))
        .map(([, value]) => JSON.parse(value) as QuarantineRow),
    enter(row) {
      recent.delete(row.path);
      return { table, key: prefix + row.path, value: JSON.stringify(row) };
    },
    release(path) {
      recent.delete(path);
      return { table, key: prefix + path };
    },
    probe(path) {
      probed.add(path);
      return { table, key: prefix + path };
    },
    succeeded(path) {
      if (probed.size > 0) probed.delete(path);
    },
  };
}
