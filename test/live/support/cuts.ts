/**
 * What befalls members on machines of their own: packets that are dropped, processes that are killed or stopped,
 * disks that fail under them. Ours and etcd's are asked in the same way who leads.
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { CutLoad } from "./cut-load.ts";
import { until } from "./machine.ts";
import { dataOf, type Box } from "./machines.ts";

/** `out`: what it says is lost, and it hears the others; `in`: the other way round. */
export type Way = "both" | "out" | "in";

const table = "cuts";

/** From now on nothing passes between `box` and `others`, in that way. */
export async function cut(box: Box, others: readonly Box[], way: Way = "both"): Promise<void> {
  const chain = (hook: string, field: string): string =>
    `add chain ip ${table} ${hook} { type filter hook ${hook} priority -300 ; policy accept ; } ; ` +
    `add rule ip ${table} ${hook} ip ${field} { ${others.map(({ address }) => address).join(", ")} } counter drop`;
  const rules = [
    `add table ip ${table}`,
    ...(way === "out" ? [] : [chain("input", "saddr")]),
    ...(way === "in" ? [] : [chain("output", "daddr")]),
  ];
  await must(box, "nft", rules.join(" ; "));
}

export async function heal(box: Box): Promise<void> {
  await must(box, "nft", `delete table ip ${table}`);
}

const peerPort = 6_445;
const ownPorts = 40_000;

/** From now on what `box` says to `others` on new connections arrives so much later. */
export async function delayPeers(
  box: Box,
  others: readonly Box[],
  delayMs: number,
): Promise<{ stop(): Promise<void> }> {
  const local = (at: number): number => ownPorts - 1 - at;
  const routes = others.map(({ address }, at) => `${address}:${peerPort}=${local(at)}`);
  const script = join(import.meta.dirname, "delay-proxy.js");
  const proxy = box.start("delays", [script, String(delayMs), String(ownPorts), ...routes]);
  await until("the proxy listens", async () => proxy.said().includes("ready"));
  const rules = others.map(
    ({ address }, at) =>
      `add rule ip ${table} output ip daddr ${address} tcp dport ${peerPort} ` +
      `tcp sport != ${ownPorts}-${ownPorts + 999} redirect to :${local(at)}`,
  );
  const chain = `add chain ip ${table} output { type nat hook output priority -100 ; policy accept ; }`;
  await must(box, "nft", [`add table ip ${table}`, chain, ...rules].join(" ; "));
  return {
    async stop() {
      await heal(box);
      await proxy.end("SIGKILL");
      if (!proxy.said().includes("carried")) throw new Error("nothing went through the proxy");
    },
  };
}

/** The data of a master that is not there yet lies on a disk of its own, in memory. */
export function mountSmall(box: Box, mib: number): void {
  mkdirSync(dataOf(box), { recursive: true, mode: 0o700 });
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${mib}m,mode=0700`, "cuts", dataOf(box)]);
}

export function grow(box: Box, mib: number): void {
  execFileSync("mount", ["-o", `remount,size=${mib}m`, dataOf(box)]);
}

export function unmount(box: Box): void {
  execFileSync("umount", ["-l", dataOf(box)]);
}

/** So much goes through a master's log. */
export async function writeMuch(at: Box, kubeconfig: string, mib: number): Promise<void> {
  const script = join(import.meta.dirname, "big-writes.js");
  const code = await at.start("big", [script, kubeconfig, String(mib)]).ended;
  if (code !== 0) throw new Error(`writing ${mib} MiB ended with ${code}`);
}

async function must(box: Box, file: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await box.run(file, args);
  if (code !== 0) throw new Error(`${file} ${args.join(" ")}: ${stderr}${stdout}`);
  return stdout;
}

export interface MemberSaid {
  readonly leads: boolean;
  readonly term: number;
  /** Entries that the one behind all others lacks, as the leader knows. Default: none. */
  readonly lag?: number;
}

/** A member of a group of three, ours or etcd's. */
export interface Member {
  readonly box: Box;
  readonly pid: () => number;
  /** After it has ended. */
  start(): void;
  ended(): Promise<unknown>;
  /** Its role and term, as it says; undefined where it says nothing. Asked from `at`. */
  said(at: Box): Promise<MemberSaid | undefined>;
}

const lagMax = 200;

/** The one that leads, once all are there, agree on the term and have the log, but for what is on its way. */
export async function wholeUnder(members: readonly Member[], at: Box): Promise<{ leader: Member; term: number }> {
  let found: { leader: Member; term: number } | undefined;
  await until("all members follow one of them", async () => {
    const said = await Promise.all(members.map((member) => member.said(at)));
    const terms = new Set(said.map((one) => one?.term));
    const leaders = members.filter((_, index) => said[index]?.leads === true);
    const [term] = terms;
    if (terms.size !== 1 || term === undefined || leaders.length !== 1) return false;
    if (said.some((one) => (one?.lag ?? 0) > lagMax)) return false;
    found = { leader: leaders[0]!, term };
    return true;
  });
  return found!;
}

/** A master, as it says of itself to anybody. */
export function masterSaid(box: Box): Member["said"] {
  return async (at) => {
    const asked = ["-sk", "--max-time", "1", `https://${box.address}:6443/troupe/v1/member`];
    const { code, stdout } = await at.run("curl", asked);
    if (code !== 0) return undefined;
    const { role, term, members = [] } = JSON.parse(stdout) as MasterSays;
    if (role !== "leader" && role !== "follower") return undefined;
    const matches = members.map(({ match }) => match);
    return {
      leads: role === "leader",
      term,
      ...(matches.length === 0 ? {} : { lag: Math.max(...matches) - Math.min(...matches) }),
    };
  };
}

