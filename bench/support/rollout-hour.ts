import { createCluster, type Cluster } from "../../src/testing/cluster.ts";

/**
 * One virtual hour of a small production: 100 Deployments of two pods on 5 nodes. Every minute two of them get
 * a new image; every ten minutes a node is lost for five, and its pods are replaced.
 */
export interface HourFigures {
  readonly virtualMs: number;
  readonly realMs: number;
  readonly cpuMs: number;
  /** Virtual time per real time, and per CPU time. */
  readonly faster: number;
  readonly fasterByCpu: number;
  readonly writes: number;
}

const deployments = 100;
const replicas = 2;

/** `minutes`: of the hour, from its beginning. */
export async function rolloutHour(minutes: number = 60): Promise<HourFigures> {
  await using cluster = await createCluster({ nodes: 5, seed: 7, freezeObjects: false });
  for (let at = 0; at < deployments; at += 1) await cluster.apply(deployment(at, 1));
  await cluster.settled();
  const { clock } = cluster.env;
  const [from, virtualFrom, cpuFrom] = [performance.now(), clock.mono(), process.cpuUsage()];
  const before = cluster.revision;
  for (let minute = 0; minute < minutes; minute += 1) {
    await cluster.apply(deployment((minute * 2) % deployments, 2 + minute));
    await cluster.apply(deployment((minute * 2 + 1) % deployments, 2 + minute));
    const lost = cluster.node(`n${1 + (Math.floor(minute / 10) % 5)}`);
    if (minute % 10 === 2) lost.cut();
    if (minute % 10 === 7) lost.heal();
    await cluster.advance("1m");
  }
  const realMs = performance.now() - from;
  const virtualMs = clock.mono() - virtualFrom;
  await cluster.advance("5m");
  check(cluster);
  const { user, system } = process.cpuUsage(cpuFrom);
  const cpuMs = (user + system) / 1_000;
  return {
    virtualMs,
    realMs: Math.round(realMs),
    cpuMs: Math.round(cpuMs),
    faster: Math.round(virtualMs / realMs),
    fasterByCpu: Math.round(virtualMs / cpuMs),
    writes: cluster.revision - before,
  };
}

/** The story ends well, or its figures are of no use. */
function check(cluster: Cluster): void {
  const available = cluster.list("Deployment").filter(({ status }) => status?.availableReplicas === replicas).length;
  if (available !== deployments) throw new Error(`${available} of ${deployments} Deployments are available`);
}

function deployment(at: number, version: number): Parameters<Cluster["apply"]>[0] {
  const labels = { app: `web-${at}` };
  const readinessProbe = { httpGet: { path: "/", port: 80 } };
  const containers = [{ name: "web", image: `web:${version}`, ports: [{ containerPort: 80 }], readinessProbe }];
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: `web-${at}` },
    spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
  };
}
