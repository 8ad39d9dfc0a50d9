// Backups and certificates of a real master with simulated nodes: restored into a new folder, and renewed
// without a restart.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { createMachine, canDrive, until, type Machine } from "./support/machine.ts";
import { killHard, pidsOf } from "./support/processes.ts";

const live = canDrive ? test.serial : test.serial.skip;
const name = `op${process.pid % 10_000}`;
let machine: Machine;
let first: string;
let second: string;
/** When the nodes of the second folder began. */
let restoredMs = 0;

test.before(async () => {
  if (!canDrive) return;
  machine = createMachine();
  first = join(machine.folder, "first");
  second = join(machine.folder, "second");
  await troupe("up", "--name", name, "--data-dir", first, "--runtime", "simulated", "--nodes", "2");
});
test.after.always(async () => {
  if (canDrive) await machine.dispose();
});

async function troupe(...args: readonly string[]): Promise<string> {
  const ran = await machine.troupe(...args);
  if (ran.code !== 0) throw new Error(`troupe ${args.join(" ")}: ${ran.stderr}${ran.stdout}`);
  return ran.stdout;
}

interface ClusterFacts {
  readonly id: string;
  readonly epoch?: number;
  readonly apiPort: number;
  readonly grpcPort: number;
}

const facts = (folder: string): ClusterFacts =>
  JSON.parse(readFileSync(join(folder, "cluster.json"), "utf8")) as ClusterFacts;

interface Named {
  readonly name: string;
  readonly notAfter: string;
  readonly fingerprint: string;
}

async function certificate(wanted: string): Promise<Named> {
  const words = await troupe("cert", "list", "--name", name, "-o", "json");
  const { certificates } = JSON.parse(words) as { readonly certificates: readonly Named[] };
  return certificates.find((one) => one.name === wanted)!;
}

/** What a port shows to who connects, as `AA:BB:…`. */
async function shown(port: number): Promise<string> {
  const words = `openssl s_client -connect 127.0.0.1:${port} -alpn h2 </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256`;
  return (await machine.run("sh", ["-c", words], { timeoutMs: 10_000 })).stdout.trim().split("=")[1] ?? "";
}

const yearsFromNow = (date: string): number => (Date.parse(date) - Date.now()) / (365 * 86_400_000);

live("certificates are renewed before they end, on both ports and on the link, without a restart", async (t) => {
  const pids = pidsOf(first, "server", "agent");
  const { apiPort, grpcPort } = facts(first);
  const before = await certificate("serving");
  t.is(await shown(apiPort), before.fingerprint);
  // On a machine that is slower than that it is renewed again before anybody has looked: then one for longer.
  let validSeconds = 4.5;
  await until("both ports show one that soon ends", async () => {
    validSeconds *= 2;
    await troupe("cert", "renew", "serving", "node-n1", "--valid", `${validSeconds}s`, "--name", name);
    const short = await certificate("serving");
    if (yearsFromNow(short.notAfter) > 0.001) return false;
    t.not(short.fingerprint, before.fingerprint);
    return (await shown(apiPort)) === short.fingerprint && (await shown(grpcPort)) === short.fingerprint;
  });
  await until("the master has renewed it by itself", async () => {
    const now = await certificate("serving");
    return yearsFromNow(now.notAfter) > 0.9 && (await shown(apiPort)) === now.fingerprint;
  });
  await until("so has the agent", async () => yearsFromNow((await certificate("node-n1")).notAfter) > 0.9);
  t.deepEqual(pidsOf(first, "server", "agent"), pids, "nobody was restarted");
  await troupe("cert", "renew", "admin", "--name", name);
  t.regex(await machine.kubectl("get", "nodes"), /n1 +Ready/);
  // A new connection of the link shows the new certificate to the new master.
  killHard(pidsOf(first, "server"));
  await until("the nodes are back", async () => {
    const lines = (await machine.kubectl("get", "nodes", "--no-headers")).trim().split("\n");
    return lines.length === 2 && lines.every((line) => / Ready /.test(line));
  });
  await until("its actors are told", async () => (await troupe("actors", "tree", "--name", name)).includes("n1"));
  t.is((await machine.troupe("cert", "renew", "serving-ca", "--name", name)).code, 3);
});

live("the doctor finds nothing wrong with a cluster that runs, and says what is wrong with one", async (t) => {
  interface Diagnosis {
    readonly checks: readonly { readonly name: string; readonly verdict: string }[];
  }
  const diagnosis = async (failures: 0 | 1): Promise<Diagnosis> => {
    const ran = await machine.troupe("doctor", "--name", name, "-o", "json");
    const found = JSON.parse(ran.stdout) as Diagnosis;
    // How quick the disk is at this moment is not ours.
    const isSlow = said(found, "disk sync") === "fail";
    t.is(ran.code, isSlow ? 1 : failures, ran.stdout + ran.stderr);
    const failed = found.checks.filter(({ name: check, verdict }) => verdict === "fail" && check !== "disk sync");
    t.is(failed.length, failures, ran.stdout);
    return found;
  };
  const said = ({ checks }: Diagnosis, check: string): string | undefined =>
    checks.find((one) => one.name === check)?.verdict;
  const well = await diagnosis(0);
  const port = `port ${facts(first).apiPort}`;
  t.deepEqual([said(well, "log"), said(well, port), said(well, "keys")], ["ok", "ok", "ok"]);
  await machine.run("chmod", ["-R", "a+rX", join(first, "pki")]);
  t.is(said(await diagnosis(1), "keys"), "fail");
  await machine.run("chmod", ["-R", "go=", join(first, "pki")]);
  await diagnosis(0);
});

