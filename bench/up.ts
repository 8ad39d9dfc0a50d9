/**
 * `npm run bench -- up`: how soon a cluster is there, and what it costs at rest.
 *
 * Method. Five times on a fresh data directory, in a network namespace of its own, with all packages
 * installed: wall time of `troupe up` from the start of its process to its end, which is after the
 * node is Ready; then `down --purge`. Beside each, in the same run: a bare `node -e 0`, and a bare
 * containerd on a fresh root until it answers Version. Medians. Afterwards, on one more cluster with
 * one running pod and 10 s of rest, the CPU time of each process over 20 s (ticks of 10 ms, ended
 * children included) as part of one core, and its RSS and PSS.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processesOf } from "../src/cli/processes.ts";
import { realClock } from "../src/env/real/clock.ts";
import { createCri } from "../src/node/cri/client.ts";
import { busyboxImage } from "../src/node/images/build/offline.ts";
import { createMachine, until, type Machine } from "../test/live/support/machine.ts";
import { cpuMsOf, createCluster, load, median, memoryOf, minus, pause, round, say } from "./support/cluster.ts";

const rounds = 5;
const idleSeconds = 20;

export async function run(): Promise<object> {
  const machine = createMachine();
  try {
    const [ups, nodes, containerds]: [number[], number[], number[]] = [[], [], []];
    for (let turn = 0; turn < rounds; turn += 1) {
      nodes.push(await timed(async () => void (await machine.run(process.execPath, ["-e", "0"]))));
      containerds.push(await bareContainerd());
      const cluster = createCluster(machine);
      let said = "";
      ups.push(await timed(async () => void (said = await cluster.up())));
      say(
        `${said.trim()}\nup ${ups.at(-1)} ms, node ${nodes.at(-1)}, containerd ${containerds.at(-1)}; load ${load()}`,
      );
      await cluster.down();
    }
    return {
      bench: "up",
      rounds,
      upMs: median(ups),
      bestUpMs: Math.min(...ups),
      bareNodeMs: median(nodes),
      bareContainerdMs: median(containerds),
      ratio: round(median(ups) / (median(nodes) + median(containerds))),
      idle: await idle(machine),
      method: "wall time of `troupe up` to node Ready on fresh data; ratio to a bare node and a bare containerd start",
    };
  } finally {
    await machine.dispose();
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  await work();
  return Math.round(performance.now() - startMs);
}

async function bareContainerd(): Promise<number> {
  const root = mkdtempSync("/tmp/bec-");
  const socket = join(root, "c.sock");
  const lines = [`version = 2`, `root = "${root}/r"`, `state = "${root}/s"`, `[grpc]`, `  address = "${socket}"`];
  writeFileSync(join(root, "config.toml"), `${lines.join("\n")}\n`);
  const startMs = performance.now();
  const child = spawn("containerd", ["-c", join(root, "config.toml")], { stdio: "ignore" });
  const cri = createCri({ socket, clock: realClock });
  try {
    for (;;) {
      const answered = await cri.version().then(
        () => true,
        () => false,
      );
      if (answered) return Math.round(performance.now() - startMs);
      if (performance.now() - startMs > 30_000) throw new Error("containerd does not answer");
      await pause(5);
    }
  } finally {
    cri.close();
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await ended;
    rmSync(root, { recursive: true, force: true });
  }
}

async function idle(machine: Machine): Promise<object> {
  const cluster = createCluster(machine);
  await cluster.up();
  await machine.kubectl("create", "deployment", "rest", `--image=${busyboxImage}`, "--", "sleep", "86400");
  await until("the pod runs", async () => (await machine.kubectl("get", "pods")).includes("Running"));
  await pause(10_000);
  const before = cpuMsOf(cluster.dataDir);
  await pause(idleSeconds * 1_000);
  const cpuPercent = minus(cpuMsOf(cluster.dataDir), before, idleSeconds * 10);
  const memory: Record<string, { rssMiB: number; pssMiB: number }> = {};
  for (const { pid, role } of processesOf(cluster.dataDir)) {
    const { rssMiB, pssMiB } = memoryOf(pid);
    const sum = memory[role] ?? { rssMiB: 0, pssMiB: 0 };
    memory[role] = { rssMiB: round(sum.rssMiB + rssMiB), pssMiB: round(sum.pssMiB + pssMiB) };
  }
  await cluster.down();
  return { seconds: idleSeconds, cpuPercent, memory };
}
