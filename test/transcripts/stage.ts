/**
 * The cluster that recordings are made with and replayed against: the virtual one, with one node.
 * Time passes by the same rules in both, so that both see the same states: with each request enough for
 * what the one before has set off, and more between commands. What shall take longer than that says so
 * by annotations of its pods.
 */
import { scriptOfAnnotations } from "../../src/node/simulated/script.ts";
import { createCluster, type Cluster } from "../../src/testing/cluster.ts";
import type { SeenExchange } from "./exchange.ts";

export interface Stage {
  readonly cluster: Cluster;
  /** Hands the request to the door; resolves when it is answered as far as it will be by itself. */
  serve(exchange: SeenExchange): Promise<void>;
  /** Between commands. */
  rest(): Promise<void>;
}

const restMs = 10_000;
const arrivalMs = 1_000;

export async function createStage(): Promise<Stage> {
  const cluster = await createCluster({
    nodes: 1,
    seed: 8,
    time: "virtual",
    script: (subject) => ({
      ...scriptOfAnnotations(subject),
      ...(subject.image.endsWith(":missing") ? { startError: "no such image" } : {}),
      log: ["first line", "second line"],
      exec: (command) => ({ stdout: `${command.join(" ")}\n`, exitCode: command[0] === "false" ? 1 : 0 }),
    }),
  });
  const stage: Stage = {
    cluster,
    async serve(exchange) {
      await cluster.advance(arrivalMs);
      cluster.master.core.rest(exchange);
      const isOver = (): boolean => exchange.ended || (exchange.isAnswered && exchange.isLasting);
      await cluster.until(isOver, { withinMs: 70_000, stepMs: 1 });
    },
    rest: () => cluster.advance(restMs),
  };
  await stage.rest();
  return stage;
}
