import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createCluster } from "../../src/testing/main.ts";
import { deployment } from "../cluster/kit.ts";

/**
 * Virtual clusters one after another in one process: each comes up, runs a Deployment, loses a node and is
 * disposed of. What is left behind would add up: over the second half the heap after a collection stays what
 * it was, and no handle stays open.
 */
export async function clusters(amount = 1_000): Promise<{
  readonly clusters: number;
  /** After each tenth, KiB. */
  readonly heapKib: readonly number[];
  readonly rssKib: readonly number[];
  readonly bytesPerCluster: number;
  readonly handles: number;
  readonly problems: readonly string[];
}> {
  // V8 optimises ever more functions, some KB of code a cluster, which would hide a leak of that size.
  setFlagsFromString("--no-opt");
  const handlesBefore = process.getActiveResourcesInfo().length;
  const [heapKib, rssKib]: [number[], number[]] = [[], []];
  for (let at = 1; at <= amount; at += 1) {
    await once(at);
    if (at % Math.ceil(amount / 10) !== 0 && at !== amount) continue;
    const { heapUsed, rss } = await memory();
    heapKib.push(Math.round(heapUsed / 1_024));
    rssKib.push(Math.round(rss / 1_024));
  }
  const half = heapKib.slice(Math.floor((heapKib.length - 1) / 2));
  const grownBytes = ((half.at(-1) ?? 0) - (half[0] ?? 0)) * 1_024;
  const bytesPerCluster = Math.round(grownBytes / Math.max(1, amount / 2));
  const handles = process.getActiveResourcesInfo().length - handlesBefore;
  const problems: string[] = [];
  if (grownBytes > grownBytesMax) problems.push(`each cluster leaves ${bytesPerCluster} bytes behind`);
  if (handles > 0) problems.push(`${handles} handles are left: ${process.getActiveResourcesInfo().join(", ")}`);
  return { clusters: amount, heapKib, rssKib, bytesPerCluster, handles, problems };
}

/** Code that is compiled for the first time late; two clusters that stayed would be more. */
const grownBytesMax = 768 * 1_024;

async function once(seed: number): Promise<void> {
  await using cluster = await createCluster({ nodes: 2, seed });
  await cluster.apply(deployment("web"));
  await cluster.settled();
  cluster.node("n1").cut();
  cluster.open("GET", "/api/v1/pods?watch=true");
  await cluster.advance("10s");
}

async function memory(): Promise<NodeJS.MemoryUsage> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let at = 0; at < 3; at += 1) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage();
}
