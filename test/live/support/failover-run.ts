/** Starts `failover.js` inside a machine, and reads its report. */
import type { Failovers, How } from "./failover.ts";
import type { Machine } from "./machine.ts";
import { runScript } from "./run-script.ts";

export type { Failovers, How, Times } from "./failover.ts";

interface Options {
  readonly how: How;
  readonly times: number;
  /** The least time between two losses, once all masters are whole again; default 300 ms. */
  readonly settleMs?: number;
  /** Told a line for each loss. */
  readonly progress?: (line: string) => void;
}

export function runFailovers(
  machine: Machine,
  data: string,
  { how, times, settleMs = 300, progress }: Options,
): Promise<Failovers> {
  return runScript(machine, { script: "failover.js", data, args: [how, String(times), String(settleMs)], progress });
}
