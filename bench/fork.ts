/**
 * How long `fork()` takes of a cluster whose nodes run 10,000 pods (`PODS`), by the wall clock and by CPU (medians),
 * and how much CPU until a fork has answered its first request: only then its agents and its master begin.
 */
import { createCluster, type Cluster } from "../src/testing/main.ts";

const podsDefault = 10_000;
/** A node takes 110. */
const podsPerNode = 100;
const podsPerDeployment = 500;
const runsDefault = 9;

export async function run(): Promise<object> {
  const pods = Number(process.env["PODS"] ?? podsDefault);
  const runs = Number(process.env["RUNS"] ?? runsDefault);
  const nodes = Array.from({ length: Math.ceil(pods / podsPerNode) }, () => ({ cpus: 64 }));
  process.stderr.write(`${pods} pods on ${nodes.length} nodes…\n`);
  await using cluster = await createCluster({ nodes, freezeObjects: false });
  for (let at = 0; at * podsPerDeployment < pods; at += 1) {
    await cluster.apply(deployment(at, Math.min(podsPerDeployment, pods - at * podsPerDeployment)));
    await cluster.until(() => runningOf(cluster) >= Math.min(pods, (at + 1) * podsPerDeployment), {
      withinMs: 600_000,
      stepMs: 1_000,
    });
  }
  await cluster.settled();
  const buildCpuMs = cpuMs();
  process.stderr.write(`built in ${Math.round(buildCpuMs / 1_000)} s of CPU\n`);
  const [wall, cpu]: [number[], number[]] = [[], []];
  for (let at = 0; at < runs; at += 1) {
    const [from, cpuFrom] = [performance.now(), cpuMs()];
    const fork = await cluster.fork();
    wall.push(performance.now() - from);
    cpu.push(cpuMs() - cpuFrom);
    if (runningOf(fork) !== pods) throw new Error(`the fork has ${runningOf(fork)} running pods`);
    await fork[Symbol.asyncDispose]();
  }
  const [forkMs, forkCpuMs] = [median(wall), median(cpu)];
  process.stderr.write(`forks in ${forkMs} ms, ${forkCpuMs} ms of CPU; now one of them begins…\n`);
  const from = cpuMs();
  await using fork = await cluster.fork();
  await fork.request("GET", "/api/v1/nodes/n1");
  const firstAnswerCpuMs = Math.round(cpuMs() - from);
  return { bench: "fork", pods, nodes: nodes.length, runs, buildCpuMs, forkMs, forkCpuMs, firstAnswerCpuMs };
}

/** Of this process until now. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return Math.round((user + system) / 1_000);
}

function runningOf(cluster: Cluster): number {
  return cluster.list("Deployment").reduce((sum, { status }) => sum + (status?.availableReplicas ?? 0), 0);
}

function median(values: readonly number[]): number {
  return Math.round(values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0);
}

function deployment(at: number, replicas: number): Parameters<Cluster["apply"]>[0] {
  const labels = { app: `web-${at}` };
  const containers = [{ name: "web", image: "web:1", ports: [{ containerPort: 80 }] }];
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: `web-${at}` },
    spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
  };
}
