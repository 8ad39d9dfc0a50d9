/** Rolling updates of three pods to three new ones, one after the other, under a client loop through the ClusterIP. */
import { join } from "node:path";
import { killLoads, startLoad } from "../live/support/load.ts";
import { createMachine, root, type Machine } from "../live/support/machine.ts";

export interface Rollouts {
  readonly rollouts: number;
  readonly answered: number;
  readonly slowestMs: number;
  readonly problems: readonly string[];
}

const minutesDefault = 30;
const clients = 6;

export async function rollouts(minutes: number = minutesDefault): Promise<Rollouts> {
  const machine = createMachine();
  try {
    const up = await machine.troupe(
      "up",
      "--name",
      `sr${process.pid % 10_000}`,
      "--data-dir",
      join(machine.folder, "d"),
    );
    if (up.code !== 0) throw new Error(up.stderr);
    await machine.kubectl("apply", "-f", join(root, "examples/hello"));
    await machine.kubectl("rollout", "status", "deployment/hello", "--timeout=60s");
    return await roll(machine, Date.now() + minutes * 60_000);
  } finally {
    killLoads();
    await machine.dispose();
  }
}

async function roll(machine: Machine, untilMs: number): Promise<Rollouts> {
  const clusterIp = await machine.kubectl("get", "service", "hello", "-o", "jsonpath={.spec.clusterIP}");
  const load = await startLoad(machine, `http://${clusterIp}/`, clients);
  let count = 0;
  while (Date.now() < untilMs) {
    count += 1;
    await machine.kubectl("set", "env", "deployment/hello", `GREETING=round-${count}`);
    await machine.kubectl("rollout", "status", "deployment/hello", "--timeout=60s");
    if (count % 20 === 0) process.stderr.write(`${count} rollouts\n`);
  }
  const { answered, failures, slowestMs } = await load.stop();
  const problems = failures.map(({ atMs, error }) => `${new Date(atMs).toISOString()} a request was lost: ${error}`);
  return { rollouts: count, answered, slowestMs, problems };
}
