import { setFlagsFromString } from "node:v8";
import { workloads } from "../../src/sim/worlds.ts";
import { realCrypto } from "../../src/env/real/crypto.ts";
import { lineOf, run, shrink } from "../../src/sim/cluster/run.ts";
import type { RunResult } from "../../src/sim/cluster/run.ts";

/**
 * `npm run sim -- --seed N --hours H [--log] [--runs N] [--faults-ms N] [--verbose] [--no-shrink]`: masters
 * (with `--log` their logs alone) under faults, seeds from N on until H virtual hours have passed, or N
 * runs. The same seed prints the same bytes, but for lines that begin with `wall:`. Ends with 1 at the
 * first red seed, after it has been made small.
 */
// Refusals and retries are many, and nobody reads where they were made.
Error.stackTraceLimit = process.argv.includes("--verbose") ? 10 : 0;
// Much put into one piece of optimised code never pays for itself. The other flags are those of `npm run sim`: most
// objects of a master die young, and are not copied again and again where new ones have 64 MiB.
setFlagsFromString("--max-inlined-bytecode-size-cumulative=300");
const args = process.argv.slice(2);
const valueOf = (name: string, otherwise: number): number => {
  const at = args.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(args[at + 1]);
};
const print = (line: string): void => void process.stdout.write(`${line}\n`);

const firstSeed = valueOf("seed", 1);
const hours = valueOf("hours", 0);
const runsWanted = valueOf("runs", 0);
const faultsMs = valueOf("faults-ms", 40_000);
const workload = args.includes("--log") ? workloads.log : workloads.masters;
const isVerbose = args.includes("--verbose");
const started = process.cpuUsage();
const totals = new Map<string, number>();
let virtualMs = 0;
let voids = 0;
let runs = 0;
let red: RunResult | undefined;

for (let seed = firstSeed; red === undefined; seed += 1) {
  const result = await run({ seed, crypto: realCrypto, workload, faultsMs, ...(isVerbose ? { trace: print } : {}) });
  print(lineOf(result));
  runs += 1;
  virtualMs += result.virtualMs;
  if (result.isVoid) voids += 1;
  for (const [name, count] of result.counts) totals.set(name, (totals.get(name) ?? 0) + count);
  if (result.violations.length > 0) red = result;
  if (runsWanted > 0 ? runs >= runsWanted : virtualMs >= hours * 3_600_000) break;
}

const { user, system } = process.cpuUsage(started);
const minutes = (user + system) / 60_000_000;
const clusterHours = virtualMs / 3_600_000;
if (hours > 0) {
  print(
    `seen: ${[...totals]
      .map(([name, count]) => `${name}=${count}`)
      .toSorted()
      .join(" ")}`,
  );
  print(`runs=${runs} void=${voids} hours=${clusterHours.toFixed(2)}`);
}
print(`wall: ${(minutes * 60).toFixed(1)} s of CPU, ${(clusterHours / minutes).toFixed(1)} cluster-hours a CPU-minute`);
if (red !== undefined) {
  for (const violation of red.violations) print(`violation: ${violation}`);
  const same = [
    ...(args.includes("--log") ? ["--log"] : []),
    ...(faultsMs === 40_000 ? [] : ["--faults-ms", faultsMs]),
  ];
  print(`replay: npm run sim -- --seed ${red.seed} --runs 1 --verbose ${same.join(" ")}`.trimEnd());
  if (!args.includes("--no-shrink")) {
    const faults = await shrink({ seed: red.seed, crypto: realCrypto, workload, faultsMs }, red.faults);
    print(`shrunk to ${faults.length} of ${red.faults.length} faults:`);
    for (const fault of faults) print(`  ${JSON.stringify(fault)}`);
    const again = await run({ seed: red.seed, crypto: realCrypto, workload, faultsMs, faults });
    for (const violation of again.violations) print(`violation: ${violation}`);
  }
  process.exitCode = 1;
}
