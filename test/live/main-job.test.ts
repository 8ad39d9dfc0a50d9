// The main job: one command gives a cluster, a Deployment with a Service runs in real containers, and
// taking it down leaves nothing.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { createMachine, canDrive, root, until, type Machine } from "./support/machine.ts";

const live = canDrive ? test.serial : test.serial.skip;
let machine: Machine;
/** Cgroups of a cluster carry its name: one of our own. */
const name = `main${process.pid % 10_000}`;

test.before(() => {
  if (canDrive) machine = createMachine();
});
test.after.always(async () => {
  if (canDrive) await machine.dispose();
});

live("up gives a ready cluster and a kubeconfig context that only its owner reads", async (t) => {
  const ran = await machine.troupe("up", "--name", name, "--data-dir", join(machine.folder, "d"));
  t.is(ran.code, 0, ran.stderr);
  t.regex(ran.stderr, /Ready in [\d.]+s\. Next: kubectl apply -f examples\/hello\//);
  t.regex(ran.stderr, /NodePorts answer on 198\.51\.100\.2/);
  t.is((await machine.run("stat", ["-c", "%a", machine.env["KUBECONFIG"]!])).stdout.trim(), "600");
  t.is((await machine.kubectl("config", "current-context")).trim(), `troupe-${name}`);
  const namespaces = await machine.kubectl("get", "ns", "-o", "name");
  t.deepEqual(namespaces.trim().split("\n"), [
    "namespace/default",
    "namespace/kube-node-lease",
    "namespace/kube-public",
    "namespace/kube-system",
  ]);
  t.is((await machine.kubectl("get", "--raw", "/readyz")).trim(), "ok");
});

live("the example runs three replicas that answer through ClusterIP, NodePort and name", async (t) => {
  await machine.kubectl("apply", "-f", join(root, "examples/hello"));
  await machine.kubectl("rollout", "status", "deployment/hello", "--timeout=60s");
  const clusterIp = await machine.kubectl("get", "service", "hello", "-o", "jsonpath={.spec.clusterIP}");
  for (const address of [`http://${clusterIp}/`, `http://${machine.address}:30080/`]) {
    const seen = new Set<string>();
    await until(`${address} is answered by all three`, async () => {
      const ran = await machine.run("busybox", ["wget", "-q", "-O", "-", address], { timeoutMs: 10_000 });
      if (ran.code === 0) seen.add(ran.stdout);
      return seen.size === 3;
    });
  }
  await until("a pod reaches it by its name", async () => {
    const inside = await machine.kubectl("exec", "deploy/hello", "--", "wget", "-q", "-O", "-", "http://hello/");
    return inside.startsWith("hello from hello-");
  });
  t.regex(await machine.kubectl("logs", "deploy/hello", "--tail=1"), /^$|./);
});

live("status tells master and node with their processes", async (t) => {
  const ran = await machine.troupe("status", "--name", name, "-o", "json");
  t.is(ran.code, 0, ran.stderr);
  const said = JSON.parse(ran.stdout) as {
    readonly members: readonly { readonly role: string; readonly pid: number }[];
    readonly nodes: readonly { readonly name: string; readonly ready: boolean; readonly pid: number }[];
  };
  t.is(said.members[0]?.role, "leader");
  t.true(existsSync(`/proc/${said.members[0]?.pid}`));
  t.deepEqual(
    said.nodes.map(({ name, ready }) => ({ name, ready })),
    [{ name: "n1", ready: true }],
  );
});

live("down leaves no process, mount, link, table or cgroup, and run again finds nothing to do", async (t) => {
  const data = join(machine.folder, "d");
  const ran = await machine.troupe("down", "--name", name);
  t.is(ran.code, 0, ran.stderr);
  const processes = await machine.run("pgrep", ["-af", data]);
  t.is(processes.stdout, "");
  t.false(readFileSync("/proc/self/mountinfo", "utf8").includes(data));
  const links = (await machine.run("ip", ["-o", "link"])).stdout;
  const names = [...links.matchAll(/^\d+: ([^:@]+)/gm)].map((match) => match[1]);
  t.deepEqual(new Set(names), new Set(["lo", "up0"]));
  t.is((await machine.run("nft", ["list", "tables"])).stdout, "");
  t.false(existsSync(`/sys/fs/cgroup/memory/troupe-${name}-n1`) || existsSync(`/sys/fs/cgroup/troupe-${name}-n1`));
  t.false(readFileSync(machine.env["KUBECONFIG"]!, "utf8").includes(`troupe-${name}`));
  t.true(existsSync(data));
  t.is((await machine.troupe("down", "--name", name)).code, 0);
});
