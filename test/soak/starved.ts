/**
 * Three masters under write load on a machine whose cores all have something else to do all the time, at the same
 * priority: whoever leads goes on leading. The term is what tells: each election would make it greater.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { readCluster } from "../../src/cli/cluster-file.ts";
import { createMachine, until, type Machine } from "../live/support/machine.ts";
import type { MemberLoad } from "../live/support/member-load.ts";

export type StarvedSoak = Omit<MemberLoad, "twiceRefused"> & {
  readonly minutes: number;
  /** Of the last minute, at the end. */
  readonly load: number;
  readonly elections: number;
  readonly twiceRefused: number;
};

interface Member {
  readonly role: string;
  readonly term: number;
}

const minutesDefault = 10;

export async function starved(minutes: number = minutesDefault): Promise<StarvedSoak> {
  const machine = createMachine();
  const data = join(machine.folder, "d");
  const busy: ChildProcess[] = [];
  try {
    const simulated = ["--runtime", "simulated", "--nodes", "2", "--masters", "3", "--wait", "120s"];
    const up = await machine.troupe("up", "--name", `ss${process.pid % 10_000}`, "--data-dir", data, ...simulated);
    if (up.code !== 0) throw new Error(up.stderr);
    await until("all masters know their leader", async () => (await look(machine, data)).filter(leads).length === 1);
    const before = termOf(await look(machine, data));
    const load = await startLoad(machine);
    for (let core = 0; core < availableParallelism(); core += 1) {
      busy.push(spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" }));
    }
    for (let left = minutes; left > 0; left -= 1) {
      await delay(Math.min(1, left) * 60_000);
      const term = termOf(await look(machine, data));
      process.stderr.write(`term ${term}, load ${loadavg()[0]}, ${Math.max(0, left - 1)} minutes left\n`);
    }
    const { twiceRefused, problems, ...report } = await load.stop();
    const elections = termOf(await look(machine, data)) - before;
    return {
      minutes,
      load: Math.round(loadavg()[0]!),
      elections,
      twiceRefused: twiceRefused.length,
      ...report,
      problems: [...problems, ...(elections === 0 ? [] : [`${elections} elections although nothing was lost`])],
    };
  } finally {
    for (const child of busy) child.kill("SIGKILL");
    await machine.dispose();
  }
}

const leads = ({ role }: Member): boolean => role === "leader";
const termOf = (members: readonly Member[]): number => Math.max(...members.map(({ term }) => term));

/** What each master says of itself. */
async function look(machine: Machine, data: string): Promise<readonly Member[]> {
  const masters = (await readCluster(data))?.masters ?? [];
  const said = masters.map(({ apiPort }) =>
    machine.kubectl("get", "--raw", "/troupe/v1/member", "--server", `https://127.0.0.1:${apiPort}`),
  );
  return (await Promise.all(said)).map((text) => JSON.parse(text) as Member);
}

async function startLoad(machine: Machine): Promise<{ stop(): Promise<MemberLoad> }> {
  const script = join(import.meta.dirname, "..", "live", "support", "member-load.js");
  const child = machine.start(process.execPath, [script, kubeconfigsOf(machine)]);
  child.stderr!.pipe(process.stderr);
  const lines = createInterface(child.stdout!)[Symbol.asyncIterator]();
  const { value } = await lines.next();
  if (value !== "ready") throw new Error(`the load was not begun: ${String(value)}`);
  return {
    async stop() {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      const { value: report } = await lines.next();
      await ended;
      if (report === undefined) throw new Error("the load has not said what it did");
      return JSON.parse(report as string) as MemberLoad;
    },
  };
}

/** The load looks for kubeconfigs where machines of their own have them. */
function kubeconfigsOf({ folder, env }: Machine): string {
  const home = join(folder, "clients");
  mkdirSync(join(home, "b1", "d"), { recursive: true });
  copyFileSync(env["KUBECONFIG"]!, join(home, "b1", "d", "admin.kubeconfig"));
  return home;
}
