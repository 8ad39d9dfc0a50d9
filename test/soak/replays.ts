import { createHash } from "node:crypto";
import type { Manifest } from "../../src/testing/cluster.ts";
import { createCluster } from "../../src/testing/main.ts";
import { deployment } from "../cluster/kit.ts";

/**
 * The same seed gives the same history, byte for byte, and another seed another: a story with a rollout, a
 * lossy link, a lost node and a crash of the master, told again and again in one process. What one cluster leaves
 * to the next (a cache, a counter, an order of keys) would show as another history.
 */
export async function replays(amount = 100): Promise<{
  readonly replays: number;
  readonly bytes: number;
  readonly problems: readonly string[];
}> {
  const first = await story(1);
  const problems: string[] = [];
  for (let run = 2; run <= amount; run += 1) {
    const again = await story(1);
    if (again.digest !== first.digest) problems.push(`run ${run} of seed 1 wrote another history`);
    const other = await story(run);
    if (other.digest === first.digest) problems.push(`seed ${run} wrote the history of seed 1`);
  }
  return { replays: amount, bytes: first.bytes, problems };
}

interface History {
  /** Of every byte that the masters have logged. */
  readonly digest: string;
  readonly bytes: number;
}

async function story(seed: number): Promise<History> {
  await using cluster = await createCluster({ masters: 3, nodes: 3, seed });
  const web = (image: string): Manifest => deployment("web", { replicas: 4 }, { image });
  await cluster.apply(web("web:1"));
  await cluster.settled();
  cluster.fault({ seam: "link", kind: "delay", when: { p: 0.2 }, for: { ms: 5_000 }, args: { ms: 300 } });
  await cluster.apply(web("web:2"));
  cluster.node("n1").cut();
  await cluster.advance("3s");
  await cluster.restartMaster();
  await cluster.advance("10s");
  cluster.node("n1").heal();
  await cluster.advance("1m");
  const { logBytes, digest } = cluster;
  return { digest: createHash("sha256").update(digest).update(logBytes).digest("hex"), bytes: logBytes.length };
}
