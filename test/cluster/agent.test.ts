import test from "ava";
import type { NodeStreamRequest } from "../../src/api/node-streams.ts";
import type { Node, Pod } from "../../src/kinds/generated/types.ts";
import type { SimulatedAgent } from "../../src/node/simulated/agent.ts";
import { createSimulatedAgent } from "../../src/node/simulated/agent.ts";
import type { ScriptOf } from "../../src/node/simulated/script.ts";
import type { SimEnv } from "../../src/sim/env.ts";
import { createSimEnv } from "../../src/sim/env.ts";
import type { Masters } from "../unit/node/agent/masters.ts";
import { createMasters } from "../unit/node/agent/masters.ts";
import { podOf } from "../unit/node/pods/world.ts";

interface Cluster {
  readonly env: SimEnv;
  readonly masters: Masters;
  readonly agent: SimulatedAgent;
  readonly pod: (name: string) => Pod | undefined;
}

async function createCluster(script?: ScriptOf): Promise<Cluster> {
  const env = createSimEnv({ seed: 7 });
  const masters = createMasters(env.clock);
  const options = { env, transport: masters.transport, name: "n1", version: "v1.36.0-troupe" };
  const agent = await createSimulatedAgent(script === undefined ? options : { ...options, script });
  const started = agent.start();
  await env.advance(3_000);
  await started;
  return { env, masters, agent, pod: (name) => masters.get<Pod>("pods", "default", name) };
}

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

test("a simulated node registers, is Ready, and runs a pod from its range until it is deleted", async (t) => {
  const { env, masters, pod } = await createCluster();
  const node = masters.get<Node>("nodes", "", "n1")!;
  t.is(node.status!.conditions!.find(({ type }) => type === "Ready")!.status, "True");
  t.is(node.metadata.labels!["kubernetes.io/hostname"], "n1");
  t.is(node.status!.nodeInfo!.kubeletVersion, "v1.36.0-troupe");
  masters.put("pods", podOf("web"));
  await env.advance(2_000);
  t.is(pod("web")!.status!.phase, "Running");
  t.is(pod("web")!.status!.podIP, "10.244.3.2");
  t.is(pod("web")!.status!.conditions!.find(({ type }) => type === "Ready")!.status, "True");
  const reasons = masters.list("events").map((event) => (event as unknown as { reason: string }).reason);
  t.deepEqual(
    ["Created", "Started"].filter((reason) => !reasons.includes(reason)),
    [],
  );
  masters.terminate("default", "web", 30);
  await env.advance(3_000);
  t.is(pod("web"), undefined);
});

test("logs and exec of a simulated container answer", async (t) => {
  const { env, masters } = await createCluster(() => ({ log: ["hello"] }));
  masters.put("pods", podOf("web"));
  await env.advance(2_000);
  const base = { podUid: "uid-web", container: "app" };
  const options = { follow: false, previous: false, timestamps: false };
  const logs = masters.open({ kind: "logs", namespace: "default", pod: "web", ...base, options });
  const streams = { tty: false, stdin: false, stdout: true, stderr: true };
  const exec: NodeStreamRequest = { kind: "exec", ...base, command: ["date"], ...streams };
  const ran = masters.open(exec);
  const none = masters.open({ ...exec, container: "nobody" });
  await env.advance(100);
  t.is(logs.chunks[0]!.id, "s1");
  t.is(logs.chunks.map(({ data }) => decode(data)).join(""), "simulated container app, restart 0\nhello\n");
  t.true(logs.isOver());
  t.is(decode(ran.chunks[1]!.data), "simulated\n");
  t.is(ran.chunks[2]!.channel, 3);
  t.regex(none.chunks[0]!.error, /is not there/);
});

test("a lost link changes nothing for pods, and what was not answered is told again", async (t) => {
  const { env, masters, agent, pod } = await createCluster();
  masters.put("pods", podOf("web"));
  await env.advance(2_000);
  masters.setDown(true);
  await env.advance(60_000);
  t.not(agent.link.state, "live");
  t.is(agent.node.pods.list()[0]!.stage, "running");
  t.true(agent.link.desired.synced);
  masters.remove("pods", "default", "web");
  masters.put("pods", podOf("other"));
  masters.setDown(false);
  await env.advance(10_000);
  t.is(agent.link.state, "live");
  t.is(pod("other")!.status!.phase, "Running");
  t.deepEqual(
    agent.node.pods.list().map(({ name }) => name),
    ["other"],
  );
});

