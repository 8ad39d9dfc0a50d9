/**
 * What lives as long as a master's process, as `kubectl get actors` lists it: the log, the state that
 * its entries make, the doors. A failure of the log or of the state cannot be mended in place, since
 * what was acknowledged must come back from the disk: it ends the process (`onFatal`), which the
 * keeper starts again. Sessions are many and short: they are counted at their door.
 */
import { partChild, type ChildSpec } from "../actors/runtime/supervisor.ts";
import type { Env } from "../env/env.ts";
import type { HttpExchange } from "../env/http.ts";
import type { ReplicatedLog } from "../raft/log-api.ts";
import type { Store } from "../store/store.ts";

export interface ProcessPartsOptions {
  readonly env: Env;
  readonly store: Store;
  readonly log: ReplicatedLog;
  readonly sessions: () => number;
}

const forever = (): (() => void) => () => {};

export function processParts({ env, store, log, sessions }: ProcessPartsOptions): readonly ChildSpec[] {
  const part = (path: string, more: { state?: () => string; mailbox?: () => number } = {}): ChildSpec =>
    partChild({ path, machine: path.slice(1), supervisor: "/", run: forever, ...more }, env.clock);
  return [
    part("/log", { state: () => log.role }),
    part("/store", { state: () => (store.tip.revision > store.revision ? "staged" : "applied") }),
    part("/api", { mailbox: sessions }),
    part("/links"),
  ];
}

/** Counts requests that are open: watches, streams, and those being answered. */
export class Sessions {
  count = 0;

  counted(exchange: HttpExchange): HttpExchange {
    this.count += 1;
    exchange.onClose(() => {
      this.count -= 1;
    });
    return exchange;
  }
}
