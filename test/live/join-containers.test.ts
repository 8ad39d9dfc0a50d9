// A node with containers on a machine of its own: it joins, runs a pod, and neither its agent's nor a master's
// death touches the containers.
import { join } from "node:path";
import test from "ava";
import { canDrive, troupe, until } from "./support/machine.ts";
import {
  configOf,
  createMachines,
  newToken,
  startServer,
  type Box,
  type Machines,
  type Running,
} from "./support/machines.ts";

const live = canDrive ? test.serial : test.serial.skip;
let machines: Machines;
let master: Box;
let worker: Box;
let server: Running;
let agent: Running;
let began = "";

const data = (): string => join(worker.folder, "n");
const kubectl = (...args: readonly string[]): Promise<string> => master.kubectl(configOf(master), ...args);
const startedAt = (): Promise<string> =>
  kubectl("get", "pod", "web", "-o", "jsonpath={.status.containerStatuses[0].state.running.startedAt}");

test.before(() => {
  if (!canDrive) return;
  machines = createMachines(2);
  [master, worker] = machines.boxes as [Box, Box];
});
test.after.always(async (t) => {
  if (!canDrive) return;
  const down = await worker.troupe("down", "--data-dir", data(), "--purge");
  t.is(down.code, 0, down.stderr);
  await machines.dispose();
});

live("a pod runs on a node that joined; logs and exec answer", async (t) => {
  server = startServer(master, "--name", "box");
  await until("the master is ready", async () => (await kubectl("get", "--raw", "/readyz")) === "ok");
  const token = await newToken(master);
  const joining = ["--join", `${master.address}:6443`, "--token", token, "--node", "worker"];
  agent = worker.start("agent", [troupe, "agent", "--data-dir", data(), ...joining]);
  await until("it is Ready", async () => /worker +Ready/.test(await kubectl("get", "nodes", "--no-headers")), 60_000);
  await kubectl("run", "web", "--image=localhost/troupe/busybox:1", "--", "sh", "-c", "echo hello; sleep 1000");
  await kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=60s");
  t.is((await kubectl("exec", "web", "--", "echo", "inside")).trim(), "inside");
  await until("its log is there", async () => (await kubectl("logs", "web")).trim() === "hello");
  began = await startedAt();
  t.not(began, "");
});

live("agent and master are killed and come back: the container has not noticed, no token was needed", async (t) => {
  await agent.end("SIGKILL");
  await server.end("SIGKILL");
  server = startServer(master);
  agent = worker.start("agent", [troupe, "agent", "--data-dir", data()]);
  await until(
    "exec answers again",
    async () => (await kubectl("exec", "web", "--", "echo", "again")).trim() === "again",
  );
  t.is(await startedAt(), began);
  t.is(await kubectl("get", "pod", "web", "-o", "jsonpath={.status.containerStatuses[0].restartCount}"), "0");
});