test("answers that are lost with the link repeat no deletion and lose no status", async (t) => {
  for (const count of [1, 2, 3, 5]) {
    const { env, masters, pod } = await createCluster();
    masters.put("pods", podOf("web"));
    masters.loseAnswers(count);
    await env.advance(20_000);
    t.is(pod("web")!.status!.phase, "Running", String(count));
    masters.loseAnswers(count);
    masters.terminate("default", "web", 5);
    await env.advance(30_000);
    t.is(pod("web"), undefined, String(count));
    const deletions = masters.writes.filter(({ verb, kind }) => verb === "delete" && kind === "pods");
    t.is(deletions.length, 1);
  }
});

test("after a restore the pods that the masters do not know are held", async (t) => {
  const { env, masters, agent } = await createCluster();
  masters.put("pods", podOf("web"));
  await env.advance(2_000);
  masters.setDown(true);
  masters.remove("pods", "default", "web");
  masters.epoch = "e2";
  masters.setDown(false);
  await env.advance(60_000);
  t.is(agent.link.epoch, "e2");
  t.is(agent.node.pods.list()[0]!.stage, "running");
  t.regex(agent.node.pods.list()[0]!.lastError ?? "", /^held/);
});

test("a terminating pod waits for the proxies of the whole cluster", async (t) => {
  const { env, masters, pod, agent } = await createCluster();
  masters.put("pods", podOf("web"));
  await env.advance(2_000);
  const slice = (terminating: boolean) => ({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "web-1", namespace: "default", uid: "slice", resourceVersion: "", creationTimestamp: "" },
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.244.3.2"], conditions: { terminating }, targetRef: { kind: "Pod", uid: "uid-web" } }],
  });
  masters.put("endpointslices.discovery.k8s.io", slice(false));
  await env.advance(100);
  masters.terminate("default", "web", 30);
  masters.put("endpointslices.discovery.k8s.io", slice(true));
  await env.advance(500);
  const state = async (): Promise<string> => (await agent.node.runtime.listContainers())[0]?.state ?? "gone";
  t.is(await state(), "running");
  masters.setProxied(masters.revision);
  await env.advance(300);
  t.not(await state(), "running");
  await env.advance(1_000);
  t.is(pod("web"), undefined);
});

test("the agent tells its actors and how far its proxy is", async (t) => {
  const { env, masters } = await createCluster();
  masters.put("pods", podOf("web"));
  await env.advance(3_000);
  const told = masters.heartbeats.filter(({ actors }) => actors !== undefined).at(-1)!;
  const actors = JSON.parse(told.actors!) as { path: string; state: string }[];
  t.like(
    actors.find(({ path }) => path === "/node/n1/pod/default/web"),
    { state: "running", machine: "node-pod" },
  );
  t.true(masters.heartbeats.at(-1)!.proxiedRevision > 0);
});

test("many pods of a simulated node become Ready and settle", async (t) => {
  const { env, masters, pod } = await createCluster(({ pod: name }) => ({
    startMs: 200,
    ...(name.endsWith("3") ? { exit: { afterMs: 1_000, exitCode: 0 } } : {}),
  }));
  for (let index = 0; index < 50; index += 1) {
    masters.put("pods", podOf(`p${index}`, { restartPolicy: "OnFailure" }));
  }
  await env.advance(10_000);
  const phases = Array.from({ length: 50 }, (_, index) => pod(`p${index}`)!.status!.phase);
  t.is(phases.filter((phase) => phase === "Running").length, 45);
  t.is(phases.filter((phase) => phase === "Succeeded").length, 5);
  const ips = new Set(Array.from({ length: 50 }, (_, index) => pod(`p${index}`)!.status!.podIP));
  t.is(ips.size, 50);
});
