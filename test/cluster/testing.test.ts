import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { join } from "node:path";
import test from "ava";
import { createCluster, StatusError, type Cluster, type ScriptOf } from "../../src/testing/main.ts";
import { configMap, deployment, rolledOut, setImage } from "./kit.ts";

/** `troupe/testing` as its users call it. */

const manifests = `
apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop, labels: { tier: front } }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: app, image: "web:1" }] }
---
---
apiVersion: v1
kind: List
items:
  - { apiVersion: v1, kind: ConfigMap, metadata: { name: a, namespace: shop, labels: { tier: front } } }
  - { apiVersion: v1, kind: ConfigMap, metadata: { name: b, namespace: shop } }
`;

test("a manifest is applied, and what became of it is read with types, by kind or resource", async (t) => {
  await using cluster = await createCluster();
  await cluster.apply(manifests);
  await cluster.settled();
  t.is(cluster.get("Deployment", "web", { namespace: "shop" })?.status?.readyReplicas, 2);
  t.is(cluster.get("deployments.apps", "web", { namespace: "shop" })?.spec.replicas, 2);
  t.is(cluster.get("Deployment", "web"), undefined);
  t.is(cluster.list("Pod", { namespace: "shop", labels: "app=web" }).length, 2);
  t.deepEqual(
    cluster.list("ConfigMap", { labels: { tier: "front" } }).map(({ metadata }) => metadata.name),
    ["a"],
  );
  await cluster.apply(manifests);
  await cluster.settled();
  t.is(cluster.list("pods", { namespace: "shop" }).length, 2);
});

test("what the API refuses is thrown as its Status, and text that is no manifest as a SyntaxError", async (t) => {
  await using cluster = await createCluster({ nodes: 0 });
  const refused = await t.throwsAsync(cluster.apply(configMap("Bad Name")), { instanceOf: StatusError });
  t.is(refused?.status.code, 422);
  await t.throwsAsync(cluster.delete("ConfigMap", "nothing"), { instanceOf: StatusError });
  await t.throwsAsync(cluster.apply("kind: Pod"), { instanceOf: SyntaxError });
  await t.throwsAsync(cluster.apply("{"), { instanceOf: SyntaxError });
  await t.throwsAsync(cluster.apply({ apiVersion: "v1", kind: "Pot", metadata: { name: "x" } }), {
    message: "there is no kind Pot of v1",
  });
});

test("what a virtual cluster cannot do yet is refused in words", async (t) => {
  await t.throwsAsync(createCluster({ masters: 0 }), { message: /from 1 on/ });
  await t.throwsAsync(createCluster({ seed: 0.5 }), { message: /whole number/ });
  await t.throwsAsync(createCluster({ time: "real" as "virtual" }), { message: /virtual time/ });
});

test("advance takes lengths as manifests write them", async (t) => {
  await using cluster = await createCluster({ nodes: 0 });
  const from = cluster.env.clock.mono();
  await cluster.advance("1h0m1.5s");
  await cluster.advance(500);
  t.is(cluster.env.clock.mono() - from, 3_602_000);
  await t.throwsAsync(cluster.advance("soon"), { instanceOf: RangeError });
  await t.throwsAsync(cluster.advance("-1s"), { instanceOf: RangeError });
});

test("an older revision is read as it was, until the history ends", async (t) => {
  await using cluster = await createCluster();
  await cluster.apply(deployment("web"));
  await rolledOut(cluster, "web");
  const before = cluster.at(cluster.revision);
  const names = before.list("Pod").map(({ metadata }) => metadata.name);
  await setImage(cluster, "web", "web:2");
  await rolledOut(cluster, "web");
  await cluster.delete("Deployment", "web");
  await cluster.settled();
  t.is(cluster.get("Deployment", "web"), undefined);
  t.is(before.get("Deployment", "web")?.spec.template.spec?.containers[0]?.image, "web:1");
  t.deepEqual(
    before.list("Pod", { labels: { app: "web" } }).map(({ metadata }) => metadata.name),
    names,
  );
  t.throws(() => cluster.at(cluster.revision + 1), { instanceOf: StatusError });
  await cluster.advance("30m");
  await cluster.apply(configMap("later"));
  await cluster.advance("1m");
  t.is(t.throws(() => before.list("Pod"), { instanceOf: StatusError })?.status.code, 410);
});

