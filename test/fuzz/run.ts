import { createRng } from "../../src/sim/random.ts";
import { Cluster, createCluster, type Manifest } from "../../src/testing/cluster.ts";
import type { NativeTransport } from "../../src/testing/native.ts";
import { drawNative, type NativeRequest } from "./native.ts";
import { drawRequest, type FuzzRequest } from "./requests.ts";
import { oneIn } from "./values.ts";

/**
 * Requests at both doors in rounds: each round is a cluster of its own in virtual time with the master of production,
 * so that a problem is repeated by its seed and round alone. Most rounds have no controllers, which
 * would spend their time on the replicas that hostile objects ask for; every fourth is a whole cluster.
 */
export interface FuzzOptions {
  readonly seed: number;
  readonly requests: number;
  /** The first round; a later one repeats a part of a longer run. */
  readonly firstRound?: number;
  readonly onRound?: (round: number, figures: FuzzFigures) => void;
}

export interface FuzzFigures {
  requests: number;
  /** Refusals of the native door by the code of their Status. */
  readonly byStatus: Record<string, number>;
  /** Of these at the native door. */
  native: number;
  crashes: number;
  /** Answers of 500 and above that are neither 503 nor 504. */
  fiveXx: number;
  /** Requests that were never answered. */
  unanswered: number;
  /** Processor time of the longest step without controllers: one request, and what came due meanwhile. */
  longestBlockMs: number;
  longestBlock: string;
  memoryFirstBytes: number;
  memoryLastBytes: number;
  readonly problems: string[];
}

export const requestsPerRound = 2_500;
const wholeEvery = 4;
/** One in so many requests goes to the native door. */
const nativeOneIn = 4;
const requestsPerWholeRound = 500;
/** Memory is compared with that after these rounds: the code for all that comes has been compiled by then. */
const warmRounds = 100;
const problemsMax = 20;
/** How long a watch is left open, in steps of requests. */
const openStepsMax = 40;
const stepMs = 4;
const answerMsMax = 75_000;

export async function fuzz(options: FuzzOptions): Promise<FuzzFigures> {
  const figures: FuzzFigures = {
    requests: 0,
    byStatus: {},
    native: 0,
    crashes: 0,
    fiveXx: 0,
    unanswered: 0,
    longestBlockMs: 0,
    longestBlock: "",
    memoryFirstBytes: 0,
    memoryLastBytes: 0,
    problems: [],
  };
  const firstRound = options.firstRound ?? 0;
  const rejected = (error: unknown): void => note(figures, "crashes", `unhandled: ${textOf(error)}`);
  process.on("unhandledRejection", rejected);
  try {
    for (let round = firstRound; figures.requests < options.requests; round += 1) {
      await runRound(options, figures, round);
      globalThis.gc?.();
      figures.memoryLastBytes = process.memoryUsage().heapUsed;
      if (round - firstRound < warmRounds) figures.memoryFirstBytes = figures.memoryLastBytes;
      options.onRound?.(round, figures);
    }
  } finally {
    process.off("unhandledRejection", rejected);
  }
  return figures;
}

/** What is looked at, whichever door it is. */
interface Exchange {
  readonly ended: boolean;
  /** 0: not answered yet. */
  readonly status: number;
  readonly text: string;
  disconnect(): void;
}

interface Open {
  readonly exchange: Exchange;
  readonly step: number;
  readonly label: string;
}

