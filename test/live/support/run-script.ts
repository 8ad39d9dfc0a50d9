/** Starts a script beside this one inside a machine, and reads the line of JSON that it ends with. */
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Machine } from "./machine.ts";

const logLines = 20;

export interface ScriptOptions {
  /** `master-kills.js`, say; it is given the data directory and the kubeconfig before `args`. */
  readonly script: string;
  readonly data: string;
  readonly args: readonly string[];
  /** Told what it says on its way. */
  readonly progress?: ((line: string) => void) | undefined;
}

export async function runScript<Report>(machine: Machine, options: ScriptOptions): Promise<Report> {
  const { script, data, args, progress } = options;
  const path = join(import.meta.dirname, script);
  const child = machine.start(process.execPath, [path, data, machine.env["KUBECONFIG"]!, ...args]);
  let [stdout, stderr] = ["", ""];
  child.stdout!.on("data", (text: Buffer) => (stdout += text.toString()));
  child.stderr!.on("data", (text: Buffer) => {
    stderr += text.toString();
    progress?.(text.toString());
  });
  const [code] = (await once(child, "close")) as [number];
  if (code !== 0) {
    // The machine is taken down next: what its logs say would be lost.
    const names = (await readdir(join(data, "logs"))).filter((name) => /^(server|keeper)[^.]*\.log$/.test(name));
    const logs = await Promise.all(names.map((log) => tailOf(join(data, "logs", log))));
    throw new Error(`${script} ended with ${code}: ${stderr}\n${logs.join("\n")}`);
  }
  return JSON.parse(stdout) as Report;
}

async function tailOf(path: string): Promise<string> {
  const lines = (await readFile(path, "utf8")).trimEnd().split("\n");
  return `${path} ends with:\n${lines.slice(-logLines).join("\n")}`;
}
