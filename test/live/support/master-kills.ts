/**
 * Kills the master (of several: the leader) at random moments while writers create, update and delete ConfigMaps
 * and a watch is resumed from its last revision, and compares with a ledger of what clients were told. A process
 * of its own, inside a machine's namespace; prints one line of JSON: `MasterKills`.
 *
 * usage: node master-kills.js DATA_DIR KUBECONFIG KILLS
 */
import { setTimeout as delay } from "node:timers/promises";
import { isPassing, LedgerClient, type Sent, type Write } from "./ledger-client.ts";
import { membersOf, openMember, pidOfMember, whole } from "./members.ts";
import { createRestClient } from "./rest-client.ts";

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
const pauseMs = 8;
const lifeMaxMs = 2_500;
const backMaxMs = 90_000;

const client = createRestClient(kubeconfig);
/** Of a cluster with several masters. */
const members = membersOf(dataDir).map((member) => openMember(kubeconfig, member));
const clients = new LedgerClient(client, `ledger-${process.pid}`);
const { ledger } = clients;

/** Undefined of a lone master, which has no name. */
async function leaderName(): Promise<string | undefined> {
  if (members.length === 0) return undefined;
  return (await whole(members)).find(({ role }) => role === "leader")?.name;
}

/** A client that does not try again. */
async function once({ method, path, body }: Write): Promise<Sent | undefined> {
  try {
    const answer = await client.call(method, path, body);
    return isPassing(answer) ? undefined : { answer, tries: 1 };
  } catch {
    // The connection broke: nobody knows.
    await delay(50);
    return undefined;
  }
}

async function killAgainAndAgain(): Promise<readonly number[]> {
  const backs: number[] = [];
  for (let count = 1; count <= kills; count += 1) {
    await delay(Math.random() * lifeMaxMs);
    const pid = pidOfMember(dataDir, await leaderName());
    if (pid === undefined) throw new Error("there is no master to kill");
    const killedMs = performance.now();
    process.kill(pid, "SIGKILL");
    while (clients.lastAck.askedMs <= killedMs) {
      if (performance.now() > killedMs + backMaxMs) throw new Error(`kill ${count}: no write is acknowledged any more`);
      await delay(5);
    }
    backs.push(Math.round(clients.lastAck.answeredMs - killedMs));
    process.stderr.write(`kill ${count}: back after ${backs.at(-1)} ms, ${ledger.problems.length} problems\n`);
  }
  return backs;
}

async function main(): Promise<MasterKills> {
  await clients.begin();
  const writers = Array.from({ length: writerCount }, (_, writer) => () => clients.writeOn(writer, pauseMs, once));
  const backs = await clients.during({ writers, watching: { from: () => client, pauseMs: 50 } }, killAgainAndAgain);
  const sorted = backs.toSorted((a, b) => a - b);
  return {
    kills,
    acknowledged: ledger.acknowledged,
    unknown: ledger.unknown,
    events: ledger.events.length,
    resumptions: clients.resumptions,
    backMs: { median: sorted[Math.floor(sorted.length / 2)] ?? 0, most: sorted.at(-1) ?? 0 },
    problems: ledger.problems,
  };
}

// The test has died: nobody will read the report.
process.stdin.once("close", () => process.exit(1)).resume();
process.stdout.write(`${JSON.stringify(await main())}\n`);
process.exit(0);
