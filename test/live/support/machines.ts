/**
 * Several machines of a test's own: network namespaces on one bridge, each with an address, a home and a
 * state folder. What is started on one is ended with it; nothing outside the namespaces is touched.
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, openSync, closeSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { TestFn } from "ava";
import { canDrive, kubectls, troupe, until, type Ran } from "./machine.ts";
import type { MemberLoad } from "./member-load.ts";

export interface Box {
  readonly name: string;
  readonly address: string;
  /** Everything of the machine lies below it. */
  readonly folder: string;
  /** To the end; never rejects for an exit code. Kills at the time-out (90 s). */
  run(file: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ran>;
  troupe(...args: readonly string[]): Promise<Ran>;
  /** stdout; rejects with stderr where it fails. */
  kubectl(kubeconfig: string, ...args: readonly string[]): Promise<string>;
  /** A process that the test ends, or `dispose` does; what it says goes to `log`. */
  start(label: string, args: readonly string[], env?: Readonly<Record<string, string>>): Running;
}

export interface Running {
  readonly child: ChildProcess;
  readonly log: string;
  readonly said: () => string;
  /** Sends the signal and waits for the end; answers the exit code, null where the signal ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>;
  readonly ended: Promise<number | null>;
}

export interface Machines {
  readonly folder: string;
  readonly boxes: readonly Box[];
  dispose(): Promise<void>;
}

/** The machines of a file's tests, once the first of them begins. */
export interface TestMachines {
  readonly at: (index: number) => Box;
  readonly folder: () => string;
}

/** Made before everything that the file itself does first, gone after its last test and the hooks above this call. */
export function useMachines(test: TestFn, size: number): TestMachines {
  let machines: Machines | undefined;
  const made = (): Machines => {
    if (machines === undefined) throw new Error("there are no machines yet");
    return machines;
  };
  test.serial.before(() => {
    if (canDrive) machines = createMachines(size);
  });
  test.serial.after.always(async () => machines?.dispose());
  return { at: (index) => made().boxes[index]!, folder: () => made().folder };
}

let count = 0;

/** `network`: the first three bytes of their addresses, which end with 1, 2 … */
export function createMachines(size: number, network = "198.51.100"): Machines {
  count += 1;
  const id = `${process.pid % 10_000}${count}`;
  const bridge = `jb${id}`;
  const folder = mkdtempSync("/tmp/jm-");
  const ip = (...args: readonly string[]): void => void execFileSync("ip", args, { stdio: "pipe" });
  ip("link", "add", bridge, "type", "bridge");
  ip("link", "set", bridge, "up");
  const running: Running[] = [];
  const boxes = Array.from({ length: size }, (_, at) => {
    const number = at + 1;
    const netns = `jm${id}-${number}`;
    const address = `${network}.${number}`;
    ip("netns", "add", netns);
    ip("link", "add", `jv${id}-${number}`, "type", "veth", "peer", "name", "eth0", "netns", netns);
    ip("link", "set", `jv${id}-${number}`, "master", bridge, "up");
    for (const line of [
      "link set lo up",
      `addr add ${address}/24 dev eth0`,
      "link set eth0 up",
      `route add default via ${network}.254`,
    ]) {
      ip("-n", netns, ...line.split(" "));
    }
    return box({ netns, address, folder: join(folder, `b${number}`), running });
  });
  return {
    folder,
    boxes,
    async dispose() {
      for (const { child } of running) child.kill("SIGKILL");
      await Promise.all(running.map(({ ended }) => ended));
      for (const { name } of boxes) ip("netns", "del", name);
      ip("link", "del", bridge);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Place {
  readonly netns: string;
  readonly address: string;
  readonly folder: string;
  readonly running: Running[];
}

function box({ netns, address, folder, running }: Place): Box {
  mkdirSync(join(folder, "state"), { recursive: true });
  const environment = {
    PATH: `/usr/sbin:/usr/bin:/sbin:/bin:${process.env["PATH"] ?? ""}`,
    LANG: "C.UTF-8",
    HOME: folder,
    XDG_STATE_HOME: join(folder, "state"),
  };
  const enter = (file: string, args: readonly string[]): readonly string[] => [
    `--net=/run/netns/${netns}`,
    file,
    ...args,
  ];
  const client = kubectls().at(-1)?.path ?? "kubectl";
  const own: Box = {
    name: netns,
    address,
    folder,
    async run(file, args, env = {}) {
      const child = spawn("nsenter", enter(file, args), { env: { ...environment, ...env }, stdio: "pipe" });
      let [stdout, stderr] = ["", ""];
      child.stdout.on("data", (text: Buffer) => (stdout += text.toString()));
      child.stderr.on("data", (text: Buffer) => (stderr += text.toString()));
      const timer = setTimeout(() => child.kill("SIGKILL"), runMaxMs);
      const [code] = (await once(child, "close")) as [number | null];
      clearTimeout(timer);
      return { code: code ?? 137, stdout, stderr };
    },
    troupe: (...args) => own.run(process.execPath, [troupe, ...args]),
    async kubectl(kubeconfig, ...args) {
      const ran = await own.run(client, args, { KUBECONFIG: kubeconfig, GOGC: "off" });
      if (ran.code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${ran.stderr}${ran.stdout}`);
      return ran.stdout;
    },
    start(label, args, env = {}) {
      const log = join(folder, `${label}.log`);
      const file = openSync(log, "a");
      const child = spawn("nsenter", enter(process.execPath, args), {
        env: { ...environment, ...env },
        stdio: ["ignore", file, file],
      });
      closeSync(file);
      const ended = once(child, "exit").then(([code]) => code as number | null);
      const started: Running = {
        child,
        log,
        said: () => readFileSync(log, "utf8"),
        ended,
        end(signal) {
          child.kill(signal);
          return ended;
        },
      };
      running.push(started);
      return started;
    },
  };
  return own;
}

const runMaxMs = 90_000;

/** A master or an agent of a test, as `docs/ha.md` starts it. */
export function startServer(at: Box, ...args: readonly string[]): Running {
  return at.start("server", [troupe, "server", "--data-dir", dataOf(at), ...args]);
}

export function startAgent(at: Box, ...args: readonly string[]): Running {
  return at.start("agent", [troupe, "agent", "--data-dir", join(at.folder, "a"), "--runtime", "simulated", ...args]);
}

export function dataOf({ folder }: Box): string {
  return join(folder, "d");
}

export function configOf(at: Box): string {
  return join(dataOf(at), "admin.kubeconfig");
}

/** A master of a cluster, as `member list` shows it. */
export interface Member {
  readonly id: number;
  readonly role: string;
  readonly api: string;
}

export interface Membership {
  readonly leader?: number;
  readonly members: readonly Member[];
}

/** What the master on a machine says of all of them. */
export async function membership(from: Box): Promise<Membership> {
  const ran = await from.troupe("member", "list", "--data-dir", dataOf(from), "-o", "json");
  if (ran.code !== 0) throw new Error(ran.stderr);
  return JSON.parse(ran.stdout) as Membership;
}

/** A new cluster's first master, once it answers. */
export async function startFirst(at: Box, name: string): Promise<Running> {
  const server = startServer(at, "--name", name);
  await untilReady(at);
  return server;
}

export async function untilReady(at: Box): Promise<void> {
  await until("the master is ready", async () => (await at.kubectl(configOf(at), "get", "--raw", "/readyz")) === "ok");
}

/** Masters that join the one on `from`; in their order, once all of them vote. */
export async function joinMasters(from: Box, others: readonly Box[]): Promise<readonly Running[]> {
  const token = await newToken(from, "--role", "master");
  const joined = others.map((box) => startServer(box, "--join", `${from.address}:6443`, "--token", token));
  await untilVoting(from, others);
  return joined;
}

export async function untilVoting(from: Box, others: readonly Box[]): Promise<void> {
  await until("all of them vote", async () => {
    const { members } = await membership(from);
    return others.every(({ address }) =>
      members.some(({ api, role }) => api === `${address}:6443` && (role === "voter" || role === "leader")),
    );
  });
}

/** As the master on `from` sees it. */
export async function isNodeReady(from: Box, node: string): Promise<boolean> {
  const found = await from.kubectl(configOf(from), "get", "nodes", "--no-headers");
  return new RegExp(`^${node} +Ready`, "m").test(found);
}

export async function newToken(at: Box, ...args: readonly string[]): Promise<string> {
  const ran = await at.troupe("token", "create", "--data-dir", dataOf(at), ...args);
  if (ran.code !== 0) throw new Error(ran.stderr);
  return ran.stdout.trim();
}

/** `member-load.js` on a machine, over all masters below the folder. */
export async function startMemberLoad(at: Box, folder: string): Promise<{ stop(): Promise<MemberLoad> }> {
  const load = at.start("load", [join(import.meta.dirname, "member-load.js"), folder]);
  const from = load.said().length;
  await until("the load is written", async () => load.said().slice(from).includes("ready"));
  return {
    async stop() {
      const code = await load.end("SIGTERM");
      const line = load.said().trimEnd().split("\n").at(-1) ?? "";
      if (code !== 0) throw new Error(`the load ended with ${code}: ${load.said()}`);
      return JSON.parse(line) as MemberLoad;
    },
  };
}
