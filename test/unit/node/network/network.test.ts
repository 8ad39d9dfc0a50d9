import { execFileSync } from "node:child_process";

import test from "ava";
import fc from "fast-check";

import type { Exec } from "../../../../src/env/host.ts";
import {
  type AddressTable,
  allocate,
  emptyTable,
  numberOf,
  rangeOf,
  release,
} from "../../../../src/node/network/addresses.ts";
import { formatIpv4 } from "../../../../src/util/ipv4.ts";
import { createIpam } from "../../../../src/node/network/ipam.ts";
import { createRecorder, readRecords } from "../../../../src/node/network/outside.ts";
import { pluginScript } from "../../../../src/node/network/plugin.ts";
import { findNodeAddress } from "../../../../src/node/network/setup.ts";
import { createFakeFiles } from "../../../../src/testing/fake-files.ts";

test("a range leaves out network, the node's own address and broadcast", (t) => {
  const { first, last } = rangeOf("10.244.3.0/24");
  t.is(formatIpv4(first), "10.244.3.2");
  t.is(formatIpv4(last), "10.244.3.254");
  t.is(formatIpv4(rangeOf("10.244.3.77/30").first), "10.244.3.78");
  t.throws(() => rangeOf("10.0.0.0/31"));
  t.throws(() => rangeOf("nonsense"));
});

test("no address is given twice, all are given, and one given back is the last to come again", (t) => {
  const step = fc.record({ uid: fc.integer({ min: 0, max: 20 }), isRelease: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      let table: AddressTable = emptyTable("10.0.0.0/28");
      let lastReleased: string | undefined;
      for (const { uid, isRelease } of steps) {
        const name = `u${uid}`;
        if (isRelease) {
          lastReleased = table.byUid.get(name) ?? lastReleased;
          table = release(table, name);
          continue;
        }
        const isKnown = table.byUid.has(name);
        const free = 13 - table.byUid.size;
        const given = allocate(table, name);
        if (given === undefined) {
          t.is(free, 0);
          continue;
        }
        // Another was free: the one that was given back last is left alone for now.
        if (!isKnown && free > 1 && lastReleased !== undefined) {
          const next = numberOf(lastReleased) === table.last && given.address === lastReleased;
          t.false(next);
        }
        table = given.table;
        t.is(new Set(table.byUid.values()).size, table.byUid.size);
      }
    }),
  );
});

test("a pod keeps its address over a restart, and the round goes on behind the last one", async (t) => {
  const files = createFakeFiles();
  const first = createIpam(files, "/d");
  await first.load("10.1.0.0/24");
  t.is(await first.allocate("a"), "10.1.0.2");
  t.is(await first.allocate("b"), "10.1.0.3");
  t.is(await first.allocate("a"), "10.1.0.2");
  t.is(await files.readText("/d/net/a"), "10.1.0.2\n");
  await first.release("b");
  const second = createIpam(files, "/d");
  await second.load("10.1.0.0/24");
  t.is(second.addressOf("a"), "10.1.0.2");
  t.is(second.addressOf("b"), undefined);
  t.is(await second.allocate("c"), "10.1.0.4");
});

test("at start the runtime's sandboxes hold their addresses, and forgotten pods none", async (t) => {
  const files = createFakeFiles();
  const ipam = createIpam(files, "/d");
  await ipam.load("10.1.0.0/24");
  for (const uid of ["lost", "waiting", "moved"]) await ipam.allocate(uid);
  await files.write("/d/net/torn", "");
  await ipam.load("10.1.0.0/24");
  await ipam.reconcile(
    [
      { podUid: "moved", ip: "10.1.0.9" },
      { podUid: "onHost", ip: "" },
    ],
    new Set(["waiting"]),
  );
  t.is(ipam.addressOf("lost"), undefined);
  t.is(ipam.addressOf("waiting"), "10.1.0.3");
  t.is(ipam.addressOf("moved"), "10.1.0.9");
  t.is(ipam.addressOf("torn"), undefined);
  t.is(await files.readText("/d/net/moved"), "10.1.0.9\n");
});

