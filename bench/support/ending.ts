/**
 * However a bench ends, nothing of it goes on: a signal (a time-out's, Ctrl-C) first takes down what it has
 * started, newest first, and then ends the process.
 */
import { execFileSync } from "node:child_process";
import { constants } from "node:os";
import { messageOf } from "../../src/util/errors.ts";

type Run = () => Promise<void> | void;

const runs: Run[] = [];

/** Runs when a signal ends the bench. It must bear being run again after a regular end. */
export function atEnd(run: Run): void {
  runs.push(run);
}

let isEnding = false;

export function endOnSignals(): void {
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    process.once(signal, () => {
      isEnding = true;
      process.stderr.write(`${signal}: takes down what was started\n`);
      void endAll().then(() => process.exit(128 + constants.signals[signal]));
    });
  }
}

/** A bench whose processes were killed under it fails: that is no error if a signal asked for it. */
export async function unlessEnding(error: unknown): Promise<never> {
  if (isEnding) await new Promise(() => undefined);
  throw error;
}

async function endAll(): Promise<void> {
  for (const run of runs.splice(0).toReversed()) {
    try {
      await run();
    } catch (error) {
      process.stderr.write(`${messageOf(error)}\n`);
    }
  }
}

/** Kills whatever is left in a network namespace of the bench's own; nobody else is in there. */
export function killInside(netns: string): void {
  kill(pidsInside(netns));
}

export function kill(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

/** None, if the namespace is gone. */
function pidsInside(netns: string): readonly number[] {
  try {
    const text = execFileSync("ip", ["netns", "pids", netns], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return text.split("\n").flatMap((line) => (line === "" ? [] : [Number(line)]));
  } catch (error) {
    if (typeof (error as { readonly status?: unknown }).status === "number") return [];
    throw error;
  }
}
