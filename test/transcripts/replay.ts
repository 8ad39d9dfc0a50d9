/** Sends what a kubectl once sent, in process. */
import { isDeepStrictEqual } from "node:util";
import { isWatch, recordedAnswer, seenOf } from "./answer.ts";
import { SeenExchange } from "./exchange.ts";
import { Normaliser } from "./normalise.ts";
import { References } from "./references.ts";
import { createStage, type Stage } from "./stage.ts";
import type { Exchange, RecordedAnswer, Step } from "./transcript.ts";

const lastingMaxMs = 30_000;
const lastingStepMs = 5;

export class Replay {
  readonly #normaliser = new Normaliser();
  readonly #references = new References();
  readonly #stage: Stage;
  /** The manager of fields where a request names none. */
  readonly #userAgent: string;

  private constructor(stage: Stage, version: string) {
    this.#stage = stage;
    this.#userAgent = `kubectl.${version}/v${version}`;
  }

  static async start(version: string): Promise<Replay> {
    return new Replay(await createStage(), version);
  }

  /** The answers to a step's requests, in order. */
  async play(step: Step): Promise<readonly RecordedAnswer[]> {
    const answers: RecordedAnswer[] = [];
    for (const exchange of step.exchanges) answers.push(await this.#send(exchange));
    await this.#stage.rest();
    return answers;
  }

  async stop(): Promise<void> {
    await this.#stage.cluster[Symbol.asyncDispose]();
  }

  async #send(recorded: Exchange): Promise<RecordedAnswer> {
    const exchange = new SeenExchange(this.#requestOf(recorded));
    await this.#stage.serve(exchange);
    if (!exchange.ended) await this.#follow(exchange, recorded);
    this.#references.add(seenOf(exchange));
    return recordedAnswer(exchange, this.#normaliser);
  }

  #requestOf(recorded: Exchange): ConstructorParameters<typeof SeenExchange>[0] {
    const { method, target, headers, body, bodyBase64 } = recorded;
    const give = (text: string): string => this.#references.give(text);
    const given = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, give(value)]));
    return {
      method,
      target: give(target),
      headers: { "user-agent": this.#userAgent, ...given },
      content: bodyBase64 === undefined ? Buffer.from(give(body ?? "")) : Buffer.from(bodyBase64, "base64"),
      isUpgrade: headers["upgrade"] !== undefined,
    };
  }

  /** Reads until it has seen what the recording saw, or the stream ends; then goes. */
  async #follow(exchange: SeenExchange, recorded: Exchange): Promise<void> {
    for (const message of recorded.sent ?? []) exchange.say(Buffer.from(message, "base64"));
    const { cluster } = this.#stage;
    const end = cluster.env.clock.mono() + lastingMaxMs;
    let readBytes = -1;
    while (!exchange.ended && cluster.env.clock.mono() < end) {
      if (isWatch(exchange) && exchange.byteCount > readBytes) {
        readBytes = exchange.byteCount;
        if (isDeepStrictEqual(recordedAnswer(exchange, this.#normaliser).body, recorded.answer.body)) break;
      }
      await cluster.advance(lastingStepMs);
    }
    exchange.disconnect();
  }
}
