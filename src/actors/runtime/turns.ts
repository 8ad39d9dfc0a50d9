import type { Log } from "../../env/env.ts";
import type { Cause } from "../../store/outcome.ts";
import type { Millis } from "../../util/time.ts";
import type { KindLookup } from "./codec.ts";
import { slowActorsMax, slowTurnMs } from "./limits.ts";
import { objectPath } from "./paths.ts";
import type { OpenTransaction } from "./transaction.ts";

/**
 * How long turns take, and whose were too long: one turn of one actor holds up everything else that
 * the leader does. A turn that is too long is not rolled back (on a loaded machine that would refuse
 * what only took its time); it is counted, logged by the caller, and shown with its actor.
 */
export interface Turns {
  /** The turn of a command, told as its first row's. */
  of(turn: Turn, cause: Cause, ms: Millis): void;
  /** True: this one was too long. `what`: the key, the event. */
  took(path: string, what: string, ms: Millis): boolean;
  fault(kind: FaultCount): void;
  /** Actors with slow turns, by path. */
  slow(): ReadonlyMap<string, SlowTurns>;
  /** In Prometheus' text format. */
  text(): readonly string[];
}

export interface Turn {
  readonly transaction: OpenTransaction;
  readonly kinds: KindLookup;
  readonly log: Log;
}

export type FaultCount = "throw" | "plan" | "slow-turn" | "dead-letter" | "quarantine" | "breaker";

export interface SlowTurns {
  readonly count: number;
  /** `default/web took 73 ms`. */
  readonly last: string;
}

const bucketsMs = [0.1, 0.5, 2, 10, slowTurnMs, 250, 1_000] as const;

export function createTurns(): Turns {
  const buckets = bucketsMs.map(() => 0);
  const faults = new Map<FaultCount, number>();
  const slow = new Map<string, SlowTurns>();
  let count = 0;
  let sumMs = 0;

  const fault = (kind: FaultCount): void => void faults.set(kind, (faults.get(kind) ?? 0) + 1);
  const turns: Turns = {
    fault,
    of({ transaction, kinds, log }, { actor, event }, ms) {
      const path = ms > slowTurnMs ? firstPath(transaction, kinds) : "";
      if (turns.took(path, event, ms)) log("warn", "turn-slow", { path, actor, event, ms: Math.round(ms) });
    },
    took(path, what, ms) {
      count += 1;
      sumMs += ms;
      const at = bucketsMs.findIndex((bound) => ms <= bound);
      if (at >= 0) buckets[at] = buckets[at]! + 1;
      if (ms <= slowTurnMs) return false;
      fault("slow-turn");
      const known = slow.get(path);
      slow.delete(path);
      slow.set(path, { count: (known?.count ?? 0) + 1, last: `${what} took ${Math.round(ms)} ms` });
      const [oldest] = slow.keys();
      if (slow.size > slowActorsMax && oldest !== undefined) slow.delete(oldest);
      return true;
    },
    slow: () => slow,
    text() {
      const turn = "troupe_actor_turn_duration_seconds";
      let upTo = 0;
      const lines = bucketsMs.map((bound, at) => {
        upTo += buckets[at]!;
        return `${turn}_bucket{le="${bound / 1_000}"} ${upTo}`;
      });
      return [
        `# HELP ${turn} Time of one turn of an actor.`,
        `# TYPE ${turn} histogram`,
        ...lines,
        `${turn}_bucket{le="+Inf"} ${count}`,
        `${turn}_sum ${sumMs / 1_000}`,
        `${turn}_count ${count}`,
        "# HELP troupe_actor_faults_total What went wrong in actors, by kind.",
        "# TYPE troupe_actor_faults_total counter",
        ...[...faults].map(([kind, value]) => `troupe_actor_faults_total{kind="${kind}"} ${value}`),
      ];
    },
  };
  return turns;
}

function firstPath(transaction: OpenTransaction, kinds: KindLookup): string {
  const change = transaction.changes()[0];
  const row = change?.next ?? change?.previous;
  const kind = row && kinds.get(row.kind);
  return row === undefined || kind === undefined ? "/api" : objectPath(kind, row, row.hot.uid);
}
