// What `kubectl get actors` shows of a real cluster, and that killed processes come back with theirs.
import { join } from "node:path";
import test from "ava";
import { createMachine, canDrive, kubectls, root, until, type Machine } from "./support/machine.ts";

const live = canDrive ? test.serial : test.serial.skip;
let machine: Machine;
const name = `su${process.pid % 10_000}`;

interface ActorItem {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly path: string; readonly supervisor: string };
  readonly status: { readonly state: string; readonly since?: string; readonly restarts: number };
}

interface Status {
  readonly members: readonly { readonly pid: number }[];
  readonly nodes: readonly { readonly pid: number }[];
}

const actors = async (): Promise<ReadonlyMap<string, ActorItem>> => {
  const said = JSON.parse(await machine.kubectl("get", "actors", "-o", "json")) as { readonly items: ActorItem[] };
  return new Map(said.items.map((item) => [item.spec.path, item]));
};
const status = async (): Promise<Status> =>
  JSON.parse((await machine.troupe("status", "--name", name, "-o", "json")).stdout) as Status;

test.before(async () => {
  if (!canDrive) return;
  machine = createMachine();
  const ran = await machine.troupe("up", "--name", name, "--data-dir", join(machine.folder, "d"));
  if (ran.code !== 0) throw new Error(ran.stderr);
  await machine.kubectl("apply", "-f", join(root, "examples/hello"));
  await machine.kubectl("rollout", "status", "deployment/hello", "--timeout=60s");
});
test.after.always(async () => {
  if (canDrive && machine !== undefined) await machine.dispose();
});

live("every controller, the scope, the node's parts and the pods' actors are listed", async (t) => {
  const pod = (await machine.kubectl("get", "pods", "-o", "jsonpath={.items[0].metadata.name}")).trim();
  const wanted = [
    "/",
    "/log",
    "/store",
    "/api",
    "/links",
    "/leader",
    "/leader/timers",
    "/leader/sweeps",
    "/ctl",
    "/sched",
  ];
  const parts = ["", "/link", "/status", "/pods", "/probes", "/proxy", "/dns", "/containerd"];
  wanted.push("/ctl/deployment", "/ctl/replicaset", "/link/n1", `/node/n1/pod/default/${pod}`);
  wanted.push(...parts.map((part) => `/node/n1${part}`));
  await until("all are told by the node", async () => {
    const listed = await actors();
    const stateOf = (path: string): string | undefined => listed.get(path)?.status.state;
    const isSettled = stateOf("/node/n1/dns") === "connected" && stateOf("/node/n1/proxy") === "programmed";
    return isSettled && wanted.every((path) => listed.has(path));
  });
  const listed = await actors();
  for (const { spec, status: shown } of listed.values()) {
    t.true(spec.supervisor === "keeper" || listed.has(spec.supervisor), spec.path);
    t.is(shown.restarts, 0, spec.path);
    if (shown.since !== undefined) t.true(Math.abs(Date.now() - Date.parse(shown.since)) < 600_000, spec.path);
  }
  let table = "";
  await until("the controller has nothing to do", async () => {
    table = await machine.kubectl("get", "actors");
    return /^\/ctl\/deployment +controller +1 +idle +\d+[\dms]* +0 +0 +\/ctl +live$/m.test(table);
  });
  t.regex(table, /^PATH +MACHINE +VERSION +STATE +SINCE +RESTARTS +MAILBOX +SUPERVISOR +STATUS\n/);
  const state = ["get", "actor", "obj.apps.deployments.default.hello", "-o", "jsonpath={.status.state}"];
  await until("the Deployment is complete", async () => (await machine.kubectl(...state)) === "complete");
});

