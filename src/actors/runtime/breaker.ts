import type { SystemWrite } from "../../store/outcome.ts";
import type { TipStore } from "../../store/store-api.ts";
import type { Millis } from "../../util/time.ts";
import { breakerActorsMin, breakerActorsPercent, breakerWindowMs } from "./limits.ts";
import type { MachineCatalogue, MachineDef } from "./machine.ts";

/**
 * When many different actors fail on one machine version, the version is at fault, not the actors:
 * the one before it takes over, and without one the kind is stored only. Replicated; closed by a
 * newer version (its number differs) or by `troupe actors release`.
 */
export interface Breaker {
  /** The newest version whose breaker is closed; undefined: rows are stored, nothing reacts. */
  active(machine: string): MachineDef | undefined;
  /** Counts the actor; the row to write if this opens the breaker. `population`: rows of the kind. */
  fault(fault: BreakerFault): SystemWrite | undefined;
  close(machine: string, version: number): SystemWrite;
  /** Versions that are left out of use. */
  all(): readonly BreakerRow[];
}

export interface BreakerRow {
  readonly machine: string;
  readonly version: number;
  readonly since: Millis;
}

export interface BreakerFault {
  readonly machine: string;
  readonly version: number;
  readonly path: string;
  readonly now: Millis;
  readonly population: number;
}

const table = "quarantine";
const prefix = "breaker ";

function rowKey(machine: string, version: number): string {
  return `${prefix}${machine} ${version}`;
}

export function createBreaker(store: Pick<TipStore, "system" | "systemRows">, machines: MachineCatalogue): Breaker {
  const failing = new Map<string, Map<string, Millis>>();
  return {
    active: (machine) =>
      machines.get(machine)?.find((def) => store.system(table, rowKey(machine, def.version)) === undefined),
    fault({ machine, version, path, now, population }) {
      const key = rowKey(machine, version);
      const actors = failing.get(key) ?? new Map<string, Millis>();
      failing.set(key, actors);
      actors.set(path, now);
      for (const [other, at] of actors) if (now - at >= breakerWindowMs) actors.delete(other);
      const limit = Math.max(breakerActorsMin, (population * breakerActorsPercent) / 100);
      if (actors.size < limit || store.system(table, key) !== undefined) return undefined;
      failing.delete(key);
      return { table, key, value: JSON.stringify({ machine, version, since: now }) };
    },
    all: () =>
      store
        .systemRows(table)
        .filter(([key]) => key.startsWith(prefix))
        .map(([, value]) => JSON.parse(value) as BreakerRow),
    close: (machine, version) => ({ table, key: rowKey(machine, version) }),
  };
}
