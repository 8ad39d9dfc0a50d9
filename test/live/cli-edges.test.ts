// up, down and status where things are not as they should be, on simulated nodes: no containers, little time.
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { createMachine, canDrive, troupe, until, type Machine, type Ran } from "./support/machine.ts";

const live = canDrive ? test.serial : test.serial.skip;
let machine: Machine;
const name = `ce${process.pid % 10_000}`;

test.before(() => {
  if (canDrive) machine = createMachine();
});
test.after.always(async () => {
  if (canDrive) await machine.dispose();
});

const dataDir = (): string => join(machine.folder, "d");
const up = (...more: readonly string[]): Promise<Ran> =>
  machine.troupe("up", "--name", name, "--data-dir", dataDir(), ...more);

/** Processes of the cluster by role; the data directory is in their arguments. */
async function pids(role: string, folder = dataDir()): Promise<readonly number[]> {
  const found = await machine.run("pgrep", ["-f", `troupe ${role} --data-dir ${folder}( |$)`]);
  return found.stdout.split("\n").filter(Boolean).map(Number);
}

live("up twice at the same time gives one cluster, and both say that it is ready", async (t) => {
  const both = await Promise.all([up("--runtime", "simulated"), up("--runtime", "simulated")]);
  for (const ran of both) {
    t.is(ran.code, 0, ran.stderr);
    t.regex(ran.stderr, /Ready in/);
  }
  for (const role of ["keeper", "server", "agent"]) t.is((await pids(role)).length, 1, role);
  const again = await up();
  t.is(again.code, 0, again.stderr);
  t.regex(again.stderr, /simulated nodes/, "it is what it was made as");
});

live("status tells healthy, as a table and as JSON", async (t) => {
  const ran = await machine.troupe("status", "--name", name);
  t.is(ran.code, 0, ran.stderr);
  t.regex(ran.stdout, new RegExp(`^cluster ${name}   healthy, 1 master, 1 node \\(1 Ready\\)\nMASTER +ROLE`));
  const json = await machine.troupe("status", "--name", name, "-o", "json");
  const said = JSON.parse(json.stdout) as { readonly members: readonly { readonly pid: number }[] };
  t.deepEqual([said.members[0]?.pid], [...(await pids("server"))]);
});

live("after the keeper was killed, up starts another one, which takes over what runs", async (t) => {
  const [servers, agents] = [await pids("server"), await pids("agent")];
  process.kill((await pids("keeper"))[0]!, "SIGKILL");
  const ran = await up();
  t.is(ran.code, 0, ran.stderr);
  t.is((await pids("keeper")).length, 1);
  t.deepEqual([await pids("server"), await pids("agent")], [servers, agents]);
  process.kill(servers[0]!, "SIGKILL");
  await until("the keeper has started another master", async () => {
    const now = await pids("server");
    return now.length === 1 && now[0] !== servers[0] && (await machine.troupe("status", "--name", name)).code === 0;
  });
});

live("a cluster that differs from what is asked for is left as it is", async (t) => {
  for (const [args, why] of [
    [["--nodes", "2", "--runtime", "simulated"], /it has 1 node/],
    [["--runtime", "containerd"], /its runtime is simulated/],
    [["--port", "7777"], /it runs on port 6443/],
  ] as const) {
    const ran = await up(...args);
    t.is(ran.code, 1, ran.stderr);
    t.regex(ran.stderr, why);
  }
  const other = await machine.troupe("up", "--name", "other", "--data-dir", dataDir(), "--runtime", "simulated");
  t.is(other.code, 1);
  t.regex(other.stderr, new RegExp(`holds the cluster "${name}", not "other"`));
  const elsewhere = await machine.troupe("up", "--name", name, "--data-dir", join(machine.folder, "e"));
  t.is(elsewhere.code, 1);
  t.regex(elsewhere.stderr, /with its data in/);
  t.is((await machine.troupe("status", "--name", name)).code, 0);
});

live("a port that is taken is refused, with the process that listens on it", async (t) => {
  const listener = machine.start("busybox", ["nc", "-l", "-p", "7001", "-e", "true"]);
  t.teardown(() => listener.kill());
  await until("it listens", async () => (await machine.run("ss", ["-Hltn", "sport", "=", "7001"])).stdout !== "");
  const args = ["--data-dir", join(machine.folder, "p"), "--runtime", "simulated", "--port", "7000"];
  const ran = await machine.troupe("up", "--name", "ported", ...args);
  t.is(ran.code, 1);
  t.regex(ran.stderr, /error: port 7001 is taken\ncause: process \d+ listens on it: busybox nc -l -p 7001/);
  t.false(existsSync(join(machine.folder, "p")), "nothing was begun");
});