live("the tree, one actor and a release are a command each; a node is described without an error", async (t) => {
  const told = async (...args: readonly string[]): Promise<string> => {
    const ran = await machine.troupe("actors", ...args, "--name", name);
    if (ran.code !== 0) throw new Error(ran.stderr);
    return ran.stdout;
  };
  const tree = /^\/leader  one_for_all .*\n(?:.*\n)*│? *├─ \/ctl\/deployment  idle/m;
  await until("the tree shows it", async () => tree.test(await told("tree", "/leader")));
  t.regex(await told("explain", "/obj/apps/deployments/default/hello"), /^State: +complete \(live\)$/m);
  t.is(await told("release", "ctl.deployment"), "/ctl/deployment is live: nothing held it\n");
  const pod = (await machine.kubectl("get", "pods", "-o", "jsonpath={.items[0].metadata.name}")).trim();
  t.is(await told("release", `/node/n1/pod/default/${pod}`), `/node/n1/pod/default/${pod} is live: nothing held it\n`);
  t.is((await machine.troupe("actors", "explain", "nobody", "--name", name)).code, 3);
  for (const { version, path } of kubectls()) {
    const { code, stdout, stderr } = await machine.run(path, ["describe", "node", "n1"]);
    t.is(code, 0, version);
    t.is(stderr, "", version);
    t.regex(stdout, /^Lease:\n +HolderIdentity: +n1\n +AcquireTime: .*\n +RenewTime: +\w/m, version);
    t.notRegex(stdout, /Failed to get lease/, version);
  }
  const metrics = await machine.kubectl("get", "--raw", "/metrics");
  t.regex(metrics, /^troupe_actors\{status="live"\} \d+$/m);
  t.regex(metrics, /^troupe_actor_turn_duration_seconds_count \d+$/m);
});

live("every machine is drawn, those of a node by its agent; transitions are told as they happen", async (t) => {
  const drawn = async (...args: readonly string[]): Promise<string> => {
    const ran = await machine.troupe("chart", ...args, "--name", name);
    if (ran.code !== 0) throw new Error(ran.stderr);
    return ran.stdout;
  };
  t.regex(
    await drawn("deployment/hello"),
    /^ {2}progressing --> complete: complete$(?:.*\n)*^ {2}class complete here$/m,
  );
  const pod = (await machine.kubectl("get", "pods", "-o", "jsonpath={.items[0].metadata.name}")).trim();
  t.regex(await drawn(`/node/n1/pod/default/${pod}`), /^ {2}class stage_running here$/m);
  const data = JSON.parse(await drawn(`pod/${pod}`, "-o", "json")) as { states: { id: string }[]; actor: object };
  t.true(data.states.some(({ id }) => id === "ready"));
  t.is((await machine.troupe("chart", "pod/nobody", "--name", name)).code, 3);

  const watching = machine.start(join(root, "bin", "troupe"), ["actors", "watch", "/obj/core/pods", "--name", name]);
  let told = "";
  watching.stdout?.on("data", (text: Buffer) => (told += text.toString()));
  try {
    await until("the stream is open", async () => {
      await machine.kubectl("run", `w${Date.now()}`, "--image=none.invalid/none:1", "--overrides", unscheduled);
      return /gone → .*\n/.test(told);
    });
    t.regex(told, /\/obj\/core\/pods\/default\/w\d+ {2}gone → gated {2}on gated$/m);
  } finally {
    watching.kill("SIGTERM");
    await machine.kubectl("delete", "pods", "-l", "run", "--wait=false");
  }
});

/** A pod that goes nowhere. */
const unscheduled = JSON.stringify({ spec: { schedulingGates: [{ name: "example.com/wait" }] } });

live("an agent that is killed comes back with its actors, and its containers run on", async (t) => {
  const containers = (): Promise<string> =>
    machine.kubectl("get", "pods", "-o", "jsonpath={.items[*].status.containerStatuses[*].containerID}");
  const before = await containers();
  const { pid } = (await status()).nodes[0]!;
  process.kill(pid, "SIGKILL");
  await until("another agent runs", async () => {
    const now = (await status()).nodes[0]?.pid;
    return now !== undefined && now !== pid && now > 0;
  });
  await until("its actors are back", async () => {
    const listed = await actors();
    return [...listed.keys()].filter((path) => /^\/node\/n1\/pod\/default\/hello-[^/]+$/.test(path)).length === 3;
  });
  t.is(await containers(), before);
});

live("a master that is killed leads again, with every controller", async (t) => {
  const { pid } = (await status()).members[0]!;
  process.kill(pid, "SIGKILL");
  await until("the actors are listed again", async () => {
    const listed = await actors();
    return listed.has("/ctl/deployment") && listed.has("/node/n1/proxy");
  });
  t.not((await status()).members[0]!.pid, pid);
});
