/** Runs inside the bench's namespace: changes ConfigMaps, with or without watchers of them. */
import { Api, readAccess } from "./api.ts";
import { cpuMs, pidsOf, round } from "./cluster.ts";
import { answerAll } from "./worker.ts";

export interface Question {
  readonly watchers: number;
  readonly connections: number;
  readonly changes: number;
  readonly perSecond: number;
}

export interface WatchRound {
  readonly seconds: number;
  readonly changesPerSecond: number;
  readonly delivered: number;
  /** Watches that the server ended. */
  readonly cut: number;
  readonly eventBytes: number;
  readonly serverCpuMs: number;
}

const [dataDir, folder] = process.argv.slice(2) as [string, string];
const [server] = pidsOf(dataDir, "server") as [number];
const access = readAccess(folder);
const writer = new Api(access, 2);
const path = "/api/v1/namespaces/default/configmaps";
const objects = 100;
const newline = 10;
let turn = 0;

function bodyOf(name: string): Buffer {
  turn += 1;
  const data = { text: "x".repeat(400), turn: String(turn).padStart(9, "0") };
  return Buffer.from(JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data }));
}

for (let at = 0; at < objects; at += 1) await writer.expect(201, "POST", path, bodyOf(`watched-${at}`));

/** Watches without a start state. A watch that counts lines is what bytes are told by. */
class Watchers {
  readonly #api: Api;
  readonly #count: number;
  bytes = 0;
  firstBytes = 0;
  firstEvents = 0;
  cut = 0;

  constructor({ watchers, connections }: Question) {
    this.#api = new Api(access, connections);
    this.#count = watchers;
  }

  async start(): Promise<void> {
    if (this.#count === 0) return;
    const list = await writer.expect(200, "GET", `${path}?limit=1`);
    const from = (JSON.parse(list.toString()) as { metadata: { resourceVersion: string } }).metadata.resourceVersion;
    const target = `${path}?watch=1&resourceVersion=${from}`;
    for (let at = 0; at < this.#count; at += 1) {
      this.#api.follow(
        target,
        (bytes) => {
          this.bytes += bytes.length;
          if (at > 0) return;
          this.firstBytes += bytes.length;
          for (const byte of bytes) if (byte === newline) this.firstEvents += 1;
        },
        () => (this.cut += 1),
      );
    }
    // Every watch stands once it has shown a first change.
    await writer.expect(200, "PUT", `${path}/watched-0`, bodyOf("watched-0"));
    while (this.bytes < this.firstBytes * this.#count || this.firstEvents === 0) await soon();
  }

  /** All watchers together have as much as the first alone has, each. */
  async delivered(events: number): Promise<void> {
    const isThere = (): boolean =>
      this.#count === 0 ||
      (this.firstEvents >= events && this.bytes >= this.firstBytes * (this.#count - this.cut)) ||
      this.cut >= this.#count;
    while (!isThere()) await soon();
  }

  close(): void {
    this.#api.close();
  }
}

const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));
const batchMs = 100;

/** Changes in batches of a tenth of a second; a batch begins when the one before it has arrived everywhere. */
async function watched(question: Question): Promise<WatchRound> {
  const watchers = new Watchers(question);
  await watchers.start();
  const { changes, perSecond } = question;
  const [bytes, events] = [watchers.firstBytes, watchers.firstEvents];
  const [startCpu, startMs] = [cpuMs(server), performance.now()];
  let done = 0;
  while (done < changes) {
    const beganMs = performance.now();
    const batch = Math.min(changes - done, (perSecond * batchMs) / 1_000);
    const names = Array.from({ length: batch }, (_, at) => `watched-${(done + at) % objects}`);
    await Promise.all(names.map((name) => writer.expect(200, "PUT", `${path}/${name}`, bodyOf(name))));
    done += batch;
    await watchers.delivered(events + done);
    const restMs = batchMs - (performance.now() - beganMs);
    if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs));
  }
  const seconds = (performance.now() - startMs) / 1_000;
  const serverCpuMs = cpuMs(server) - startCpu;
  watchers.close();
  return {
    seconds: round(seconds),
    changesPerSecond: round(changes / seconds),
    delivered: changes * (question.watchers - watchers.cut),
    cut: watchers.cut,
    eventBytes: question.watchers === 0 ? 0 : Math.round((watchers.firstBytes - bytes) / changes),
    serverCpuMs: round(serverCpuMs),
  };
}

await answerAll((line) => watched(JSON.parse(line) as Question));
process.exit(0);
