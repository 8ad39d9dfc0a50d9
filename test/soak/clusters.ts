import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createCluster } from "../../src/testing/main.ts";

/**
 * Virtual clusters one after another in one process: each comes up, runs a Deployment, loses a node and is
 * disposed of. What is left behind would add up: the heap after a collection stays what it was after the
 * first tenth, and no handle stays open.
 */
export async function clusters(amount = 1_000): Promise<{
  readonly clusters: number;
  readonly heapFirstBytes: number;
  readonly heapLastBytes: number;
  readonly handles: number;
  readonly problems: readonly string[];
}> {
  const warmUp = Math.max(warmUpMin, Math.floor(amount / 10));
  let heapFirstBytes = 0;
  const handlesBefore = process.getActiveResourcesInfo().length;
  for (let at = 1; at <= amount; at += 1) {
    await once(at);
    if (at === warmUp) heapFirstBytes = await heapBytes();
  }
  const heapLastBytes = await heapBytes();
  const handles = process.getActiveResourcesInfo().length - handlesBefore;
  const problems: string[] = [];
  const perCluster = (heapLastBytes - heapFirstBytes) / Math.max(1, amount - warmUp);
  if (perCluster > leakBytesMax) problems.push(`each cluster leaves ${Math.round(perCluster)} bytes behind`);
  if (handles > 0) problems.push(`${handles} handles are left: ${process.getActiveResourcesInfo().join(", ")}`);
  return { clusters: amount, heapFirstBytes, heapLastBytes, handles, problems };
}

/** Compiled code still grows in the first ones. */
const warmUpMin = 12;
/** A cluster that stayed would be several times that. */
const leakBytesMax = 128 * 1_024;

async function once(seed: number): Promise<void> {
  await using cluster = await createCluster({ nodes: 2, seed });
  await cluster.apply({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web" },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "web", image: "web:1" }] } },
    },
  });
  await cluster.settled();
  cluster.node("n1").cut();
  cluster.open("GET", "/api/v1/pods?watch=true");
  await cluster.advance("10s");
}

async function heapBytes(): Promise<number> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let at = 0; at < 3; at += 1) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().heapUsed;
}
