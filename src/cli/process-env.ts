/** The `Env` of a real process: the machine's clock and randomness, files under one folder. */
import { join } from "node:path";
import type { ProcessFaults, ProcessFaultsOptions } from "../server/faults.ts";
import { noFaults } from "../env/faults.ts";
import type { Env, Log } from "../env/env.ts";
import { realClock } from "../env/real/clock.ts";
import { realCrypto } from "../env/real/crypto.ts";
import { createRealDisk } from "../env/real/disk.ts";
import { createRealLog } from "../env/real/log.ts";
import { realRandom } from "../env/real/random.ts";

/** `TROUPE_VERBOSE=1`, which `up` hands on to all that it starts. */
const isVerbose = process.env["TROUPE_VERBOSE"] === "1";

export function createProcessEnv(options: { readonly diskRoot: string; readonly verbose: boolean }): Env {
  return {
    clock: realClock,
    random: realRandom,
    disk: createRealDisk(options.diskRoot),
    crypto: realCrypto,
    faults: noFaults,
    log: createRealLog({
      level: options.verbose || isVerbose ? "debug" : "info",
      readable: process.stderr.isTTY === true,
    }),
  };
}

interface FaultsHere extends Pick<ProcessFaultsOptions, "self"> {
  readonly folder: string;
  /** A watchdog that kills it for that blames whatever it was told of last. */
  readonly beforeHang?: () => void;
}

/** With `--enable-faults`: the same, obeying Faults. `folder`: where it is kept what they have done. */
export async function createProcessFaults(env: Env, { self, folder, beforeHang }: FaultsHere): Promise<ProcessFaults> {
  const { ProcessFaults } = await import("../server/faults.ts");
  const { realProgram } = await import("../env/real/program.ts");
  const { fileJournal } = await import("../env/real/fault-journal.ts");
  env.log("warn", "faults.enabled", self);
  const hang = (ms: number): void => {
    beforeHang?.();
    realProgram.hang(ms);
  };
  return new ProcessFaults({
    env,
    self,
    program: { ...realProgram, hang },
    journal: fileJournal(join(folder, "faults.json")),
  });
}

/**
 * What nobody caught ends the process in order: one line that says what it was, then the exit that
 * the keeper answers with a new start. Answers the same for errors that were caught.
 */
export function endOnSurprises(log: Log, part: "master" | "agent"): (error: Error) => void {
  const end = (error: unknown): void => {
    log("error", `${part}.fatal`, { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    process.exit(1);
  };
  process.on("uncaughtException", end);
  process.on("unhandledRejection", end);
  return end;
}
