// Writes V8's code cache of the bundle, with all functions that a test's first cluster has made V8 compile.
import { writeFileSync } from "node:fs";
import { codeCacheOf, exportsOf, scriptOf } from "../dist/src/env/real/bundle.js";

const [file] = process.argv.slice(2);
const script = scriptOf(file, undefined);
const { createCluster } = exportsOf(script, file).testing();
const labels = { app: "web" };
const web = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web" },
  spec: {
    replicas: 3,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: "web", image: "web:1" }] } },
  },
};
const service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web" },
  spec: { selector: labels, ports: [{ port: 80 }] },
};
const cluster = await createCluster();
await cluster.apply([web, service]);
await cluster.until(() => cluster.get("Deployment", "web")?.status?.availableReplicas === 3);
await cluster[Symbol.asyncDispose]();
writeFileSync(codeCacheOf(file), script.createCachedData());
