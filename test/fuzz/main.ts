/**
 * Random and hostile requests against the whole server in virtual time:
 *
 *   npm run fuzz -- [--requests N] [--seed S] [--round R]     (2,000,000 requests, seed 1, all rounds)
 *
 * It ends with one line of JSON. A problem names its round and step: the same seed and round repeat it.
 * Exit code 1 when something crashed, hung, answered a 5xx, or memory grew.
 */
import { parseArgs } from "node:util";
import { fuzz, requestsPerRound } from "./run.ts";

const growthRatioMax = 1.5;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { requests: { type: "string" }, seed: { type: "string" }, round: { type: "string" } },
  });
  const firstRound = values.round === undefined ? undefined : Number(values.round);
  const requests = Number(values.requests ?? (firstRound === undefined ? 2_000_000 : requestsPerRound));
  const seed = Number(values.seed ?? 1);
  const began = performance.now();
  const figures = await fuzz({
    seed,
    requests,
    ...(firstRound === undefined ? {} : { firstRound }),
    onRound: (round, { requests: done, problems, longestBlockMs }) => {
      if (round % 10 === 9) {
        process.stderr.write(`${done} requests, ${problems.length} problems, longest block ${longestBlockMs} ms\n`);
      }
    },
  });
  const seconds = Math.round((performance.now() - began) / 1_000);
  process.stdout.write(`${JSON.stringify({ fuzz: "both doors", seed, seconds, ...figures })}\n`);
  const isFlat = figures.memoryLastBytes < figures.memoryFirstBytes * growthRatioMax;
  return figures.problems.length === 0 && isFlat ? 0 : 1;
}

process.exitCode = await main();
