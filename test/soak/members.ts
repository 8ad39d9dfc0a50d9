/**
 * Masters on machines of their own come and go for a long time under write load: each round one joins, one
 * that is chosen by turns (the leader among them) is removed, killed or handed the leadership, and every
 * fourth the authorities are replaced.
 */
import { rmSync } from "node:fs";
import { until } from "../live/support/machine.ts";
import {
  configOf,
  createMachines,
  dataOf,
  newToken,
  startMemberLoad,
  startServer,
  type Box,
  type Running,
} from "../live/support/machines.ts";
import type { MemberLoad } from "../live/support/member-load.ts";

export type MembersSoak = Omit<MemberLoad, "twiceRefused"> & {
  readonly rounds: number;
  readonly twiceRefused: number;
};

const roundsDefault = 20;
const joinMs = 60_000;

interface Member {
  readonly id: number;
  readonly role: string;
  readonly api: string;
}

export async function members(rounds: number = roundsDefault): Promise<MembersSoak> {
  const machines = createMachines(5);
  const { boxes } = machines;
  const servers = new Map<Box, Running>();
  const living = (): readonly Box[] => boxes.filter((box) => servers.has(box));
  const command = async (box: Box, ...args: readonly string[]): Promise<string> => {
    const ran = await box.troupe(...args, "--data-dir", dataOf(box));
    if (ran.code !== 0) throw new Error(`troupe ${args.join(" ")}: ${ran.stderr}`);
    return ran.stdout;
  };
  const look = async (): Promise<readonly Member[]> => {
    const said = JSON.parse(await command(living()[0]!, "member", "list", "-o", "json")) as { members: Member[] };
    return said.members;
  };
  const add = async (box: Box): Promise<void> => {
    const [from] = living();
    const token = await newToken(from!, "--role", "master");
    rmSync(dataOf(box), { recursive: true, force: true });
    servers.set(box, startServer(box, "--join", `${from!.address}:6443`, "--token", token));
    await until(
      `the master at ${box.address} votes`,
      async () => (await look()).some(({ api, role }) => api === `${box.address}:6443` && role !== "learner"),
      joinMs,
    );
  };
  const remove = async (box: Box, isDead: boolean): Promise<void> => {
    const own = (await look()).find(({ api }) => api === `${box.address}:6443`);
    const server = servers.get(box)!;
    servers.delete(box);
    if (isDead) await server.end("SIGKILL");
    await command(living()[0]!, "member", "remove", String(own?.id));
    if (!isDead) await server.ended;
  };
  try {
    const [first] = boxes as [Box];
    servers.set(first, startServer(first, "--name", "soak"));
    const ready = async (): Promise<boolean> =>
      (await first.kubectl(configOf(first), "get", "--raw", "/readyz")) === "ok";
    await until("the first is ready", ready);
    for (const box of boxes.slice(1, 3)) await add(box);
    // Not on a machine whose data goes: its kubeconfigs are read anew as they come.
    const load = await startMemberLoad(first, machines.folder);
    for (let round = 0; round < rounds; round += 1) {
      const fresh = boxes.find((box) => !servers.has(box))!;
      await add(fresh);
      await remove(living()[round % living().length]!, round % 2 === 1);
      if (round % 4 === 3) await command(living()[0]!, "cert", "rotate-ca", "--settle", "2s");
      else await command(living()[0]!, "member", "transfer");
      process.stderr.write(`round ${round + 1} of ${rounds}, masters ${living().length}\n`);
    }
    const { twiceRefused, ...report } = await load.stop();
    return { rounds, twiceRefused: twiceRefused.length, ...report };
  } finally {
    await machines.dispose();
  }
}
