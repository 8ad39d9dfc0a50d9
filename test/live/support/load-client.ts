/**
 * A client loop that a test starts as a process of its own, inside its machine: several requests at
 * once, a new connection for each. Says `ready` once it is answered, and counts from then on; on SIGTERM it
 * lets the open requests end and prints one line of JSON: `Load`.
 *
 * usage: node load-client.js URL CONCURRENCY
 */
import { request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

export interface Load {
  readonly answered: number;
  readonly failures: readonly { readonly atMs: number; readonly error: string }[];
  /** How often each body came. */
  readonly bodies: Readonly<Record<string, number>>;
  readonly slowestMs: number;
}

const [url = "", concurrency = "4"] = process.argv.slice(2);
const pauseMs = 5;
const timeoutMs = 10_000;

let stopping = false;
let answered = 0;
let slowestMs = 0;
const failures: { atMs: number; error: string }[] = [];
const bodies: Record<string, number> = {};

function once(): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { agent: false, headers: { connection: "close" }, timeout: timeoutMs }, (answer) => {
      let body = "";
      answer.setEncoding("utf8");
      answer.on("data", (text: string) => (body += text));
      answer.once("error", reject);
      answer.once("end", () => {
        if (answer.statusCode === 200) resolve(body.trim());
        else reject(new Error(`status ${answer.statusCode}`));
      });
    });
    asked.once("timeout", () => asked.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    asked.once("error", reject);
    asked.end();
  });
}

async function loop(): Promise<void> {
  while (!stopping) {
    const startedMs = Date.now();
    try {
      const body = await once();
      bodies[body] = (bodies[body] ?? 0) + 1;
      answered += 1;
      slowestMs = Math.max(slowestMs, Date.now() - startedMs);
      if (answered === 1) process.stdout.write("ready\n");
    } catch (error) {
      failures.push({ atMs: startedMs, error: error instanceof Error ? error.message : String(error) });
    }
    await delay(pauseMs);
  }
}

/** A Service that was made this moment is not known to the node yet: what is lost counts from the first answer on. */
async function firstAnswer(): Promise<void> {
  for (let answer: string | undefined; answer === undefined; await delay(pauseMs)) {
    answer = await once().catch(() => undefined);
  }
}

process.once("SIGTERM", () => (stopping = true));
// The test has died: nobody will read what is counted.
process.stdin.once("close", () => process.exit(1)).resume();
await firstAnswer();
await Promise.all(Array.from({ length: Number(concurrency) }, loop));
const load: Load = { answered, failures, bodies, slowestMs };
process.stdout.write(`${JSON.stringify(load)}\n`, () => process.exit(0));
