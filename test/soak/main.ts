/**
 * Long loops of what the fast and the live tier run as a slice; of the live tier as root on a machine of their own:
 *
 *   npm run soak -- kills [COUNT]       kill -9 of the master under write load, with a ledger (50)
 *   npm run soak -- rollouts [MINUTES]  rolling updates under client loops (30)
 *   npm run soak -- failover [KILLS]    the leader of three masters lost in every way under write load (100)
 *   npm run soak -- members [ROUNDS]    masters join, are removed, die and get new authorities under write load (20)
 *   npm run soak -- starved [MINUTES]   every core busy with something else, and no election (10)
 *   npm run soak -- clusters [COUNT]    virtual clusters one after another in one process (1,000)
 *   npm run soak -- replays [COUNT]     the same seed again and again: the same bytes (100)
 *
 * Each ends with one line of JSON: its figures, and `problems`, which must be empty (else exit code 1).
 */
import { disposeMachines } from "../live/support/machine.ts";
import { clusters } from "./clusters.ts";
import { failover } from "./failover.ts";
import { kills } from "./kills.ts";
import { members } from "./members.ts";
import { replays } from "./replays.ts";
import { rollouts } from "./rollouts.ts";
import { starved } from "./starved.ts";

interface Soaked {
  readonly problems: readonly string[];
}

const soaks: Readonly<Record<string, (amount: number | undefined) => Promise<Soaked>>> = {
  clusters,
  failover,
  kills,
  members,
  replays,
  rollouts,
  starved,
};

async function main(): Promise<number> {
  const [name = "", amount] = process.argv.slice(2);
  const soak = soaks[name];
  const number = amount === undefined ? undefined : Number(amount);
  if (soak === undefined || (number !== undefined && !(number > 0))) {
    process.stderr.write(`usage: npm run soak -- ${Object.keys(soaks).join("|")} [AMOUNT]\n`);
    return 2;
  }
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => void disposeMachines().finally(() => process.exit(130)));
  }
  const startedMs = Date.now();
  const soaked = await soak(number);
  const seconds = Math.round((Date.now() - startedMs) / 1_000);
  process.stdout.write(`${JSON.stringify({ soak: name, seconds, ...soaked })}\n`);
  return soaked.problems.length === 0 ? 0 : 1;
}

process.exitCode = await main();
