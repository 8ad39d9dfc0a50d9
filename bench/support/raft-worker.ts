/** Runs inside the bench's namespace: writes and reads at the leader of a log or of etcd, and times its loss. */
import { etcdLeader, etcdPut, etcdRange, putRequest, rangeRequest } from "./etcd.ts";
import { GrpcConnection } from "./grpc-wire.ts";
import { load, type Load, type LoadOptions } from "./load.ts";
import { logLeader } from "./log-cluster.ts";
import { LogConnection } from "./log-wire.ts";
import { cpuMs, pause, round } from "./cluster.ts";
import { answerAll } from "./worker.ts";

export type Target = "etcd" | "log";

export interface LoadQuestion {
  readonly ask: "load";
  readonly target: Target;
  readonly ports: readonly number[];
  /** Whose CPU counts. */
  readonly pids: readonly number[];
  readonly what: "write" | "read";
  readonly inFlight: number;
  readonly warmUpMs: number;
  readonly forMs: number;
}

export interface GapQuestion {
  readonly ask: "gap";
  readonly target: Target;
  readonly ports: readonly number[];
  readonly pids: readonly number[];
  readonly signal: "SIGKILL" | "SIGSTOP";
}

export interface RaftRound extends Load {
  readonly usPerOp: number;
  readonly clientUsPerOp: number;
}

export interface Gap {
  readonly gapMs: number;
  /** The member that led, by its place among the ports. */
  readonly member: number;
}

const connections = 4;
const keysCount = 10_000;
const value = new Uint8Array(1_024).fill(120);
let count = 0;

interface Connection {
  /** False if it was not done. */
  readonly write: () => Promise<boolean>;
  readonly read: () => Promise<boolean>;
  readonly close: () => void;
}

const key = (): string => `bench/${String((count = (count + 1) % keysCount)).padStart(9, "0")}`;

async function open(target: Target, port: number): Promise<Connection> {
  if (target === "log") {
    const connection = await LogConnection.open(port);
    return {
      write: () => connection.call("write", value),
      read: () => connection.call("read", new Uint8Array()),
      close: () => connection.close(),
    };
  }
  const [puts, ranges] = [await GrpcConnection.open(port, etcdPut), await GrpcConnection.open(port, etcdRange)];
  return {
    write: async () => (await puts.call(putRequest(key(), value))) !== undefined,
    read: async () => ((await ranges.call(rangeRequest(key())))?.length ?? 0) > value.length,
    close: () => {
      puts.close();
      ranges.close();
    },
  };
}

const leaderOf = (target: Target, ports: readonly number[]): Promise<number> =>
  target === "log" ? logLeader(ports) : etcdLeader(ports);

async function loaded(question: LoadQuestion): Promise<RaftRound> {
  const { target, ports, pids, what, inFlight, warmUpMs, forMs } = question;
  const leader = await leaderOf(target, ports);
  const open_ = await Promise.all(Array.from({ length: connections }, () => open(target, leader)));
  const spent = { members: 0, client: 0 };
  const own = (): number => process.cpuUsage().user + process.cpuUsage().system;
  const members = (): number => pids.reduce((sum, pid) => sum + cpuMs(pid), 0) * 1_000;
  const begins = (): void => void Object.assign(spent, { members: members(), client: own() });
  const options: LoadOptions = { inFlight, warmUpMs, forMs, begins };
  let next = 0;
  const got = await load(options, async () => {
    next = (next + 1) % connections;
    if (!(await open_[next]![what]())) throw new Error(`${target} did not take a ${what}`);
  });
  const [usPerOp, clientUsPerOp] = [members() - spent.members, own() - spent.client].map((us) => round(us / got.count));
  for (const connection of open_) connection.close();
  return { ...got, usPerOp: usPerOp!, clientUsPerOp: clientUsPerOp! };
}

/** A write every 3 ms at each survivor; the gap ends with the first that was begun after the loss and is done. */
async function gapOf({ target, ports, pids, signal }: GapQuestion): Promise<Gap> {
  const member = ports.indexOf(await leaderOf(target, ports));
  const survivors = await Promise.all(ports.filter((_, at) => at !== member).map((port) => open(target, port)));
  await pause(300);
  const lostMs = performance.now();
  process.kill(pids[member]!, signal);
  const doneMs = await new Promise<number>((resolve, reject) => {
    const tick = setInterval(() => {
      for (const { write } of survivors) {
        void write().then((isDone) => {
          if (!isDone) return;
          clearInterval(tick);
          clearTimeout(deadline);
          resolve(performance.now());
        });
      }
    }, 3);
    const deadline = setTimeout(() => {
      clearInterval(tick);
      reject(new Error("no one has taken over within 30 s"));
    }, 30_000);
  });
  for (const { close } of survivors) close();
  return { gapMs: doneMs - lostMs, member };
}

await answerAll(async (line) => {
  const question = JSON.parse(line) as LoadQuestion | GapQuestion;
  return question.ask === "load" ? loaded(question) : gapOf(question);
});
process.exit(0);
