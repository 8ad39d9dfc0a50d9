// What the doctor makes of what it finds. What it finds on a real machine is a live test's affair.
import { cp, mkdtemp, open, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import type { Certificate } from "../../../src/cli/certificates.ts";
import type { ClusterFile } from "../../../src/cli/cluster-file.ts";
import { linesOf, worst } from "../../../src/cli/commands/doctor.ts";
import { fail, ok, quantile, warn } from "../../../src/cli/doctor/check.ts";
import {
  backupVerdict,
  certificateChecks,
  logCheck,
  spaceVerdict,
  syncVerdict,
} from "../../../src/cli/doctor/data-checks.ts";
import { leftovers, type Traces } from "../../../src/cli/doctor/leftovers.ts";
import { kernelCheck, kernelFeatures, nodeVersion, openFiles } from "../../../src/cli/doctor/machine-checks.ts";
import { createProcessEnv } from "../../../src/cli/process-env.ts";
import { createRaft } from "../../../src/raft/driver.ts";

const gib = 1024 ** 3;
const day = 86_400_000;

test("the worst check is the verdict, and each finding says what to do", (t) => {
  t.is(worst([]), "ok");
  t.is(worst([ok("a", ""), warn("b", "", "")]), "warn");
  t.is(worst([warn("b", "", ""), fail("c", "", ""), ok("a", "")]), "fail");
  const lines = linesOf([ok("disk space", "9 GiB"), fail("log", "it is damaged", "restore it")]);
  t.is(lines.length, 3);
  t.true(lines[2]!.includes("do: restore it"));
});

test("a kernel's feature is there, missing, not installed, or not told", (t) => {
  const veth = kernelFeatures.find(({ name }) => name === "veth")!;
  const verdict = (config: string | undefined, modules: readonly string[] = []): string =>
    kernelCheck(veth, { config, modules: new Set(modules) }).verdict;
  t.is(verdict("CONFIG_VETH=y"), "ok");
  t.is(verdict(undefined, ["veth"]), "ok");
  t.is(verdict("CONFIG_VETH=m", ["veth"]), "ok");
  t.is(verdict("CONFIG_VETH=m"), "fail");
  t.is(verdict("# CONFIG_VETH is not set"), "fail");
  t.is(verdict("CONFIG_VETHER=y\nX_CONFIG_VETH=y"), "fail");
  t.is(verdict(undefined), "warn");
});

test("limits of the machine are held against what a node needs", (t) => {
  t.is(nodeVersion("20.19.0").verdict, "ok");
  t.is(nodeVersion("24.1.0").verdict, "ok");
  t.is(nodeVersion("20.18.3").verdict, "fail");
  t.is(openFiles("Max open files            1024                 1048576              files").verdict, "ok");
  t.is(openFiles("Max open files            1024                 4096                 files").verdict, "warn");
  t.is(openFiles("").verdict, "warn");
});

test("a disk is judged by its room and by its slowest syncs", (t) => {
  const disk = { freeBytes: 50 * gib, allBytes: 100 * gib, freeFiles: 1e6, allFiles: 2e6 };
  t.is(spaceVerdict(disk).verdict, "ok");
  t.is(spaceVerdict({ ...disk, freeBytes: gib }).verdict, "warn");
  t.is(spaceVerdict({ ...disk, freeBytes: 4 * gib }).verdict, "warn", "one part in twenty-five");
  t.is(spaceVerdict({ ...disk, freeBytes: 1e6 }).verdict, "fail");
  t.is(spaceVerdict({ ...disk, freeFiles: 3 }).verdict, "fail");
  t.is(spaceVerdict({ ...disk, freeFiles: 0, allFiles: 0 }).verdict, "ok", "btrfs counts none");
  const quick = Array.from({ length: 99 }, () => 1);
  t.is(syncVerdict([...quick, 2]).verdict, "ok");
  t.is(syncVerdict([...quick.slice(1), 30, 30]).verdict, "warn");
  t.is(syncVerdict([...quick.slice(1), 300, 300]).verdict, "fail");
  t.is(quantile([3, 1, 2], 0.5), 2);
  t.is(quantile([], 0.99), 0);
});

test("certificates that are over fail, those that nobody renewed warn, and the rest is one line", (t) => {
  const now = 1_000 * day;
  const certificate = (name: string, more: Partial<Certificate>): Certificate => ({
    name,
    use: "client",
    subject: "",
    issuer: "",
    toMs: now + 300 * day,
    renewalMs: now + 100 * day,
    fingerprint: "",
    ...more,
  });
  const verdicts = (...list: readonly Certificate[]): readonly string[] =>
    certificateChecks(list, now).map(({ name, verdict }) => `${verdict} ${name}`);
  t.deepEqual(verdicts(), []);
  t.deepEqual(verdicts(certificate("a", {}), certificate("b", {})), ["ok certificates"]);
  t.deepEqual(
    verdicts(
      certificate("a", { toMs: now - 1 }),
      certificate("b", { renewalMs: now - day }),
      certificate("c-ca", { use: "authority", toMs: now + 30 * day, renewalMs: undefined }),
      certificate("d", {}),
    ),
    ["fail certificate a", "warn certificate b", "warn certificate c-ca"],
  );
  t.is(backupVerdict(undefined, "dev", now).verdict, "warn");
  t.is(backupVerdict(new Date(now - day / 2).toISOString(), "dev", now).verdict, "ok");
  t.is(backupVerdict(new Date(now - 2 * day).toISOString(), "dev", now).verdict, "warn");
});

test("what carries the name of a cluster that is not there is left over; everything else is somebody else's", (t) => {
  const traces: Traces = {
    namespaces: ["troupe-dev-n1", "troupe-old-n1", "cni-1", "tm42"],
    tables: ["ip troupe0", "ip troupe7", "ip troupe-old-n1", "inet filter", "ip nat"],
    cgroups: ["troupe-dev-n1", "troupe-dev-n2", "system.slice"],
    links: ["eth0", "tb0", "tb7", "tv7", "tbench"],
    orphans: ["lost"],
    processes: [{ pid: 42, dataDir: "/gone" }],
  };
  const dev = { name: "dev", number: 0, nodes: ["n1"] } as unknown as ClusterFile;
  const fixes = leftovers(traces, [dev]).map(({ verdict, fix }) => `${verdict} ${fix ?? ""}`);
  t.is(fixes.length, 8);
  for (const expected of [
    "warn kill 42",
    "warn ip netns del troupe-old-n1",
    "warn nft delete table ip troupe7",
    "warn nft delete table ip troupe-old-n1",
    "warn ip link del tb7",
    "warn ip link del tv7",
  ]) {
    t.true(fixes.includes(expected), expected);
  }
  t.true(fixes.some((fix) => fix.includes("troupe-dev-n2")));
  t.true(fixes.some((fix) => fix.endsWith("lost.json")));
  const nothing = {
    namespaces: [],
    tables: [],
    cgroups: [],
    links: [],
    orphans: [],
    processes: [],
  };
  t.deepEqual(
    leftovers(nothing, []).map(({ verdict }) => verdict),
    ["ok"],
  );
});

test("a log is read to its end and stays as it is; rot in its middle fails, a torn end warns", async (t) => {
  const data = await mkdtemp(join(tmpdir(), "troupe-doctor-"));
  t.teardown(() => rm(data, { recursive: true }));
  t.is((await logCheck("log", join(data, "master"), false)).verdict, "ok", "no master has run");
  const env = {
    ...createProcessEnv({ diskRoot: join(data, "master"), verbose: false }),
    log: () => undefined,
  };
  await env.disk.makeFolder("");
  let durable = (): void => undefined;
  const none = async (): Promise<void> => undefined;
  const raft = createRaft({
    env,
    listener: { committed: () => durable(), role: () => undefined },
    stateMachine: { restore: none, snapshot: () => t.fail() as never },
    onFatal: (error) => t.fail(error.message),
    segmentBytes: 1_048_576,
  });
  await raft.start();
  for (let count = 0; count < 20; count += 1) {
    const written = new Promise<void>((resolve) => (durable = resolve));
    raft.propose(new Uint8Array(600).fill(count));
    await written;
  }
  await raft.stop();
  const before = await sizesOf(data);
  const sound = await logCheck("log", join(data, "master"), false);
  t.is(sound.verdict, "ok");
  t.regex(sound.found, /sound to entry 2\d/);
  t.deepEqual(await sizesOf(data), before);
  await cp(data, `${data}-rotten`, { recursive: true });
  t.teardown(() => rm(`${data}-rotten`, { recursive: true }));
  const [segment] = (await readdir(join(`${data}-rotten`, "master/wal"))).filter((name) => name.endsWith(".seg"));
  const file = await open(join(`${data}-rotten`, "master/wal", segment!), "r+");
  await file.write(Buffer.alloc(1_024, 7), 0, 1_024, 8_192);
  await file.close();
  const rotten = await logCheck("log", join(`${data}-rotten`, "master"), false);
  t.is(rotten.verdict, "fail", rotten.found);
  t.regex(rotten.found, /damaged in wal/);
});

async function sizesOf(folder: string): Promise<readonly string[]> {
  const names = (await readdir(folder, { recursive: true })).toSorted();
  return Promise.all(
    names.map(async (name) => {
      const { size, mtimeMs } = await stat(join(folder, name));
      return `${name} ${size} ${mtimeMs}`;
    }),
  );
}
