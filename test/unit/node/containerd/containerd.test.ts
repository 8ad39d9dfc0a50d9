import test from "ava";

import { detectLayout } from "../../../../src/node/cgroups/cgroups.ts";
import { type CgroupLayout, foldersOf, limitWrites, podCgroup, weightOf } from "../../../../src/node/cgroups/layout.ts";
import { readUsage } from "../../../../src/node/cgroups/stats.ts";
import { mountsBelow } from "../../../../src/node/containerd/cleanup.ts";
import { containerdConfig } from "../../../../src/node/containerd/config.ts";
import { parseSettings } from "../../../../src/node/containerd/existing.ts";
import { hasCapability, parseVersion, type RuntimeFacts } from "../../../../src/node/containerd/facts.ts";
import { createFakeFiles } from "../../../../src/testing/fake-files.ts";

const facts: RuntimeFacts = {
  containerd: { path: "/usr/bin/containerd", major: 1, minor: 6 },
  handlers: [
    { name: "runc", path: "/usr/sbin/runc" },
    { name: "crun", path: "/usr/bin/crun" },
  ],
  apparmor: false,
  mayLowerOomScore: false,
  snapshotter: "overlayfs",
};

const config = (changes: Partial<RuntimeFacts> = {}): string =>
  containerdConfig({
    dataDirectory: "/d",
    facts: { ...facts, ...changes },
    pauseImage: "localhost/troupe/pause:1",
    streamAddress: "127.0.0.1",
  });

test("version and capability are read from what the machine prints", (t) => {
  const debian = "containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u1";
  t.deepEqual(parseVersion(debian), { major: 1, minor: 6 });
  t.deepEqual(parseVersion("containerd github.com/containerd/containerd/v2 v2.1.3 abc"), {
    major: 2,
    minor: 1,
  });
  t.throws(() => parseVersion("containerd"));
  t.true(hasCapability("Name:\tx\nCapEff:\t000001ffffffffff\n"));
  t.false(hasCapability("CapEff:\t000001fffeffffff\n"));
  t.false(hasCapability(""));
});

test("1.6 gets version 2 of the configuration with everything under the data directory", (t) => {
  const text = config();
  t.regex(text, /^version = 2\nroot = "\/d\/root"\nstate = "\/d\/state"\n/);
  t.true(text.includes('sandbox_image = "localhost/troupe/pause:1"'));
  t.true(text.includes("restrict_oom_score_adj = true"));
  t.true(text.includes("disable_apparmor = true"));
  t.true(text.includes('BinaryName = "/usr/bin/crun"\nRoot = "/d/crun"'));
  const paths = [...text.matchAll(/"(\/[^"]*)"/g)].map(([, path]) => path!);
  t.deepEqual(
    paths.filter((path) => !path.startsWith("/d/") && !path.startsWith("/usr/")),
    [],
  );
  const capable = config({ apparmor: true, mayLowerOomScore: true });
  t.true(capable.includes("restrict_oom_score_adj = false"));
  t.true(capable.includes("disable_apparmor = false"));
});

test("2.x gets version 3 with its split plugins and the name that it knows for the plugin folder", (t) => {
  const at = (minor: number) => config({ containerd: { path: "/c", major: 2, minor } });
  t.regex(at(0), /^version = 3\n/);
  t.true(at(0).includes('[plugins."io.containerd.cri.v1.images".pinned_images]'));
  t.true(at(0).includes('\nbin_dir = "/d/cni/bin"'));
  t.true(at(1).includes('\nbin_dirs = ["/d/cni/bin"]'));
  t.false(at(1).includes("sandbox_image"));
});

test("mounts below a folder come deepest first, with blanks in their names, and no others", (t) => {
  const line = (place: string) => `36 35 98:0 / ${place} rw - ext4 /dev/x rw`;
  const text = ["/", "/d", "/d/a", "/d/a/b\\040c", "/data", "/d/a"].map(line).join("\n");
  t.deepEqual(mountsBelow(text, "/d"), ["/d/a", "/d/a/b c", "/d/a", "/d"]);
});

const one: CgroupLayout = {
  version: 1,
  mount: "/cg",
  controllers: ["cpu", "cpuacct", "memory", "pids"],
};
const two: CgroupLayout = { version: 2, mount: "/cg", controllers: [] };

test("a pod's cgroup lies by its class under the node's root, in each v1 tree or the one of v2", (t) => {
  t.is(podCgroup("/troupe-a-n", "Guaranteed", "u"), "/troupe-a-n/podu");
  t.is(podCgroup("/troupe-a-n", "BestEffort", "u"), "/troupe-a-n/besteffort/podu");
  t.deepEqual(foldersOf(two, "/r/podu"), ["/cg/r/podu"]);
  t.is(foldersOf(one, "/r/podu")[2], "/cg/memory/r/podu");
});