live("a folder with other things in it is no data directory", async (t) => {
  const folder = join(machine.folder, "mine");
  mkdirSync(folder);
  writeFileSync(join(folder, "thesis.txt"), "");
  const ran = await machine.troupe("up", "--name", "mine", "--data-dir", folder, "--runtime", "simulated");
  t.is(ran.code, 2);
  t.regex(ran.stderr, /holds no cluster\ncause: it has 1 entries, thesis\.txt among them/);
  t.deepEqual(readFileSync(join(folder, "thesis.txt"), "utf8"), "");
});

live("status answers 1 while a part is missing and 5 when no master answers", async (t) => {
  process.kill((await pids("keeper"))[0]!, "SIGKILL");
  process.kill((await pids("agent"))[0]!, "SIGKILL");
  await until("the agent is gone", async () => (await pids("agent")).length === 0);
  let degraded: Ran | undefined;
  await until("it is told", async () => (degraded = await machine.troupe("status", "--name", name)).code === 1);
  t.regex(degraded!.stdout, /degraded/);
  process.kill((await pids("server"))[0]!, "SIGTERM");
  await until("the master ends by itself on TERM", async () => (await pids("server")).length === 0);
  const silent = await machine.troupe("status", "--name", name);
  t.is(silent.code, 5);
  t.regex(silent.stdout, /no master answers/);
});

live("up cannot wait longer than it was told, says what is missing, and undoes nothing", async (t) => {
  const ran = await up("--wait", "1ms");
  t.is(ran.code, 4, ran.stderr);
  t.regex(ran.stderr, /error: the master is not ready in time; nothing was undone/);
  t.is((await up()).code, 0);
});

live("down ends everything, keeps the name and the data, and up continues with it", async (t) => {
  await machine.kubectl("create", "configmap", "kept");
  t.is((await machine.troupe("down", "--name", name)).code, 0);
  t.deepEqual((await machine.run("pgrep", ["-af", dataDir()])).stdout, "");
  t.is((await machine.troupe("status", "--name", name)).code, 5);
  const ran = await machine.troupe("up", "--name", name);
  t.is(ran.code, 0, ran.stderr);
  await machine.kubectl("get", "configmap", "kept");
  t.is((await machine.troupe("down", "--name", name, "--purge")).code, 0);
  t.false(existsSync(dataDir()));
  t.is((await machine.troupe("status", "--name", name)).code, 3);
  t.is((await machine.troupe("down", "--name", name)).code, 0);
});

live("in the foreground, Ctrl-C takes the cluster down in order", async (t) => {
  const folder = join(machine.folder, "fg");
  const args = ["up", "--name", "fg", "--data-dir", folder, "--runtime", "simulated", "--foreground"];
  const child = machine.start(process.execPath, [troupe, ...args]);
  let said = "";
  child.stderr!.on("data", (text: Buffer) => (said += text.toString()));
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  await until("it is ready", async () => said.includes("Ctrl-C takes it down"));
  t.is((await pids("server", folder)).length, 1);
  child.kill("SIGINT");
  t.is(await ended, 0, said);
  t.is((await machine.run("pgrep", ["-af", folder])).stdout, "");
  t.notRegex(readFileSync(machine.env["KUBECONFIG"]!, "utf8"), /troupe-fg/);
});

live("without root, simulated nodes work; containers say all that they lack", async (t) => {
  const home = join(machine.folder, "nobody");
  mkdirSync(home);
  chmodSync(machine.folder, 0o755);
  await machine.run("chown", ["nobody", home]);
  const as = (...args: readonly string[]): Promise<Ran> =>
    machine.run("setpriv", ["--reuid=nobody", "--regid=nogroup", "--clear-groups", ...args], {
      env: { HOME: home, XDG_STATE_HOME: join(home, "state"), KUBECONFIG: join(home, "kubeconfig") },
    });
  const refused = await as(process.execPath, troupe, "up");
  t.is(refused.code, 1);
  t.regex(
    refused.stderr,
    /needs root\ncause: missing here: root, for containers.*\n {2}try: sudo .*up --runtime simulated/,
  );

  const ran = await as(process.execPath, troupe, "up", "--runtime", "simulated", "--nodes", "3");
  t.is(ran.code, 0, ran.stderr);
  t.true(existsSync(join(home, ".local/share/troupe/dev/cluster.json")));
  const nodes = await as("kubectl", "get", "nodes", "-o", "name");
  t.is(nodes.stdout, "node/n1\nnode/n2\nnode/n3\n", nodes.stderr);
  t.is((await as(process.execPath, troupe, "status")).code, 0);
  t.is((await as(process.execPath, troupe, "down", "--purge")).code, 0);
  t.is((await machine.run("pgrep", ["-u", "nobody", "-af", home])).stdout, "");
});
