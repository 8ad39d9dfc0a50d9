/**
 * Takes the leader of several masters away, again and again, while clients write through followers and through
 * the cluster's one address, and measures how long no write is taken and until controllers plan again. A
 * ledger holds everything that clients were told against what is stored and what a watch tells that is resumed
 * from master to master. A process of its own, inside a machine's namespace; prints one line of JSON:
 * `Failovers`.
 *
 * The gap is from the loss to the answer to the first write begun after it, of one every 4 ms at the survivors
 * in turn. A client of the one address gives each request a second try, at once and on a new connection, and no third.
 *
 * usage: node failover.js DATA_DIR KUBECONFIG HOW TIMES [SETTLE_MS]
 */
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isPassing, LedgerClient, type Sent, type Watching, type Write } from "./ledger-client.ts";
import { membersOf, openMember, pidOfMember, whole, type MemberClient, type MemberSaid } from "./members.ts";
import { createRestClient } from "./rest-client.ts";
import { standstillOf, type Standstill } from "./standstill.ts";

/** `kill`: SIGKILL; `silent`: SIGSTOP, its connections stay; `stop`: SIGTERM, it hands over; `restart`: all, one by one. */
export type How = "kill" | "silent" | "stop" | "restart";

export interface Times {
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface Failovers {
  readonly how: How;
  readonly times: number;
  readonly gap: Times;
  /** The same for a client of the one address that tries again once. */
  readonly addressGap: Times;
  /** From the loss to what a controller made of a namespace that was created right behind it. */
  readonly plan: Times;
  /** From the first write to that. */
  readonly planBehind: Times;
  /** Most changes of the term that one loss cost. */
  readonly electionsMost: number;
  readonly acknowledged: number;
  readonly unknown: number;
  readonly events: number;
  readonly gaps: readonly number[];
  readonly problems: readonly string[];
  readonly stood: Standstill;
}

const [dataDir = "", kubeconfig = "", howText = "kill", timesText = "5", settleText = "300"] = process.argv.slice(2);
const how = howText as How;
const times = Number(timesText);
const probeEveryMs = 4;
/** After this long a probe now and then will do: hundreds that wait would measure themselves. */
const probeOftenMs = 250;
const probeSeldomMs = 20;
const pauseMs = 10;
const writerCount = 4;
const gapMaxMs = 90_000;
/** Between two losses, once all have what there is: at most twice as long. */
const settleMs = Number(settleText);
const namespace = `failover-${process.pid}`;
const signals = { kill: "SIGKILL", silent: "SIGSTOP", stop: "SIGTERM", restart: "SIGTERM" } as const;

const members = membersOf(dataDir);
const clients = members.map((member) => openMember(kubeconfig, member));
const address = createRestClient(kubeconfig);
const ledgerClient = new LedgerClient(address, namespace);
const { ledger, folder } = ledgerClient;

// ---- clients under the ledger ----

/** A client that tries again once. Undefined: that was in vain, too. */
async function twice(write: Write): Promise<Sent | undefined> {
  const said: string[] = [];
  for (const tries of [1, 2]) {
    try {
      const { method, path, body } = write;
      const answer = await (tries === 1 ? address.call(method, path, body) : address.callAnew(method, path, body));
      if (!isPassing(answer)) return { answer, tries };
      said.push(`${answer.status} ${JSON.stringify(answer.body)}`);
    } catch (error) {
      said.push(String(error));
    }
  }
  ledger.problems.push(`${write.method} ${write.key} failed twice: ${said.join(", then ")}`);
  return undefined;
}

// ---- losses ----

interface Loss {
  readonly lostMs: number;
  readonly gapMs: number;
  readonly addressGapMs: number;
  readonly planMs: number;
  readonly elections: number;
}

const probeOf = (client: MemberClient): string => `probe-${client.member.name}`;

/** Resolves with the time of the first answer to a write that was begun after the loss. */
function firstWrite(survivors: readonly MemberClient[], lostMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let turn = 0;
    let isOver = false;
    const said: string[] = [];
    const next = (): void => {
      if (isOver) return;
      turn += 1;
      const client = survivors[turn % survivors.length]!;
      const name = probeOf(client);
      const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { v: `${lostMs}.${turn}` } };
      void client.call("PUT", `${folder}/${name}`, body).then(
        ({ status, body: answer }) => {
          if (status !== 200) said.push(`${status} ${answer}`);
          else if (!isOver) resolve(performance.now());
          if (status === 200) isOver = true;
        },
        (error: unknown) => said.push(String(error)),
      );
      const sinceMs = performance.now() - lostMs;
      if (sinceMs > gapMaxMs) {
        isOver = true;
        reject(new Error(`no write is taken any more: ${said.slice(-3).join("; ")}`));
      } else setTimeout(next, sinceMs < probeOftenMs ? probeEveryMs : probeSeldomMs);
    };
    next();
  });
}