async function runRound(options: FuzzOptions, figures: FuzzFigures, round: number): Promise<void> {
  const seed = (options.seed + Math.imul(round, 7_919)) | 0;
  const rng = createRng(seed, "fuzz");
  const isWhole = round % wholeEvery === wholeEvery - 1;
  await using cluster = isWhole ? await createCluster({ nodes: 1, seed, time: "virtual" }) : await bareCluster(seed);
  const most = isWhole ? requestsPerWholeRound : requestsPerRound;
  const count = Math.min(most, options.requests - figures.requests);
  let open: Open[] = [];
  const transportOf = transportsOf(cluster);
  try {
    await cluster.apply(isWhole ? ["n", "m"].map(namespace) : furniture());
    for (let step = 0; step < count; step += 1) {
      const isNative = oneIn(rng, nativeOneIn);
      const drawn = isNative ? native(drawNative(rng), transportOf) : rest(drawRequest(rng), cluster);
      const label = `round ${round} step ${step}: ${drawn.title}`;
      figures.requests += 1;
      if (isNative) figures.native += 1;
      open.push({ exchange: drawn.send(), step, label });
      // In a whole cluster a step is the work of many turns: the controllers' as well.
      if (isWhole) await cluster.advance(stepMs);
      else await timed(figures, label, () => cluster.advance(stepMs));
      open = open.filter((each) => !settled(figures, each, step));
    }
    await cluster.advance(answerMsMax);
    for (const each of open) {
      if (each.exchange.status === 0) note(figures, "unanswered", `${each.label}: never answered`);
      else count1(figures, each.exchange.status);
      each.exchange.disconnect();
    }
    const last = await cluster.request("GET", "/readyz");
    if (last.code !== 200)
      note(figures, "crashes", `round ${round}: afterwards /readyz answers ${last.code}: ${last.text}`);
  } catch (error) {
    note(figures, "crashes", `round ${round} after ${figures.requests} requests: ${textOf(error)}`);
  }
}

async function bareCluster(seed: number): Promise<Cluster> {
  const cluster = new Cluster({ nodes: 0, seed, time: "virtual", bare: true });
  await cluster.startMaster();
  return cluster;
}

function namespace(name: string): Manifest {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name } };
}

/** What controllers would have made. */
function furniture(): readonly Manifest[] {
  const account = (where: string): Manifest => ({
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "default", namespace: where },
  });
  return ["default", "n", "m"].flatMap((name) => [namespace(name), account(name)]);
}

interface Drawn {
  readonly title: string;
  readonly send: () => Exchange;
}

function rest({ method, target, body, headers, user }: FuzzRequest, cluster: Cluster): Drawn {
  return {
    title: `${method} ${target.slice(0, 120)}`,
    send: () => cluster.open(method, target, body, { headers, user }),
  };
}

type Transports = (user: NativeRequest["user"]) => NativeTransport;

function native({ method, bytes, user }: NativeRequest, transportOf: Transports): Drawn {
  const shown = Buffer.from(bytes.subarray(0, 120))
    .toString("latin1")
    .replaceAll(/[^ -~]+/g, "·");
  return { title: `gRPC ${method} ${shown}`, send: () => transportOf(user).wire(method, bytes) };
}

function transportsOf(cluster: Cluster): Transports {
  const known = new Map<NativeRequest["user"], NativeTransport>();
  return (user) => {
    const transport = known.get(user) ?? cluster.transport(user);
    known.set(user, transport);
    return transport;
  };
}

async function timed(figures: FuzzFigures, label: string, work: () => Promise<void>): Promise<void> {
  // Processor time: the machine may have other work.
  const began = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(began);
  const ms = Math.round((user + system) / 1_000);
  if (ms <= figures.longestBlockMs) return;
  figures.longestBlockMs = ms;
  figures.longestBlock = label;
}

/** True when nothing more is to be seen of the exchange; a watch is cut after a while. */
function settled(figures: FuzzFigures, { exchange, step, label }: Open, now: number): boolean {
  if (!exchange.ended && !(exchange.status > 0 && now - step > openStepsMax)) return false;
  count1(figures, exchange.status);
  const { status } = exchange;
  if (status >= 500 && status !== 503 && status !== 504) {
    note(figures, "fiveXx", `${label}: ${status} ${exchange.text.slice(0, 300)}`);
  }
  exchange.disconnect();
  return true;
}

function count1(figures: FuzzFigures, status: number): void {
  figures.byStatus[status] = (figures.byStatus[status] ?? 0) + 1;
}

function note(figures: FuzzFigures, what: "crashes" | "fiveXx" | "unanswered", text: string): void {
  figures[what] += 1;
  if (figures.problems.length < problemsMax) figures.problems.push(text);
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
