import type { Clock, Env } from "./env.ts";
import type { FaultTable } from "./fault-table.ts";
import { faultyDisk } from "./faulty-disk.ts";
import { faultsOf, firstFault, type SeamPoint } from "./faults.ts";
import type { Program } from "./program.ts";

/** The world of a program that was started with faults enabled: its clock, its disk and its seams obey the table. */
export interface FaultyEnvOptions {
  readonly env: Env;
  readonly table: FaultTable;
  /** A table that several programs of one world share: clocks obey it too. */
  readonly shared?: FaultTable | undefined;
  /** Which master or node it is. */
  readonly whose: () => Pick<SeamPoint, "master" | "isLeader" | "node">;
}

export function faultyEnv({ env, table, shared, whose }: FaultyEnvOptions): Env {
  const faults = faultsOf(firstFault([env.faults, table]), whose);
  const clock: Clock = {
    wall: () => env.clock.wall() + table.skewMs(whose()) + (shared?.skewMs(whose()) ?? 0),
    mono: () => env.clock.mono(),
    after: (delayMs, run, options) => env.clock.after(delayMs, run, options),
  };
  return { ...env, clock, faults, disk: faultyDisk(env.disk, { clock: env.clock, faults }) };
}

/** Faults of the seam `program` reach the program at `path` when they begin. Answers how to end that. */
export function obeyProgramFaults(env: Env, path: string, program: Program): () => void {
  const end = env.faults.watch?.(() => {
    const action = env.faults.at({ seam: "program", path });
    if (action.kind === "crash") program.kill();
    else if (action.kind === "delay") program.pause(action.ms);
    else if (action.kind === "hang") program.hang(action.ms ?? 0);
  });
  return () => end?.();
}
