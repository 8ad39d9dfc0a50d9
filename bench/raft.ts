/**
 * `npm run bench -- raft [SECONDS [ROUNDS [PART]]]`: acknowledged writes of 1 KiB and linearizable reads, ours and
 * etcd's. PART is `logOnly`, `oneMember` or `threeMembers`: that one alone.
 *
 * Method. Debian's etcd with its defaults (every write synced) and ours lie on the same disk, in one network
 * namespace of the bench's own; targets alternate, and what counts is the median of the rounds, each after a
 * warm-up. The client is a process of its own with 1, 16, 64 and 256 operations in flight on four
 * connections to the leader; etcd's calls are Put and Range of its gRPC API, framed by hand over plain
 * HTTP/2, since a client library would take more CPU than etcd does.
 *
 * `oneMember`: a master as `troupe up` starts it; each write creates a ConfigMap (`get` reads one) through
 * the gRPC door over mutual TLS, all calls on one stream: authentication, authorisation, admission,
 * validation, machine, history, log. `threeMembers`: the same with three masters, at the leader. The masters are
 * worked until their code is optimised before anything counts. `logOnly`: the log with its disk and its transport
 * over mutual TLS, but without API and store; clients speak frames over TCP. etcd's members and clients speak
 * without TLS.
 * `usPerOp` is CPU of all members for one operation: on a busy machine it says more than the rates.
 * With TROUPE_BENCH_PROFILE=FOLDER the members of `logOnly` leave CPU profiles there, and so do all masters, one
 * after the other, with 64 writes and 64 reads in flight, in rounds that do not count. On a busy machine count the
 * samples of such a profile, not its times: these hold the waits for a core too.
 */
import { readCluster } from "../src/cli/cluster-file.ts";
import { createMachine } from "../test/live/support/machine.ts";
import { createCluster, load, median, patience, pause, pidsOf, round, say } from "./support/cluster.ts";
import type { BenchCluster } from "./support/cluster.ts";
import { createEtcd } from "./support/etcd.ts";
import { createLogCluster } from "./support/log-cluster.ts";
import { profileProcess } from "./support/profile-process.ts";
import type { LoadQuestion, RaftRound } from "./support/raft-worker.ts";
import { warmUp } from "./support/warm.ts";
import { startWorker } from "./support/worker.ts";
import type { Worker } from "./support/worker.ts";
import type { Question, WriteRound } from "./support/write-worker.ts";

const forMs = Number(process.argv[3] ?? 3) * 1_000;
const rounds = Number(process.argv[4] ?? 3);
const wantedPart = process.argv[5];
const warmUpMs = 700;
const levels = [1, 16, 64, 256] as const;
const profileFolder = process.env["TROUPE_BENCH_PROFILE"] ?? "";

interface Cell {
  readonly opsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly usPerOp: number;
  readonly etcdOpsPerSecond: number;
  readonly etcdP50Ms: number;
  readonly etcdP99Ms: number;
  readonly etcdUsPerOp: number;
  /** Of the rates of a round; the median of the rounds. */
  readonly ratio: number;
}

type Cells = Readonly<Record<string, Cell>>;
type What = LoadQuestion["what"];
type Ask = (what: What, inFlight: number) => Promise<RaftRound>;

export async function run(): Promise<object> {
  const cluster = createCluster(createMachine());
  try {
    const worker = startWorker(cluster, "./raft-worker.js");
    const part = async (name: string, members: number, against: (etcd: Ask) => Promise<Results>) =>
      wantedPart === undefined || wantedPart === name ? besideEtcd(cluster, worker, members, against) : undefined;
    const logOnly = await part("logOnly", 3, (etcd) => logOf(cluster, worker, etcd));
    const oneMember = await part("oneMember", 1, (etcd) => doorOf(cluster, etcd, 1));
    const threeMembers = await part("threeMembers", 3, (etcd) => doorOf(cluster, etcd, 3));
    await worker.end();
    return {
      bench: "raft",
      load: load(),
      oneMember: oneMember?.write,
      threeMembers: threeMembers?.write,
      logOnly: { threeMembers: logOnly?.write },
      reads: {
        oneMember: oneMember?.read,
        threeMembers: threeMembers?.read,
        logOnly: { threeMembers: logOnly?.read },
      },
    };
  } finally {
    await cluster.machine.dispose();
  }
}

type Results = Readonly<Record<What, Cells>>;

async function besideEtcd(
  { machine }: BenchCluster,
  worker: Worker,
  members: number,
  against: (etcd: Ask) => Promise<Results>,
): Promise<Results> {
  const etcd = createEtcd(machine, members);
  try {
    return await against((what, inFlight) => {
      const pids = etcd.ports.map((_, member) => etcd.pidOf(member));
      return worker.ask<RaftRound>({ ask: "load", target: "etcd", ports: etcd.ports, pids, what, ...times(inFlight) });
    });
  } finally {
    await etcd.stop();
  }
}

const times = (inFlight: number): Pick<LoadQuestion, "inFlight" | "warmUpMs" | "forMs"> => ({
  inFlight,
  warmUpMs,
  forMs,
});

