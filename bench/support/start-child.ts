// One cold process of `bench start`: a cluster, a Deployment, its three pods Running. Answers one line of JSON
// with milliseconds since the process began, the time that Node needs for itself included.
import { createCluster } from "troupe/testing";

const loadedMs = performance.now();
const cluster = await createCluster({ masters: 1, nodes: 1, seed: 1, time: "virtual" });
const createMs = performance.now();
await cluster.apply({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web" },
  spec: {
    replicas: 3,
    selector: { matchLabels: { app: "web" } },
    template: {
      metadata: { labels: { app: "web" } },
      spec: { containers: [{ name: "web", image: "web:1", ports: [{ containerPort: 80 }] }] },
    },
  },
});
await cluster.until(() => cluster.list("Pod").filter(({ status }) => status?.phase === "Running").length === 3);
const runningMs = performance.now();
await cluster[Symbol.asyncDispose]();
const { user, system } = process.cpuUsage();
process.stdout.write(`${JSON.stringify({ loadedMs, createMs, runningMs, cpuMs: (user + system) / 1_000 })}\n`);