/** Debian's etcd, with the times that it has by default: they are ours, too. */
export function etcdMember(box: Box, all: readonly Box[]): Member & { end(): void } {
  const nameOf = ({ address }: Box): string => `e${address.split(".").at(-1)}`;
  const options: Readonly<Record<string, string>> = {
    name: nameOf(box),
    "data-dir": join(box.folder, "etcd"),
    "log-level": "error",
    logger: "zap",
    "log-outputs": "/dev/null",
    "listen-client-urls": `http://${box.address}:2379`,
    "advertise-client-urls": `http://${box.address}:2379`,
    "listen-peer-urls": `http://${box.address}:2380`,
    "initial-advertise-peer-urls": `http://${box.address}:2380`,
    "initial-cluster": all.map((other) => `${nameOf(other)}=http://${other.address}:2380`).join(","),
  };
  const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  let child: ChildProcess;
  let ended: Promise<unknown>;
  const start = (): void => {
    child = spawn("nsenter", [`--net=/run/netns/${box.name}`, "etcd", ...args], { stdio: "ignore" });
    ended = once(child, "exit");
  };
  start();
  return {
    box,
    pid: () => child.pid!,
    start,
    ended: () => ended,
    end: () => void child.kill("SIGKILL"),
    async said(at) {
      const url = `http://${box.address}:2379/v3/maintenance/status`;
      const { code, stdout } = await at.run("curl", ["-s", "--max-time", "1", "-d", "{}", url]);
      if (code !== 0 || !stdout.startsWith("{")) return undefined;
      const { header, leader, raftTerm } = JSON.parse(stdout) as EtcdStatus;
      return raftTerm === undefined || leader === undefined
        ? undefined
        : { leads: leader === header.member_id, term: Number(raftTerm) };
    },
  };
}

interface MasterSays {
  readonly role: string;
  readonly term: number;
  readonly members?: readonly { readonly match: number }[];
}

interface EtcdStatus {
  readonly header: { readonly member_id: string };
  readonly leader?: string;
  readonly raftTerm?: string;
}

/** `cut-load.js` on a machine. */
export async function startCutLoad(at: Box, ...args: readonly string[]): Promise<{ stop(): Promise<CutLoad> }> {
  const load = at.start(`load-${args[0]}`, [join(import.meta.dirname, "cut-load.js"), ...args]);
  const from = load.said().length;
  await until("the load is written", async () => load.said().slice(from).includes("ready"));
  return {
    async stop() {
      const code = await load.end("SIGTERM");
      if (code !== 0) throw new Error(`the load ended with ${code}: ${load.said()}`);
      return JSON.parse(load.said().trimEnd().split("\n").at(-1)!) as CutLoad;
    },
  };
}

/** From a moment to the answer to the first write that was begun after it. */
export function gapMs({ acks }: CutLoad, sinceMs: number): number {
  const answered = acks.filter(([askedMs]) => askedMs >= sinceMs).map(([, answeredMs]) => answeredMs);
  return Math.min(...answered) - sinceMs;
}

/** The file of the log that a master writes at this moment. */
function segmentOf(box: Box): string {
  const folder = join(dataOf(box), "master", "wal");
  const names = readdirSync(folder).filter((name) => name.endsWith(".seg"));
  return join(folder, names.toSorted().at(-1)!);
}

/**
 * What a system call on the log's disk comes to, by `strace`: `error=EIO`, `delay_exit=200000` (µs), `signal=SIGKILL`,
 * with `:when=N` for the Nth of a thread. Resolves once it holds; ends with the process, or by `stop`.
 */
export async function injectSync(box: Box, pid: number, what: string): Promise<{ stop(): Promise<void> }> {
  const calls = "pwrite64,pwritev,pwritev2,fdatasync,fsync";
  const args = ["-f", "-qq", "-p", String(pid), "-P", segmentOf(box), "-e", `trace=${calls}`];
  const child = spawn("strace", [...args, "-e", `inject=${calls}:${what}`], { stdio: "ignore" });
  const ended = once(child, "exit");
  // What it does may have ended the process already.
  await until("strace holds the process", async () => child.exitCode !== null || isTraced(pid));
  return {
    async stop() {
      child.kill("SIGINT");
      await ended;
    },
  };
}

/** Each of its threads: it is one of them that syncs. */
function isTraced(pid: number): boolean {
  const tasks = `/proc/${pid}/task`;
  if (!existsSync(tasks)) return false;
  return readdirSync(tasks).every((task) =>
    /^TracerPid:\t[1-9]/m.test(readFileSync(join(tasks, task, "status"), "utf8")),
  );
}