async function logOf({ machine }: BenchCluster, worker: Worker, etcd: Ask): Promise<Results> {
  const log = await createLogCluster(machine, 3, profileFolder);
  try {
    return await compare("the log, three members", etcd, (what, inFlight) => {
      const pids = log.ports.map((_, member) => log.pidOf(member));
      return worker.ask<RaftRound>({ ask: "load", target: "log", ports: log.ports, pids, what, ...times(inFlight) });
    });
  } finally {
    await log.stop();
  }
}

async function doorOf(cluster: BenchCluster, etcd: Ask, members: number): Promise<Results> {
  say(await cluster.up("--runtime", "simulated", "--masters", String(members), ...patience));
  const door = startWorker(cluster, "./write-worker.js");
  say(`the server is process ${pidsOf(cluster.dataDir, "server").join(", ")}`);
  try {
    const name = `${members === 1 ? "one member" : `${members} members`} through the door`;
    const ask = async (what: Question["what"], inFlight: number, timesMs: Partial<Question>): Promise<RaftRound> => {
      const port = members === 1 ? {} : { grpcPort: await leaderPort(cluster) };
      const question: Question = { what, ...times(inFlight), ...timesMs, ...port };
      const { serverUsPerCreate, clientUsPerCreate, ...got } = await door.ask<WriteRound>(question);
      return { ...got, usPerOp: serverUsPerCreate, clientUsPerOp: clientUsPerCreate };
    };
    await warmUp(name, (ms) => ask("calls", 64, { warmUpMs: 0, forMs: ms }));
    for (const what of profileFolder === "" ? [] : (["calls", "callsGet"] as const)) {
      for (const pid of pidsOf(cluster.dataDir, "server")) {
        const path = `${profileFolder}/${members}-members-${what}-${pid}.cpuprofile`;
        const work = (): Promise<RaftRound> => ask(what, 64, { forMs: forMs + 1_000 });
        await profileProcess(cluster, { pid, path, forMs }, work);
        say(`a profile of process ${pid} lies in ${path}`);
      }
    }
    return await compare(name, etcd, (what, inFlight) => ask(what === "write" ? "calls" : "callsGet", inFlight, {}));
  } finally {
    await door.end();
    await cluster.down();
  }
}

/** The gRPC port of the master that leads at this moment; on a busy machine none may say so at once. */
async function leaderPort({ machine, name, dataDir }: BenchCluster): Promise<number> {
  for (const deadlineMs = performance.now() + 30_000; ; await pause(500)) {
    const ran = await machine.troupe("status", "--name", name, "-o", "json");
    const { members } = JSON.parse(ran.stdout) as { readonly members: readonly { name: string; role: string }[] };
    const leader = members.find(({ role }) => role === "leader")?.name;
    const port = (await readCluster(dataDir))?.masters?.find((each) => each.name === leader)?.grpcPort;
    if (port !== undefined) return port;
    if (performance.now() > deadlineMs) throw new Error(`no master leads: ${ran.stdout}${ran.stderr}`);
  }
}

async function compare(name: string, etcd: Ask, ours: Ask): Promise<Results> {
  const all = async (what: What): Promise<Cells> => {
    const cells: Record<string, Cell> = {};
    for (const inFlight of levels) cells[`c${inFlight}`] = await interleaved(name, etcd, ours, [what, inFlight]);
    return cells;
  };
  return { write: await all("write"), read: await all("read") };
}

async function interleaved(name: string, etcd: Ask, ours: Ask, ask: readonly [What, number]): Promise<Cell> {
  const pairs: { readonly our: RaftRound; readonly their: RaftRound }[] = [];
  for (let at = 0; at < rounds; at += 1) {
    // Whoever goes second meets what the first left behind: they take turns.
    const first = at % 2 === 0 ? await ours(...ask) : await etcd(...ask);
    const second = at % 2 === 0 ? await etcd(...ask) : await ours(...ask);
    pairs.push(at % 2 === 0 ? { our: first, their: second } : { our: second, their: first });
  }
  const of = (pick: (pair: (typeof pairs)[number]) => number): number => round(median(pairs.map(pick)));
  const cell: Cell = {
    opsPerSecond: of(({ our }) => our.perSecond),
    p50Ms: of(({ our }) => our.p50Ms),
    p99Ms: of(({ our }) => our.p99Ms),
    usPerOp: of(({ our }) => our.usPerOp),
    etcdOpsPerSecond: of(({ their }) => their.perSecond),
    etcdP50Ms: of(({ their }) => their.p50Ms),
    etcdP99Ms: of(({ their }) => their.p99Ms),
    etcdUsPerOp: of(({ their }) => their.usPerOp),
    ratio: of(({ our, their }) => our.perSecond / their.perSecond),
  };
  const clients = `client µs ${of(({ our }) => our.clientUsPerOp)}, ${of(({ their }) => their.clientUsPerOp)}`;
  say(`${name}, ${ask.join(" ")}: ${JSON.stringify(cell)} ${clients} load ${load()}`);
  return cell;
}