const script: ScriptOf = ({ pod, attempt }) => {
  if (pod === "crash") return { exit: { afterMs: 500, exitCode: 3 } };
  if (pod === "oom") return attempt === 0 ? { exit: { afterMs: 500, exitCode: 137, reason: "OOMKilled" } } : {};
  if (pod === "slow") return { startMs: 5_000, readyAfterMs: 4_000 };
  return { log: ["hello"], exec: ([word = ""]) => ({ stdout: `${word}!\n`, exitCode: 0 }) };
};

test("containers do what their script says", async (t) => {
  await using cluster = await createCluster({ script });
  const readinessProbe = { httpGet: { path: "/", port: 80 }, periodSeconds: 1 };
  for (const name of ["crash", "oom", "slow", "talk"]) {
    const containers = [{ name: "app", image: "x", ...(name === "slow" ? { readinessProbe } : {}) }];
    await cluster.apply({ apiVersion: "v1", kind: "Pod", metadata: { name }, spec: { containers } });
  }
  const app = (name: string) => cluster.get("Pod", name)?.status?.containerStatuses?.[0];
  await cluster.advance("4s");
  t.is(app("slow")?.state?.running, undefined);
  await cluster.advance("3s");
  t.truthy(app("slow")?.state?.running);
  t.false(app("slow")?.ready);
  await cluster.advance("20s");
  t.true(app("slow")?.ready);
  t.is(app("crash")?.lastState?.terminated?.exitCode, 3);
  t.true((app("crash")?.restartCount ?? 0) >= 1);
  t.is(app("oom")?.lastState?.terminated?.reason, "OOMKilled");
  t.is(app("oom")?.restartCount, 1);
  const log = await cluster.request("GET", "/api/v1/namespaces/default/pods/talk/log");
  t.true(log.text.endsWith("hello\n"), log.text);
});

/** A digest of every byte that the master wrote in a run with a rollout, a lost node and a crash. */
async function story(seed: number): Promise<string> {
  await using cluster = await createCluster({ nodes: 2, seed });
  await cluster.apply(deployment("web"));
  await cluster.apply({ apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, stringData: { a: "b" } });
  cluster.fault({ seam: "link", kind: "delay", when: { p: 0.2 }, for: { ms: 5_000 }, args: { ms: 300 } });
  await cluster.settled();
  cluster.node("n1").cut();
  await setImage(cluster, "web", "web:2");
  await cluster.advance("10s");
  await cluster.restartMaster();
  cluster.node("n1").heal();
  await cluster.settled();
  return digestOf(cluster);
}

function digestOf(cluster: Cluster): string {
  return createHash("sha256").update(cluster.logBytes).digest("hex");
}

test("the same seed gives the same history, byte for byte, again and again; another seed another", async (t) => {
  const first = await story(7);
  for (let run = 0; run < 2; run += 1) t.is(await story(7), first);
  t.not(await story(8), first);
});

test("a node asks its runtime for lists only where something has changed, or may fail", async (t) => {
  await using cluster = await createCluster({ nodes: 1 });
  await cluster.apply(deployment("web"));
  await cluster.settled();
  let lists = 0;
  const { runtime } = cluster.node("n1");
  const list = runtime.listContainers.bind(runtime);
  Object.assign(runtime, {
    listContainers: (...args: Parameters<typeof list>) => {
      lists += 1;
      return list(...args);
    },
  });
  await cluster.advance("50s");
  t.true(lists <= 2, `${lists} lists`);
  const before = lists;
  cluster.fault({
    seam: "cri",
    kind: "delay",
    where: { path: "/node/other/**" },
    for: { ms: 20_000 },
    args: { ms: 1 },
  });
  await cluster.advance("20s");
  t.true(lists - before >= 15, `${lists - before} lists while a fault is about`);
});

test("clusters one after another leave nothing behind, and their process ends by itself", async (t) => {
  const soak = join(import.meta.dirname, "..", "soak", "main.js");
  t.timeout(180_000);
  const { code, output } = await outcomeOf([soak, "clusters", "50"], 170_000);
  t.is(code, 0, output);
});

/** Exit code null: it did not end in time. */
function outcomeOf(
  args: readonly string[],
  timeout = 50_000,
): Promise<{ readonly code: number | null; readonly output: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, { timeout }, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode, output: stdout + stderr });
    });
  });
}

test("the test of manifests runs in Node's own test runner, and its process ends", async (t) => {
  const file = join(import.meta.dirname, "..", "..", "examples", "testing", "manifests.node.js");
  const { code, output } = await outcomeOf([...process.execArgv, "--test", file]);
  t.is(code, 0, output);
  t.regex(output, /# pass 3/);
});