test("limits are written in each layout's words; what is absent is unlimited", (t) => {
  const written = (layout: CgroupLayout, limits: Parameters<typeof limitWrites>[2]) =>
    limitWrites(layout, "/p", limits).map(({ path, value }) => `${path} ${value}`);
  const limits = { cpuShares: 1_024, cpuQuotaMicros: 50_000, memoryBytes: 1_000 };
  t.deepEqual(written(two, limits), [
    "/cg/p/cpu.weight 39",
    "/cg/p/cpu.max 50000 100000",
    "/cg/p/memory.max 1000",
    "/cg/p/pids.max max",
  ]);
  t.deepEqual(written(one, limits), [
    "/cg/cpu/p/cpu.shares 1024",
    "/cg/cpu/p/cpu.cfs_period_us 100000",
    "/cg/cpu/p/cpu.cfs_quota_us 50000",
    "/cg/memory/p/memory.limit_in_bytes 1000",
    "/cg/pids/p/pids.max max",
  ]);
  t.true(written(two, {}).includes("/cg/p/cpu.max max 100000"));
  t.true(written(one, {}).includes("/cg/cpu/p/cpu.cfs_quota_us -1"));
  t.deepEqual([2, 1_024, 262_144, 0].map(weightOf), [1, 39, 10_000, 1]);
});

test("the layout is told by what is mounted; joint trees are found under their single names", async (t) => {
  const files = createFakeFiles();
  await files.makeFolder("/cg/cpu,cpuacct");
  await files.write("/cg/cpu,cpuacct/cgroup.procs", "");
  for (const name of ["cpu", "cpuacct"]) {
    await files.makeFolder(`/cg/${name}`);
    await files.write(`/cg/${name}/cgroup.procs`, "");
  }
  await files.makeFolder("/cg/unified");
  await files.write("/cg/unified/cgroup.procs", "");
  t.deepEqual(await detectLayout(files, "/cg"), {
    version: 1,
    mount: "/cg",
    controllers: ["cpu", "cpuacct"],
  });
  await files.write("/cg/cgroup.controllers", "cpu memory");
  t.is((await detectLayout(files, "/cg")).version, 2);
});

test("usage leaves inactive file pages out of the working set; a cgroup that is gone has none", async (t) => {
  const files = createFakeFiles();
  await files.makeFolder("/cg/p");
  await files.write("/cg/p/cpu.stat", "usage_usec 12\nuser_usec 5\n");
  await files.write("/cg/p/memory.current", "1000\n");
  await files.write("/cg/p/memory.stat", "anon 300\ninactive_file 400\n");
  t.deepEqual(await readUsage(files, two, "/p"), {
    cpuNanoSeconds: 12_000,
    memoryUsageBytes: 1_000,
    workingSetBytes: 600,
    rssBytes: 300,
  });
  t.is(await readUsage(files, two, "/gone"), undefined);
});

test("an existing containerd's settings are read as 1.6 and as 2.x tell them", (t) => {
  const cni = { binDir: "/opt/cni/bin", confDir: "/etc/cni/net.d" };
  const expected = { apparmor: true, cniConfDirectory: "/etc/cni/net.d", cniBinDirectory: "/opt/cni/bin" };
  t.deepEqual(parseSettings(JSON.stringify({ cni }), "/s"), expected);
  const newer = {
    cni: { binDirs: ["/opt/cni/bin", "/usr/lib/cni"], confDir: "/etc/cni/net.d" },
    disableApparmor: true,
  };
  t.deepEqual(parseSettings(JSON.stringify(newer), "/s"), { ...expected, apparmor: false });
});

test("a runtime that tells no plugin folders, or that leaves cgroups to systemd, is refused", (t) => {
  t.throws(() => parseSettings(undefined, "/s"), { message: /does not tell where its network plugins lie/ });
  const cni = { binDir: "/opt/cni/bin", confDir: "/etc/cni/net.d" };
  const runtimes = { runc: { options: { SystemdCgroup: true } }, other: { options: null } };
  const withDefault = (defaultRuntimeName: string): string =>
    JSON.stringify({ cni, containerd: { defaultRuntimeName, runtimes } });
  t.throws(() => parseSettings(withDefault("runc"), "/s"), { message: /hands its cgroups to systemd/ });
  t.notThrows(() => parseSettings(withDefault("other"), "/s"));
});
