/** Starts `master-kills.js` inside a machine, and reads its report. */
import type { Machine } from "./machine.ts";
import type { MasterKills } from "./master-kills.ts";
import { runScript } from "./run-script.ts";

export type { MasterKills } from "./master-kills.ts";

interface Options {
  readonly kills: number;
  /** Told a line for each kill. */
  readonly progress?: (line: string) => void;
}

export function runMasterKills(machine: Machine, data: string, { kills, progress }: Options): Promise<MasterKills> {
  return runScript(machine, { script: "master-kills.js", data, args: [String(kills)], progress });
}
