/** Starts the client loop inside a machine, and reads what it has counted. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Load } from "./load-client.ts";
import type { Machine } from "./machine.ts";

export interface RunningLoad {
  /** Lets the open requests end. */
  stop(): Promise<Load>;
}

const running = new Set<ChildProcess>();

/** For the end of a test file: a test that failed has left its loop running. */
export function killLoads(): void {
  for (const child of running) child.kill("SIGKILL");
}

export async function startLoad(machine: Machine, url: string, concurrency: number): Promise<RunningLoad> {
  const script = join(import.meta.dirname, "load-client.js");
  const child = machine.start(process.execPath, [script, url, String(concurrency)]);
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout! });
  reader.on("line", (line) => lines.push(line));
  const ended = once(child, "close");
  running.add(child);
  child.once("close", () => running.delete(child));
  await Promise.race([once(reader, "line"), ended]);
  if (lines[0] !== "ready") throw new Error(`the client loop got no answer from ${url}`);
  return {
    async stop() {
      child.kill("SIGTERM");
      await ended;
      return JSON.parse(lines.at(-1)!) as Load;
    },
  };
}