/** When a controller has given a new namespace its account. */
async function planned(client: MemberClient, name: string): Promise<number> {
  await client.call("POST", "/api/v1/namespaces", { metadata: { name } });
  const untilMs = Date.now() + gapMaxMs;
  for (;;) {
    const { status } = await client.call("GET", `/api/v1/namespaces/${name}/serviceaccounts/default`);
    if (status === 200) return performance.now();
    if (Date.now() > untilMs) throw new Error(`no controller has seen the namespace ${name}`);
    await delay(10);
  }
}

async function lose(lost: string, before: readonly MemberSaid[], count: number): Promise<Loss> {
  const survivors = clients.filter(({ member }) => member.name !== lost);
  const pid = pidOfMember(dataDir, lost);
  if (pid === undefined) throw new Error(`there is no master ${lost}`);
  const lostMs = performance.now();
  process.kill(pid, signals[how]);
  const plan = planned(survivors[count % survivors.length]!, `${namespace}-${count}`);
  const gapMs = (await firstWrite(survivors, lostMs)) - lostMs;
  const planMs = (await plan) - lostMs;
  if (how === "silent") process.kill(pid, "SIGCONT");
  while (ledgerClient.lastAck.askedMs <= lostMs) {
    if (performance.now() > lostMs + gapMaxMs) throw new Error("the one address takes no write any more");
    await delay(2);
  }
  const addressGapMs = ledgerClient.lastAck.answeredMs - lostMs;
  if (how !== "silent") await replaced(lost, pid);
  const after = await whole(clients);
  const elections = after[0]!.term - before[0]!.term;
  await ledgerClient.insist("DELETE", `/api/v1/namespaces/${namespace}-${count}`);
  return { lostMs, gapMs, addressGapMs, planMs, elections };
}

/** The keeper has started it again. */
async function replaced(name: string, pid: number): Promise<void> {
  const untilMs = Date.now() + gapMaxMs;
  for (let now = pidOfMember(dataDir, name); now === undefined || now === pid; now = pidOfMember(dataDir, name)) {
    if (Date.now() > untilMs) throw new Error(`${name} does not come back`);
    await delay(20);
  }
}

async function loseAgainAndAgain(): Promise<readonly Loss[]> {
  const losses: Loss[] = [];
  const restarts = members.map(({ name }) => name);
  for (let count = 1; count <= times; count += 1) {
    const said = await whole(clients);
    // Who has just come back has it all when it answers a linearizable read.
    await Promise.all(clients.map((client) => client.call("GET", "/api/v1/namespaces/default")));
    await delay(settleMs + Math.random() * settleMs);
    const leader = said.find(({ role }) => role === "leader")!.name;
    const lost = how === "restart" ? restarts[(count - 1) % restarts.length]! : leader;
    const loss = await lose(lost, said, count);
    losses.push(loss);
    const [gap, address_, plan] = [loss.gapMs, loss.addressGapMs, loss.planMs].map(Math.round);
    process.stderr.write(
      `${new Date(performance.timeOrigin + loss.lostMs).toISOString()} ${how} ${count} of ${lost}: writes after ${gap} ms, by the one address ${address_} ms, plans ${plan} ms, ` +
        `${loss.elections} elections, ${ledger.problems.length} problems\n`,
    );
  }
  return losses;
}

function timesOf(values: readonly number[]): Times {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number): number =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!);
  return { p50Ms: at(0.5), p90Ms: at(0.9), p95Ms: at(0.95), p99Ms: at(0.99), maxMs: at(1) };
}

/** The watch goes from master to master: each resumption is answered by the next one. */
const watchers = members.map(({ apiPort }) => createRestClient(kubeconfig, { port: apiPort }));
const watching: Watching = {
  from: (resumption) => watchers[resumption % watchers.length]!,
  lifeMs: () => 3_000 + Math.floor(Math.random() * 3_000),
  pauseMs: 20,
};

async function main(): Promise<Failovers> {
  await ledgerClient.begin(clients.map(probeOf));
  const writers = Array.from({ length: writerCount }, (_, at) => () => ledgerClient.writeOn(at, pauseMs, twice));
  const { done: losses, stood } = await standstillOf(dirname(dataDir), () =>
    ledgerClient.during({ writers, watching }, loseAgainAndAgain),
  );
  const gaps = losses.map(({ gapMs }) => Math.round(gapMs));
  return {
    how,
    times,
    gap: timesOf(gaps),
    addressGap: timesOf(losses.map(({ addressGapMs }) => addressGapMs)),
    plan: timesOf(losses.map(({ planMs }) => planMs)),
    planBehind: timesOf(losses.map(({ planMs, gapMs }) => Math.max(0, planMs - gapMs))),
    electionsMost: Math.max(...losses.map(({ elections }) => elections)),
    acknowledged: ledger.acknowledged,
    unknown: ledger.unknown,
    events: ledger.events.length,
    gaps,
    problems: ledger.problems,
    stood,
  };
}

// The test has died: nobody will read the report.
process.stdin.once("close", () => process.exit(1)).resume();
process.stdout.write(`${JSON.stringify(await main())}\n`);
process.exit(0);
