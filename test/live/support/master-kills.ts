/**
 * Kills the master (of several: the leader) at random moments while writers create, update and delete ConfigMaps and a watch is
 * resumed from its last revision, and compares with a ledger of what clients were told. A process of
 * its own, inside a machine's namespace; prints one line of JSON: `MasterKills`.
 *
 * usage: node master-kills.js DATA_DIR KUBECONFIG KILLS
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Ledger, type LedgerEvent } from "./ledger.ts";
import { createRestClient, type Answer, type WatchLine } from "./rest-client.ts";

export interface MasterKills {
  readonly kills: number;
  readonly acknowledged: number;
  /** Writes whose answer was lost with the master. */
  readonly unknown: number;
  readonly events: number;
  readonly resumptions: number;
  /** From the kill to the first acknowledged write after it. */
  readonly backMs: { readonly median: number; readonly most: number };
  readonly problems: readonly string[];
}

const [dataDir = "", kubeconfig = "", killsText = "8"] = process.argv.slice(2);
const kills = Number(killsText);
const writerCount = 6;
const keysEach = 5;
const pauseMs = 8;
const lifeMaxMs = 2_500;
const backMaxMs = 30_000;
const namespace = `ledger-${process.pid}`;
const folder = `/api/v1/namespaces/${namespace}/configmaps`;

const client = createRestClient(kubeconfig);
const resumptions = { count: 0 };
let stopping = false;
/** When the newest acknowledged write was asked for, and when it was answered. */
let lastAck = { askedMs: 0, answeredMs: 0 };

type Meta = { readonly name: string; readonly resourceVersion: string };
type Stored = { readonly metadata: Meta; readonly data?: { readonly v: string } };

/** Asks until there is an answer that is none of a master that comes or goes. */
async function insist(method: string, path: string, body?: unknown): Promise<Answer> {
  const untilMs = Date.now() + backMaxMs;
  for (;;) {
    try {
      const answer = await client.call(method, path, body);
      if (answer.status < 500 && answer.status !== 429) return answer;
    } catch (error) {
      if (Date.now() > untilMs) throw error;
    }
    if (Date.now() > untilMs) throw new Error(`${method} ${path}: no answer within ${backMaxMs} ms`);
    await delay(50);
  }
}

interface MasterPort {
  readonly name: string;
  readonly apiPort: number;
}

/** Of a cluster with several masters. */
const { masters = [] } = JSON.parse(readFileSync(join(dataDir, "cluster.json"), "utf8")) as {
  readonly masters?: readonly MasterPort[];
};
const memberClients = masters.map(({ name, apiPort }) => ({ name, client: createRestClient(kubeconfig, apiPort) }));

/** The one that leads, once all are there again: with two of three dead nobody could go on. */
async function leaderName(): Promise<string> {
  const untilMs = Date.now() + backMaxMs;
  for (;;) {
    const said = await Promise.all(
      memberClients.map(({ client: member }) => member.call("GET", "/troupe/v1/member").catch(() => undefined)),
    );
    const leader = said.find((answer) => answer?.body["role"] === "leader");
    const isWhole = said.every((answer) => ["leader", "follower"].includes(String(answer?.body["role"])));
    if (leader !== undefined && isWhole) return String(leader.body["name"]);
    if (Date.now() > untilMs) throw new Error(`the masters are not whole: ${JSON.stringify(said)}`);
    await delay(50);
  }
}

function serverPid(member: string | undefined): number | undefined {
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const words = readFileSync(`/proc/${entry}/cmdline`, "utf8").split("\0");
      const isServer = words.includes("server") && words[words.indexOf("--data-dir") + 1] === dataDir;
      if (isServer && (member === undefined || words[words.indexOf("--member") + 1] === member)) return Number(entry);
    } catch (error) {
      if (!["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }
  return undefined;
}

/** One writer owns its keys, so that each key's writes come one after the other. */
async function write(ledger: Ledger, writer: number): Promise<void> {
  for (let count = 0; !stopping; count += 1) {
    const key = `w${writer}-${Math.floor(Math.random() * keysEach)}`;
    if (ledger.possible(key).length > 1) await look(ledger, key);
    const isThere = ledger.possible(key)[0] !== undefined;
    const value = isThere && Math.random() < 0.25 ? undefined : `${key}.${count}`;
    const askedMs = Date.now();
    const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: key }, data: { v: value } };
    try {
      const answer =
        value === undefined
          ? await client.call("DELETE", `${folder}/${key}`)
          : isThere
            ? await client.call("PUT", `${folder}/${key}`, object)
            : await client.call("POST", folder, object);
      take(ledger, { key, value, askedMs }, answer);
    } catch {
      // The connection broke: nobody knows.
      ledger.lost(key, value);
      await delay(50);
    }
    await delay(pauseMs);
  }
}

interface Write {
  readonly key: string;
  readonly value: string | undefined;
  readonly askedMs: number;
}

