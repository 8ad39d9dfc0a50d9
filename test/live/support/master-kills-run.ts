/** Starts `master-kills.js` inside a machine, and reads its report. */
import { once } from "node:events";
import { join } from "node:path";
import type { Machine } from "./machine.ts";
import type { MasterKills } from "./master-kills.ts";

export type { MasterKills } from "./master-kills.ts";

interface Options {
  readonly kills: number;
  /** Told a line for each kill. */
  readonly progress?: (line: string) => void;
}

export async function runMasterKills(machine: Machine, data: string, options: Options): Promise<MasterKills> {
  const script = join(import.meta.dirname, "master-kills.js");
  const child = machine.start(process.execPath, [script, data, machine.env["KUBECONFIG"]!, String(options.kills)]);
  let [stdout, stderr] = ["", ""];
  child.stdout!.on("data", (text: Buffer) => (stdout += text.toString()));
  child.stderr!.on("data", (text: Buffer) => {
    stderr += text.toString();
    options.progress?.(text.toString());
  });
  const [code] = (await once(child, "close")) as [number];
  if (code !== 0) throw new Error(`the kills ended with ${code}: ${stderr}`);
  return JSON.parse(stdout) as MasterKills;
}
