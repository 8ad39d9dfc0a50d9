/**
 * Write load of clients that know several masters, with a ledger of all that they were told: each writer
 * creates and updates keys of its own, one write after the other, and goes to another master where one
 * does not answer. A process of its own inside a machine's namespace; says `ready` after the first
 * answers. On SIGTERM it reads everything back, linearizably, and prints one line of JSON: `MemberLoad`.
 *
 * usage: node member-load.js FOLDER: kubeconfigs are FOLDER/b<n>/d/admin.kubeconfig, looked for again and again
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Ledger } from "./ledger.ts";
import { createRestClient, type Answer, type RestClient } from "./rest-client.ts";

export interface MemberLoad {
  readonly acknowledged: number;
  /** Writes whose answer was lost. */
  readonly unknown: number;
  readonly slowestMs: number;
  /** Errors that a client saw although it tried once more, at another master. */
  readonly twiceRefused: readonly string[];
  readonly problems: readonly string[];
}

const [folder = ""] = process.argv.slice(2);
const writerCount = 4;
const keysEach = 4;
const pauseMs = 25;
const path = "/api/v1/namespaces/default/configmaps";
const ledger = new Ledger(0);
const clients = new Map<string, { readonly changedMs: number; readonly client: RestClient }>();
const twiceRefused: string[] = [];
let stopping = false;
let slowestMs = 0;

function masters(): readonly RestClient[] {
  for (const box of readdirSync(folder)) {
    const config = join(folder, box, "d", "admin.kubeconfig");
    if (!existsSync(config)) continue;
    // Read anew when it was: with other authorities, or another certificate.
    const changedMs = statSync(config).mtimeMs;
    if (clients.get(box)?.changedMs !== changedMs) clients.set(box, { changedMs, client: createRestClient(config) });
  }
  return [...clients.values()].map(({ client }) => client);
}

/** Undefined: no whole answer came, or one that says that it may have happened. */
async function attempt(client: RestClient, method: string, at: string, body?: unknown): Promise<Answer | undefined> {
  try {
    const answer = await client.call(method, at, body);
    return answer.status >= 500 || answer.status === 429 ? undefined : answer;
  } catch {
    // The connection broke: nobody knows.
    return undefined;
  }
}

/** As a client that goes round: the answer of the first master that gives one. */
async function insist(first: number, method: string, at: string): Promise<Answer> {
  for (let round = first; ; round += 1) {
    const all = masters();
    const answer = await attempt(all[round % all.length]!, method, at);
    if (answer !== undefined) return answer;
    await delay(50);
  }
}

type Stored = { readonly metadata: { readonly resourceVersion: string }; readonly data?: { readonly v: string } };

async function look(key: string, writer: number): Promise<void> {
  const answer = await insist(writer, "GET", `${path}/${key}`);
  const object = answer.body as unknown as Stored;
  if (answer.status === 404) ledger.read(key, undefined);
  else ledger.read(key, object.data?.v, Number(object.metadata.resourceVersion));
}

async function write(writer: number): Promise<void> {
  let turn = writer;
  for (let count = 0; !stopping; count += 1) {
    const key = `load-${process.pid}-${writer}-${count % keysEach}`;
    if (ledger.possible(key).length > 1) await look(key, writer);
    const isThere = ledger.possible(key)[0] !== undefined;
    const value = `${key}.${count}`;
    const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: key }, data: { v: value } };
    const all = masters();
    const askedMs = Date.now();
    const answer = await attempt(
      all[turn % all.length]!,
      isThere ? "PUT" : "POST",
      isThere ? `${path}/${key}` : path,
      object,
    );
    slowestMs = Math.max(slowestMs, Date.now() - askedMs);
    if (answer === undefined) {
      ledger.lost(key, value);
      turn += 1;
      await again(key, turn);
    } else if (answer.status < 300) {
      ledger.wrote(key, value, Number((answer.body as unknown as Stored).metadata.resourceVersion));
      if (ledger.acknowledged === writerCount) process.stdout.write("ready\n");
    } else {
      ledger.problems.push(`${key}: ${answer.status} ${JSON.stringify(answer.body["message"])}`);
    }
    await delay(pauseMs);
  }
}

/** The one retry of a client, at another master: a read tells what became of the write. */
async function again(key: string, turn: number): Promise<void> {
  const all = masters();
  const answer = await attempt(all[turn % all.length]!, "GET", `${path}/${key}`);
  if (answer === undefined) twiceRefused.push(`${new Date().toISOString()} ${key}`);
}

process.on("SIGTERM", () => (stopping = true));
await Promise.all(Array.from({ length: writerCount }, (_, writer) => write(writer)));
for (const key of ledger.keys) await look(key, 0);
const { acknowledged, unknown, problems } = ledger;
process.stdout.write(
  `${JSON.stringify({ acknowledged, unknown, slowestMs, twiceRefused, problems } satisfies MemberLoad)}\n`,
);
process.exit(0);