live(
  "a snapshot is restored into a new folder: objects of then, revisions above all, old watches expired",
  async (t) => {
    await machine.kubectl("create", "secret", "generic", "s", "--from-literal=password=hunter");
    await machine.kubectl("create", "deployment", "web", "--image=web", "--replicas=3");
    await machine.kubectl("rollout", "status", "deployment/web", "--timeout=60s");
    const file = join(machine.folder, "one.snapshot");
    await troupe("snapshot", "save", file, "--name", name);
    t.false(readFileSync(file).includes("hunter"));
    const pods = await machine.kubectl("get", "pods", "-o", "name");
    await machine.kubectl("create", "configmap", "later");
    await machine.kubectl("delete", "secret", "s");
    const newest = await machine.kubectl("get", "configmap", "later", "-o", "jsonpath={.metadata.resourceVersion}");
    t.is((await machine.troupe("snapshot", "restore", file, "--data-dir", second)).code, 2, "the cluster runs");
    await troupe("down", "--name", name);
    const offline = join(machine.folder, "two.snapshot");
    await troupe("snapshot", "save", offline, "--name", name);
    const inspected = JSON.parse(await troupe("snapshot", "inspect", offline, "-o", "json")) as {
      readonly checksum: string;
      readonly revision: number;
      readonly objects: Readonly<Record<string, number>>;
    };
    t.is(inspected.checksum, "sound");
    t.true(inspected.revision >= Number(newest), "the log behind the snapshot was read");
    t.is(inspected.objects["secrets"], undefined);
    const keyless = await machine.troupe("snapshot", "restore", file, "--data-dir", second);
    t.regex(keyless.stderr, /TRP-0174/);
    t.false(existsSync(join(second, "cluster.json")));
    await troupe("snapshot", "restore", file, "--data-dir", second, "--keys", join(first, "pki"));
    t.not(facts(second).id, facts(first).id);
    t.is(facts(second).epoch, 1);
    restoredMs = Date.now();
    await troupe("up", "--name", name);
    t.is(await machine.kubectl("get", "pods", "-o", "name"), pods);
    const password = await machine.kubectl("get", "secret", "s", "-o", "jsonpath={.data.password}");
    t.is(Buffer.from(password, "base64").toString(), "hunter");
    await t.throwsAsync(machine.kubectl("get", "configmap", "later"), { message: /NotFound/ });
    const watch = `/api/v1/configmaps?watch=1&timeoutSeconds=2&resourceVersion=${newest}`;
    t.regex(await machine.kubectl("get", "--raw", watch), /"code":410/);
    await machine.kubectl("create", "configmap", "anew");
    const higher = await machine.kubectl("get", "configmap", "anew", "-o", "jsonpath={.metadata.resourceVersion}");
    t.true(Number(higher) > Number(newest) + 1_000_000);
    t.regex(await machine.kubectl("get", "nodes"), /n1 +Ready[^]*n2 +Ready/);
    t.regex(await troupe("snapshot", "list", "--name", name), /^$|snapshot/);
  },
);

live("a master is set back under nodes that run on: what it knows is adopted, what it does not is held", async (t) => {
  const file = join(machine.folder, "three.snapshot");
  await troupe("snapshot", "save", file, "--name", name);
  const containers = "jsonpath={range .items[*]}{.metadata.uid} {.status.containerStatuses[0].containerID}\n{end}";
  const starts = "jsonpath={.items[*].status.containerStatuses[0].state.running.startedAt}";
  await until("the nodes have told of containers of their own", async () => {
    const told = (await machine.kubectl("get", "pods", "-o", starts)).split(" ");
    // In whole seconds; those that were restored are older by far.
    return told.length === 3 && told.every((time) => Date.parse(time) > restoredMs - 1_000);
  });
  const kept = await machine.kubectl("get", "pods", "-o", containers);
  await machine.kubectl("run", "later", "--image=web");
  await machine.kubectl("wait", "pod/later", "--for=condition=Ready", "--timeout=60s");
  const agents = pidsOf(second, "agent");
  killHard(pidsOf(second, "keeper"));
  killHard(pidsOf(second, "server"));
  const refused = await machine.troupe("snapshot", "restore", file, "--data-dir", second);
  t.regex(refused.stderr, /--replace/);
  await troupe("snapshot", "restore", file, "--data-dir", second, "--replace");
  await troupe("up", "--name", name);
  t.deepEqual(pidsOf(second, "agent"), agents, "the agents were not started anew");
  t.is(facts(second).epoch, 2);
  await until("the pod that is not known is held", async () =>
    /default.later +.*held|later.*held/.test(await machine.kubectl("get", "actors.actors.troupe.dev")),
  );
  t.is(await machine.kubectl("get", "pods", "-o", containers), kept, "the same containers");
});
