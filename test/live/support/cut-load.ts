/**
 * Clients of three members that are cut off, killed and stopped: writers and readers that go from one to the next
 * with each request, a watch that does so with each resumption, and at each member somebody who writes all the
 * time, for the gaps. Everything goes through the ledger. A process of its own inside a machine's namespace; says
 * `ready` after the first writes; on SIGTERM it goes on until there is something to compare, compares, and prints one
 * line of JSON: `CutLoad`.
 *
 * usage: node cut-load.js troupe KUBECONFIG... | etcd ADDRESS...
 */
import { setTimeout as delay } from "node:timers/promises";
import { createEtcdRest } from "./etcd-rest.ts";
import { isPassing, LedgerClient, type Sent, type Write } from "./ledger-client.ts";
import { createRestClient, type RestClient } from "./rest-client.ts";

export interface CutLoad {
  readonly acknowledged: number;
  readonly unknown: number;
  readonly events: number;
  /** Reads of what a client had just written, at another member. */
  readonly reads: number;
  /** Of those who write all the time: asked and answered, ms since the epoch. */
  readonly acks: readonly (readonly [number, number])[];
  readonly problems: readonly string[];
}

const [kind = "", ...targets] = process.argv.slice(2);
const writerCount = 4;
const pauseMs = 25;
const probePauseMs = 10;
/** Who is asked longer than this is left alone, and what was asked may happen at any time. */
const patienceMs = 1_500;
const probePatienceMs = 6_000;

const clientsOf = (timeoutMs: number): readonly RestClient[] =>
  targets.map((target) =>
    kind === "etcd" ? createEtcdRest(target, timeoutMs) : createRestClient(target, { timeoutMs }),
  );
const clients = clientsOf(patienceMs);

let turn = 0;
const next = (): RestClient => clients[(turn += 1) % clients.length]!;
const roaming: RestClient = {
  call: (method, path, body) => next().call(method, path, body),
  callAnew: (method, path, body) => next().callAnew(method, path, body),
  watch: (path, onEvent, signal) => next().watch(path, onEvent, signal),
};

const ledgerClient = new LedgerClient(roaming, `cuts-${process.pid}`, { retires: true, readsBack: 0.3 });
const { ledger, folder } = ledgerClient;
const acks: [number, number][] = [];
let stopping = false;
let isReady = false;

async function once({ method, path, body }: Write): Promise<Sent | undefined> {
  try {
    const answer = await roaming.call(method, path, body);
    return isPassing(answer) ? undefined : { answer, tries: 1 };
  } catch {
    // Nobody knows what becomes of it.
    return undefined;
  }
}

async function probeOn(client: RestClient, at: number): Promise<void> {
  const name = `probe-${at}`;
  for (let count = 0; !stopping; count += 1) {
    const askedMs = Date.now();
    const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { v: String(count) } };
    const answer = await client.call("PUT", `${folder}/${name}`, body).catch(() => undefined);
    if (answer?.status === 200) acks.push([askedMs, Date.now()]);
    if (!isReady && ledger.acknowledged > writerCount && acks.length > targets.length) {
      isReady = true;
      process.stdout.write("ready\n");
    }
    await delay(probePauseMs);
  }
}

/** Less says nothing. On a disk that takes its time for each write, it takes its time. */
const least = { events: 40, reads: 10 } as const;
const leastMaxMs = 60_000;

async function enough(): Promise<void> {
  const untilMs = Date.now() + leastMaxMs;
  while (ledger.events.length < least.events || ledgerClient.readsBack < least.reads) {
    if (Date.now() > untilMs) return;
    await delay(probePauseMs);
  }
}

const stopped = new Promise<void>((resolve) => process.once("SIGTERM", resolve));
await ledgerClient.begin(targets.map((_, at) => `probe-${at}`));
const probing = Promise.all(clientsOf(probePatienceMs).map(probeOn));
await ledgerClient.during(
  {
    writers: Array.from({ length: writerCount }, (_, at) => () => ledgerClient.writeOn(at, pauseMs, once)),
    watching: { from: next, lifeMs: () => 1_500 + Math.floor(Math.random() * 1_500), pauseMs: 20 },
  },
  () => stopped.then(enough),
);
stopping = true;
await probing;
const { acknowledged, unknown, events, problems } = ledger;
const { readsBack: reads } = ledgerClient;
const report: CutLoad = { acknowledged, unknown, events: events.length, reads, acks, problems };
process.stdout.write(`${JSON.stringify(report)}\n`);
process.exit(0);