function take(ledger: Ledger, { key, value, askedMs }: Write, answer: Answer): void {
  if (answer.status === 200 || answer.status === 201) {
    const revision = (answer.body["metadata"] as Meta | undefined)?.resourceVersion;
    ledger.wrote(key, value, revision === undefined ? undefined : Number(revision));
    lastAck = { askedMs, answeredMs: Date.now() };
  } else if (answer.status >= 500 || answer.status === 429) {
    ledger.lost(key, value);
  } else {
    ledger.problems.push(`writing ${key} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    ledger.lost(key, value);
  }
}

async function look(ledger: Ledger, key: string): Promise<void> {
  const { status, body } = await insist("GET", `${folder}/${key}`);
  const stored = body as unknown as Stored;
  if (status === 404) ledger.read(key, undefined);
  else ledger.read(key, stored.data?.v, Number(stored.metadata.resourceVersion));
}

function watchPath(revision: number): string {
  return `${folder}?watch=1&allowWatchBookmarks=true&resourceVersion=${revision}`;
}

function eventOf({ type, object }: WatchLine): LedgerEvent | undefined {
  const { metadata, data } = object as unknown as Stored;
  if (type !== "ADDED" && type !== "MODIFIED" && type !== "DELETED") return undefined;
  return { type, key: metadata.name, value: data?.v ?? "", revision: Number(metadata.resourceVersion) };
}

async function watch(ledger: Ledger, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await client.watch(
      watchPath(ledger.watchRevision),
      (line) => {
        const event = eventOf(line);
        if (event !== undefined) {
          if (event.key !== "kube-root-ca.crt") ledger.watched(event);
        } else if (line.type === "BOOKMARK")
          ledger.bookmark(Number((line.object as unknown as Stored).metadata.resourceVersion));
        else ledger.problems.push(`the watch from ${ledger.watchRevision} answered ${JSON.stringify(line)}`);
      },
      signal,
    );
    resumptions.count += 1;
    await delay(50);
  }
}

async function killAgainAndAgain(ledger: Ledger): Promise<readonly number[]> {
  const backs: number[] = [];
  for (let count = 1; count <= kills; count += 1) {
    await delay(Math.random() * lifeMaxMs);
    const pid = serverPid(masters.length === 0 ? undefined : await leaderName());
    if (pid === undefined) throw new Error("there is no master to kill");
    const killedMs = Date.now();
    process.kill(pid, "SIGKILL");
    while (lastAck.askedMs <= killedMs) {
      if (Date.now() > killedMs + backMaxMs) throw new Error(`kill ${count}: no write is acknowledged any more`);
      await delay(5);
    }
    backs.push(lastAck.answeredMs - killedMs);
    process.stderr.write(`kill ${count}: back after ${backs.at(-1)} ms, ${ledger.problems.length} problems\n`);
  }
  return backs;
}

/** The same watch once more from its start, until it has told as much. */
async function replay(ledger: Ledger, start: number): Promise<readonly LedgerEvent[]> {
  const told: LedgerEvent[] = [];
  const stop = new AbortController();
  const late = setTimeout(() => stop.abort(), 10_000);
  await client.watch(
    watchPath(start),
    (line) => {
      const event = eventOf(line);
      if (event === undefined && line.type !== "BOOKMARK") ledger.problems.push(`replay: ${JSON.stringify(line)}`);
      if (event !== undefined && event.key !== "kube-root-ca.crt") told.push(event);
      if (told.length >= ledger.events.length) stop.abort();
    },
    stop.signal,
  );
  clearTimeout(late);
  return told;
}

async function main(): Promise<MasterKills> {
  await insist("POST", "/api/v1/namespaces", { metadata: { name: namespace } });
  const { body } = await insist("GET", folder);
  const start = Number((body["metadata"] as Meta).resourceVersion);
  const ledger = new Ledger(start);
  const stop = new AbortController();
  const watching = watch(ledger, stop.signal);
  const writing = Promise.all(Array.from({ length: writerCount }, (_, writer) => write(ledger, writer)));
  const backs = await killAgainAndAgain(ledger);
  stopping = true;
  await writing;
  const list = (await insist("GET", folder)).body as { readonly metadata: Meta; readonly items: readonly Stored[] };
  const stored = list.items.filter(({ metadata }) => metadata.name !== "kube-root-ca.crt");
  const newest = Math.max(
    ...ledger.events.map(({ revision }) => revision),
    ...stored.map((item) => Number(item.metadata.resourceVersion)),
  );
  const untilMs = Date.now() + 10_000;
  let quietAtMs = Date.now() + 1_000;
  for (let seen = ledger.events.length; Date.now() < untilMs;) {
    if (ledger.watchRevision >= newest && Date.now() > quietAtMs) break;
    await delay(20);
    if (ledger.events.length !== seen) quietAtMs = Date.now() + 1_000;
    seen = ledger.events.length;
  }
  stop.abort();
  await watching;
  ledger.compare(new Map(stored.map(({ metadata, data }) => [metadata.name, data?.v ?? ""])));
  ledger.compareReplay(await replay(ledger, start));
  const sorted = backs.toSorted((a, b) => a - b);
  return {
    kills,
    acknowledged: ledger.acknowledged,
    unknown: ledger.unknown,
    events: ledger.events.length,
    resumptions: resumptions.count - 1,
    backMs: { median: sorted[Math.floor(sorted.length / 2)] ?? 0, most: sorted.at(-1) ?? 0 },
    problems: ledger.problems,
  };
}

// The test has died: nobody will read the report.
process.stdin.once("close", () => process.exit(1)).resume();
process.stdout.write(`${JSON.stringify(await main())}\n`);
process.exit(0);
