// A node with containers on a machine of its own: it joins, runs a pod, and neither its agent's nor a master's
// death touches the containers.
import { join } from "node:path";
import test from "ava";
import { canDrive, troupe, until, waiting } from "./support/machine.ts";
import {
  configOf,
  isNodeReady,
  newToken,
  startFirst,
  startServer,
  useMachines,
  type Box,
  type Running,
} from "./support/machines.ts";

const live = canDrive ? test.serial : test.serial.skip;
let server: Running;
let agent: Running;
let began = "";

const master = (): Box => at(0);
const worker = (): Box => at(1);
const data = (): string => join(worker().folder, "n");
const kubectl = (...args: readonly string[]): Promise<string> => master().kubectl(configOf(master()), ...args);
const startedAt = (): Promise<string> =>
  kubectl("get", "pod", "web", "-o", "jsonpath={.status.containerStatuses[0].state.running.startedAt}");

test.serial.after.always(async (t) => {
  if (!canDrive) return;
  const down = await worker().troupe("down", "--data-dir", data(), "--purge");
  t.is(down.code, 0, down.stderr);
});
const { at } = useMachines(test, 2);

live("a pod runs on a node that joined; logs and exec answer", async (t) => {
  server = await startFirst(master(), "box");
  const token = await newToken(master());
  const joining = ["--join", `${master().address}:6443`, "--token", token, "--node", "worker"];
  agent = worker().start("agent", [troupe, "agent", "--data-dir", data(), ...joining]);
  await until("it is Ready", () => isNodeReady(master(), "worker"));
  await kubectl("run", "web", "--image=localhost/troupe/busybox:1", "--", "sh", "-c", `echo hello; ${waiting}`);
  await kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=60s");
  t.is((await kubectl("exec", "web", "--", "echo", "inside")).trim(), "inside");
  await until("its log is there", async () => (await kubectl("logs", "web")).trim() === "hello");
  began = await startedAt();
  t.not(began, "");
});

live("agent and master are killed and come back: the container has not noticed, no token was needed", async (t) => {
  await agent.end("SIGKILL");
  await server.end("SIGKILL");
  server = startServer(master());
  agent = worker().start("agent", [troupe, "agent", "--data-dir", data()]);
  await until(
    "exec answers again",
    async () => (await kubectl("exec", "web", "--", "echo", "again")).trim() === "again",
  );
  t.is(await startedAt(), began);
  t.is(await kubectl("get", "pod", "web", "-o", "jsonpath={.status.containerStatuses[0].restartCount}"), "0");
});
