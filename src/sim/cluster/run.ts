import type { Crypto } from "../../env/env.ts";
import { messageOf } from "../../util/errors.ts";
import { createSimEnv } from "../env.ts";
import type { SimEnv } from "../env.ts";
import { createRng } from "../random.ts";
import { Chaos } from "./chaos.ts";
import { drawFaults } from "./faults.ts";
import type { Fault } from "./faults.ts";
import type { Workload } from "./process.ts";
import { World } from "./world.ts";

/** One seed from its beginning to its end: a warm start, faults under load, healing, the last word. */
export interface RunOptions {
  readonly seed: number;
  readonly crypto: Crypto;
  readonly workload: (world: World) => Workload;
  /** Instead of those of the seed. */
  readonly faults?: readonly Fault[];
  /** Virtual time with faults. */
  readonly faultsMs?: number;
  readonly trace?: (line: string) => void;
}

export interface RunResult {
  readonly seed: number;
  readonly violations: readonly string[];
  /** Too little was asked or done for the run to say anything. */
  readonly isVoid: boolean;
  readonly faults: readonly Fault[];
  readonly digest: string;
  readonly virtualMs: number;
  readonly events: number;
  readonly attempted: number;
  readonly acknowledged: number;
  readonly reads: number;
  readonly terms: number;
  readonly counts: ReadonlyMap<string, number>;
}

const warmMs = 3_000;
const stepMs = 250;
const healMs = 40_000;

export async function run(options: RunOptions): Promise<RunResult> {
  const { seed, crypto, workload, trace, faultsMs = 40_000 } = options;
  const world = new World({ seed, crypto, workload, ...(trace === undefined ? {} : { trace }) });
  const env = createSimEnv({ seed, clock: world.clock });
  const faults = options.faults ?? drawFaults(createRng(seed, "faults"), warmMs, warmMs + faultsMs);
  const chaos = new Chaos(world, faults);
  try {
    world.start();
    await advance(env, world, warmMs + faultsMs);
    if (world.checker.violations.length === 0) await heal(env, world, chaos);
  } catch (error) {
    world.checker.fail(`the run ended: ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}`);
  }
  for (const violation of world.checker.violations) world.note("violation", 0, violation);
  return resultOf(world, faults);
}

async function advance(env: SimEnv, world: World, untilMs: number): Promise<void> {
  while (world.clock.mono() < untilMs && world.checker.violations.length === 0) await env.advance(stepMs);
}

/** No more faults: soon someone leads, writes go through, and all have the same. */
async function heal(env: SimEnv, world: World, chaos: Chaos): Promise<void> {
  const healedAt = world.clock.mono();
  chaos.healAll();
  const before = world.workload.acknowledged;
  let isWriting = true;
  while (world.clock.mono() < healedAt + healMs && world.checker.violations.length === 0) {
    await env.advance(stepMs);
    const has = world.workload.acknowledged > before && world.clock.mono() > healedAt + 8_000;
    if (isWriting && has) {
      isWriting = false;
      world.workload.stop();
      await env.advance(2_000);
    }
    if (!isWriting && disagreement(world) === "") return;
  }
  if (world.checker.violations.length > 0) return;
  world.checker.fail(isWriting ? `no write goes through after healing: ${states(world)}` : disagreement(world));
}

/** Why the cluster has not come to rest; empty if it has. */
function disagreement(world: World): string {
  const { leader } = world;
  const leading = leader?.process;
  if (leading === undefined) return `no one leads after healing: ${states(world)}`;
  const { incoming, outgoing, learners } = leading.raft.config;
  for (const id of new Set([...incoming, ...outgoing, ...learners])) {
    const member = world.members.find((one) => one.id === id);
    const process = member?.process;
    const hasAll = process?.applied === leading.applied && process?.digest === leading.digest;
    if (!hasAll || process?.raft.isDamaged !== false) return `member ${id} does not catch up: ${states(world)}`;
  }
  if (outgoing.length > 0) return `the joint configuration is not left: ${states(world)}`;
  return world.workload.unfinished();
}

function states(world: World): string {
  return world.members
    .map(({ id, process, isRemoved, life }) => {
      if (isRemoved) return `${id} removed`;
      if (process === undefined) return `${id} ${life === undefined ? "down" : "starting"}`;
      const { raft, applied } = process;
      const { incoming, outgoing } = raft.config;
      const flags = `${raft.isDamaged ? " damaged" : ""}${raft.isDiskFull ? " full" : ""}`;
      return `${id} ${raft.role}@${raft.term} of ${raft.leader ?? 0} applied=${applied}${flags} (${incoming.join()}/${outgoing.join()})`;
    })
    .join("; ");
}

function resultOf(world: World, faults: readonly Fault[]): RunResult {
  const { checker, seed, digest, events, counts, clock } = world;
  const { attempted, acknowledged, reads } = world.workload;
  const virtualMs = clock.mono();
  return {
    seed,
    violations: checker.violations,
    isVoid: attempted < (20 * virtualMs) / 1_000 || acknowledged < 20,
    faults,
    digest,
    virtualMs,
    events,
    attempted,
    acknowledged,
    reads,
    terms: checker.terms,
    counts,
  };
}

/** The smallest part of the faults that still breaks it, by leaving out ever smaller pieces. */
export async function shrink(options: RunOptions, failing: readonly Fault[]): Promise<readonly Fault[]> {
  let faults = failing;
  for (let piece = Math.ceil(faults.length / 2); piece >= 1; piece = piece === 1 ? 0 : Math.ceil(piece / 2)) {
    for (let at = 0; at < faults.length;) {
      const fewer = [...faults.slice(0, at), ...faults.slice(at + piece)];
      const { violations } = await run({ ...options, faults: fewer, trace: () => undefined });
      if (violations.length > 0) faults = fewer;
      else at += piece;
    }
  }
  return faults;
}

/** One line for one run. */
export function lineOf(result: RunResult): string {
  const { seed, violations, isVoid, faults, acknowledged, reads, terms, virtualMs, digest } = result;
  const verdict = violations.length > 0 ? "RED" : isVoid ? "void" : "ok";
  const seconds = (virtualMs / 1_000).toFixed(1);
  return (
    `seed=${seed} ${verdict} virtual=${seconds}s faults=${faults.length} writes=${acknowledged} ` +
    `reads=${reads} terms=${terms} digest=${digest}`
  );
}