test("what lies outside is on disk before the call returns, once, in order, also from two writers", async (t) => {
  const files = createFakeFiles();
  const outer = createRecorder({ files, dataDirectory: "/d" });
  const inner = createRecorder({ files, dataDirectory: "/d", ownNetns: true });
  await outer.record("netns", "n");
  await Promise.all([outer.record("link", "l"), outer.record("link", "l")]);
  await inner.record("route", "10.96.0.0/16");
  await inner.record("cgroup", "/c");
  await inner.record("route", "10.96.0.0/16");
  t.deepEqual(await readRecords(files, "/d"), [
    { kind: "netns", name: "n" },
    { kind: "link", name: "l" },
    { kind: "route", name: "10.96.0.0/16", inside: true },
    { kind: "cgroup", name: "/c" },
  ]);
});

/** Answers `ip` from a table by its words. */
function fakeIp(answers: Readonly<Record<string, string>>): Exec & { readonly ran: string[] } {
  const ran: string[] = [];
  return {
    ran,
    run: async (file, args) => {
      const line = [file, ...args].join(" ");
      ran.push(line);
      const stdout = answers[line];
      return stdout === undefined
        ? { exitCode: 1, stdout: "", stderr: "no such device" }
        : { exitCode: 0, stdout, stderr: "" };
    },
    start: () => t_unused(),
    detach: () => t_unused(),
  };
}

function t_unused(): never {
  throw new Error("not used here");
}

const noRecords = { record: async () => undefined };

test("the node's address is the default route's, by its preferred source if it has one", async (t) => {
  const answers = {
    "ip -4 -j route show default": '[{"dst":"default","dev":"eth0"}]',
    "ip link show dev eth0": "",
    "ip -4 -j addr show dev eth0":
      '[{},{"ifname":"eth0","mtu":1400,"addr_info":[{"family":"inet","local":"127.0.0.9","scope":"host"},{"family":"inet","local":"10.0.0.5","scope":"global"}]}]',
  };
  t.deepEqual(await findNodeAddress(fakeIp(answers), noRecords), {
    address: "10.0.0.5",
    link: "eth0",
    mtu: 1_400,
  });
  const preferred = {
    ...answers,
    "ip -4 -j route show default": '[{"dev":"eth0","prefsrc":"10.0.0.6"}]',
  };
  t.is((await findNodeAddress(fakeIp(preferred), noRecords)).address, "10.0.0.6");
});

test("a machine without network gets a dummy link, recorded before it is made", async (t) => {
  const exec = fakeIp({
    "ip -4 -j route show default": "[ ]",
    "ip link add troupe0 type dummy": "",
    "ip addr replace 198.18.0.1/32 dev troupe0": "",
    "ip link set troupe0 up": "",
  });
  const seen: string[] = [];
  const recorder = {
    record: async (kind: string, name: string) => void seen.push(`${kind} ${name} after ${exec.ran.length} commands`),
  };
  t.is((await findNodeAddress(exec, recorder)).address, "198.18.0.1");
  t.deepEqual(seen, ["link troupe0 after 2 commands"]);
});

function plugin(name: string, env: Record<string, string>, conf: string): { out: string; code: number } {
  const script = pluginScript({ dataDirectory: "/nonexistent/it's here", mtu: 1_450 });
  try {
    const out = execFileSync("sh", ["-c", script, name], { input: conf, env, encoding: "utf8" });
    return { out, code: 0 };
  } catch (error) {
    const failed = error as { stdout: string; status: number };
    return { out: failed.stdout, code: failed.status };
  }
}

test("the plugin answers in the configuration's version, and errors as CNI wants them", (t) => {
  const env = {
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    CNI_COMMAND: "ADD",
    CNI_CONTAINERID: "0123456789abcdef",
    CNI_NETNS: "/n",
    CNI_IFNAME: "eth0",
    CNI_ARGS: "IgnoreUnknown=1;K8S_POD_UID=u-1",
  };
  const conf = '{"cniVersion":"0.3.1","name":"x"}';
  const absent = plugin("troupe", env, conf);
  t.is(absent.code, 1);
  t.deepEqual(JSON.parse(absent.out), {
    cniVersion: "0.3.1",
    code: 101,
    msg: "pod u-1 has no address",
  });
  t.like(JSON.parse(plugin("troupe", { ...env, CNI_ARGS: "K8S_POD_UID=../x" }, conf).out), {
    code: 100,
  });
  const loopback = plugin("/d/cni/bin/loopback", env, conf);
  t.like(JSON.parse(loopback.out), { cniVersion: "0.3.1", interfaces: [{ name: "lo", sandbox: "/n" }] });
  const version = plugin("troupe", { ...env, CNI_COMMAND: "VERSION" }, conf);
  t.true((JSON.parse(version.out) as { supportedVersions: string[] }).supportedVersions.includes("0.4.0"));
});
