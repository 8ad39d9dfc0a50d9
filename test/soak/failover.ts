/** The leader of three masters lost again and again under write load, in every way; see `failover.ts` of the live tier. */
import { loadavg } from "node:os";
import { join } from "node:path";
import { runFailovers, type Failovers, type How, type Times } from "../live/support/failover-run.ts";
import { createMachine, type Machine } from "../live/support/machine.ts";

export interface FailoverSoak {
  /** Of the last minute, at the end. */
  readonly load: number;
  readonly kill: Figures;
  readonly silent: Figures;
  readonly stop: Figures;
  readonly restart: Figures;
  readonly problems: readonly string[];
}

type Figures = Pick<
  Failovers,
  "times" | "gap" | "addressGap" | "plan" | "planBehind" | "electionsMost" | "acknowledged" | "unknown"
>;

const killsDefault = 100;
/** A master that has just begun compiles its code for a second; whoever loses the next leader then waits for that. */
const settleMs = 1_500;
const limits = { gapMs: 3_000, planBehindMs: 1_000 };

export async function failover(kills: number = killsDefault): Promise<FailoverSoak> {
  const machine = createMachine();
  const data = join(machine.folder, "d");
  const problems: string[] = [];
  const lose = async (how: How, times: number): Promise<Figures> => {
    const progress = (line: string): void => void process.stderr.write(line);
    const before = await containersOf(machine);
    const report = await runFailovers(machine, data, {
      how,
      times: Math.max(3, Math.round(times)),
      settleMs,
      progress,
    });
    problems.push(...report.problems.map((problem) => `${how}: ${problem}`), ...late(how, report));
    const after = await containersOf(machine);
    if (after !== before) problems.push(`${how}: containers were ${before}, and are ${after}`);
    const { times: done, gap, addressGap, plan, planBehind, electionsMost, acknowledged, unknown } = report;
    return { times: done, gap, addressGap, plan, planBehind, electionsMost, acknowledged, unknown };
  };
  try {
    const simulated = ["--runtime", "simulated", "--nodes", "2", "--masters", "3", "--wait", "120s"];
    const up = await machine.troupe("up", "--name", `sf${process.pid % 10_000}`, "--data-dir", data, ...simulated);
    if (up.code !== 0) throw new Error(up.stderr);
    await machine.kubectl("create", "deployment", "hello", "--image=web:1", "--replicas=4");
    await machine.kubectl("rollout", "status", "deployment/hello", "--timeout=60s");
    const kill = await lose("kill", kills);
    const silent = await lose("silent", kills / 5);
    const stop = await lose("stop", kills / 2);
    const restart = await lose("restart", kills / 10);
    return { load: Math.round(loadavg()[0]!), kill, silent, stop, restart, problems };
  } finally {
    await machine.dispose();
  }
}

/** Which there are, since when, and how often they were started. */
function containersOf(machine: Machine): Promise<string> {
  const container = "{.containerID} {.restartCount} {.state.running.startedAt}";
  const each = `{.metadata.uid} {range .status.containerStatuses[*]}${container}{end}`;
  return machine.kubectl("get", "pods", "-o", `jsonpath={range .items[*]}${each};{end}`);
}

function late(how: How, { gap, planBehind, electionsMost }: Failovers): readonly string[] {
  const found = (is: boolean, words: string): readonly string[] => (is ? [`${how}: ${words}`] : []);
  const worst = (times: Times): string => `${times.maxMs} ms at worst`;
  return [
    ...found(gap.maxMs > limits.gapMs, `no write for ${worst(gap)}`),
    ...found(planBehind.maxMs > limits.planBehindMs, `no plan until ${worst(planBehind)} after the first write`),
    ...found(how === "restart" && electionsMost > 1, `${electionsMost} elections for one restart`),
  ];
}
