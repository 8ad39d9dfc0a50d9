/** Starts `master-kills.js` inside a machine, and reads its report. */
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Machine } from "./machine.ts";
import type { MasterKills } from "./master-kills.ts";

export type { MasterKills } from "./master-kills.ts";

const logLines = 20;

interface Options {
  readonly kills: number;
  /** Told a line for each kill. */
  readonly progress?: (line: string) => void;
}

async function tailOf(path: string): Promise<string> {
  const lines = (await readFile(path, "utf8")).trimEnd().split("\n");
  return `${path} ends with:\n${lines.slice(-logLines).join("\n")}`;
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
  if (code !== 0) {
    // The machine is taken down next: what its logs say would be lost.
    const names = (await readdir(join(data, "logs"))).filter((name) => /^(server|keeper)[^.]*\.log$/.test(name));
    const logs = await Promise.all(names.map((log) => tailOf(join(data, "logs", log))));
    throw new Error(`the kills ended with ${code}: ${stderr}\n${logs.join("\n")}`);
  }
  return JSON.parse(stdout) as MasterKills;
}
