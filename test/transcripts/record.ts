/**
 * Makes the transcripts anew, with each kubectl that this machine has:
 *
 *     npm run build && node dist/test/transcripts/record.js [1.33 …]
 *
 * The REST door of the virtual cluster listens on loopback; kubectl runs the script against it with
 * its caches empty at first. Requests are served one after the other, so a recording is repeatable.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createIssuer } from "../../src/auth/certificates.ts";
import { withContext } from "../../src/cli/kubeconfig.ts";
import type { HttpExchange } from "../../src/env/http.ts";
import { listenHttps, type HttpsServer } from "../../src/env/real/https-server.ts";
import { kubectls } from "../live/support/machine.ts";
import { recordedAnswer, seenOf } from "./answer.ts";
import { SeenExchange, administrator } from "./exchange.ts";
import { Normaliser } from "./normalise.ts";
import { References } from "./references.ts";
import { script, type Command } from "./script.ts";
import { createStage, type Stage } from "./stage.ts";
import { versions, writeTranscript, type Exchange, type Step } from "./transcript.ts";

const bodyMaxBytes = 4 << 20;
const commandMaxMs = 60_000;
const quietMs = 2_000;
const openStepMs = 50;

/** Headers that decide the answer. */
const kept = new Set([
  "accept",
  "content-type",
  "if-none-match",
  "upgrade",
  "connection",
  "sec-websocket-protocol",
  "x-stream-protocol-version",
]);

interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

class Recorder {
  readonly #stage: Stage;
  readonly #queue: SeenExchange[] = [];
  readonly #served: SeenExchange[] = [];
  readonly #normaliser = new Normaliser();
  readonly #references = new References();
  #isOver = false;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** Of the server: reads the body, then waits its turn. */
  readonly handler = (connection: HttpExchange): void => {
    void connection.body(bodyMaxBytes).then((content) => {
      const { method, target, headers, isUpgrade } = connection;
      this.#queue.push(new SeenExchange({ method, target, headers, content, isUpgrade }, connection));
    });
  };

  /** Serves while kubectl runs. */
  async record(command: Command, run: Promise<Ran>): Promise<Step> {
    this.#isOver = false;
    const ended = run.finally(() => (this.#isOver = true));
    while (!this.#isOver || this.#queue.length > 0) {
      const next = this.#queue.shift();
      if (next !== undefined) await this.#serve(next);
      else if (this.#served.some((exchange) => !exchange.ended)) await this.#stage.cluster.advance(openStepMs);
      await delay(1);
    }
    const { exitCode, stdout, stderr } = await ended;
    const exchanges = this.#served.splice(0).map((exchange) => this.#recorded(exchange));
    const output = (text: string): string => this.#normaliser.output(text);
    await this.#stage.rest();
    return { command: command.line, exitCode, stdout: output(stdout), stderr: output(stderr), exchanges };
  }

  async #serve(exchange: SeenExchange): Promise<void> {
    this.#served.push(exchange);
    await this.#stage.serve(exchange);
  }

  #recorded(exchange: SeenExchange): Exchange {
    exchange.disconnect();
    const { method, target, headers, content } = exchange;
    const take = (text: string): string => this.#references.take(text);
    const isText = headers["content-type"]?.includes("protobuf") !== true;
    const text = Buffer.from(content).toString("utf8");
    const recorded: Exchange = {
      method,
      target: take(target),
      headers: Object.fromEntries(
        Object.entries(headers)
          .filter(([name]) => kept.has(name))
          .map(([name, value]) => [name, take(value)]),
      ),
      ...(content.length === 0
        ? {}
        : isText
          ? { body: take(text) }
          : { bodyBase64: Buffer.from(content).toString("base64") }),
      ...(exchange.toSay.length === 0
        ? {}
        : { sent: exchange.toSay.map((message) => Buffer.from(message).toString("base64")) }),
      answer: recordedAnswer(exchange, this.#normaliser),
    };
    if (!isText && take(text) !== text) throw new Error(`${method} ${target}: a protobuf body refers to an answer`);
    this.#references.add(seenOf(exchange));
    return recorded;
  }
}

interface Client {
  readonly path: string;
  readonly home: string;
}

/** kubectl's arguments hold no spaces but in what follows `-p`, which holds none either. */
function runKubectl({ path, home }: Client, command: Command): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, command.line.split(" "), {
      cwd: home,
      env: { PATH: process.env["PATH"], HOME: home, KUBECONFIG: join(home, "config"), ...command.env },
    });
    let [stdout, stderr] = ["", ""];
    const limit = setTimeout(() => child.kill("SIGKILL"), commandMaxMs);
    let quiet: NodeJS.Timeout | undefined;
    const heard = (): void => {
      clearTimeout(quiet);
      if (command.isEndless === true) quiet = setTimeout(() => child.kill("SIGINT"), quietMs);
    };
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
      heard();
    });
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(limit);
      clearTimeout(quiet);
      resolve({ exitCode: code ?? -1, stdout, stderr });
    });
    heard();
    child.stdin.end(command.input ?? "");
  });
}

async function listen(home: string, handler: (exchange: HttpExchange) => void): Promise<HttpsServer> {
  const issuer = createIssuer({ webcrypto: globalThis.crypto, now: () => Date.now() });
  const [serving, clients] = [await issuer.authority("serving"), await issuer.authority("clients")];
  const validMs = 3_600_000;
  const leaf = await issuer.leaf(serving, { commonName: "api", usage: "server", names: ["127.0.0.1"], validMs });
  const { commonName, organizations } = administrator;
  const admin = await issuer.leaf(clients, { commonName, organizations, usage: "client", validMs });
  const server = await listenHttps({
    host: "127.0.0.1",
    port: 0,
    ...leaf,
    clientAuthorities: [clients.certificate],
    handler,
  });
  const entry = {
    name: "recording",
    server: `https://127.0.0.1:${server.port}`,
    authority: serving.certificate,
    ...admin,
  };
  writeFileSync(join(home, "config"), withContext(undefined, entry), { mode: 0o600 });
  return server;
}

async function recordVersion(version: string, path: string): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), "transcript-"));
  const stage = await createStage();
  const recorder = new Recorder(stage);
  const server = await listen(home, recorder.handler);
  try {
    const steps: Step[] = [];
    for (const command of script) {
      const started = Date.now();
      const step = await recorder.record(command, runKubectl({ path, home }, command));
      steps.push(step);
      const { exitCode, exchanges } = step;
      process.stdout.write(`${version} ${Date.now() - started} ms ${exitCode} ${exchanges.length}: ${command.line}\n`);
    }
    writeTranscript({ kubectl: version, steps });
  } finally {
    await server.close(0);
    await stage.cluster[Symbol.asyncDispose]();
    rmSync(home, { recursive: true, force: true });
  }
}

const wanted = process.argv.length > 2 ? process.argv.slice(2) : versions;
for (const { version, path } of kubectls()) if (wanted.includes(version)) await recordVersion(version, path);
