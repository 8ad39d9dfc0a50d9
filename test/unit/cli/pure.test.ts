// The rules of the command line that need no machine: ranges, names, values, tables, processes.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import fc from "fast-check";
import { editDistance, nearest, parseChoice, parseCount, parseDuration } from "../../../src/cli/arguments.ts";
import { checkName } from "../../../src/cli/cluster-file.ts";
import { backoffMaxMs, backoffMinMs, nextBackoff, rotateLog } from "../../../src/cli/keeping.ts";
import { tryLock, withLock } from "../../../src/cli/lock.ts";
import { programFolders } from "../../../src/cli/machine.ts";
import { table } from "../../../src/cli/output.ts";
import { listeningInodes, parsePort } from "../../../src/cli/ports.ts";
import { classify, isAlive, parseStat, processesOf } from "../../../src/cli/processes.ts";
import { bridgeOf, chooseNumber, numberMax, parseRoutes, rangesOf } from "../../../src/cli/ranges.ts";
import { UserError } from "../../../src/util/errors.ts";

const noRoutes = parseRoutes("");
const route = (cidr: string) => {
  const [address, bits] = cidr.split("/");
  return { network: address!.split(".").reduce((sum, part) => sum * 256 + Number(part), 0), bits: Number(bits) };
};

test("ranges follow from the number, and no two numbers share an address", (t) => {
  t.deepEqual(rangesOf(0), { podCidr: "10.42.0.0/16", serviceCidr: "10.43.0.0/16", dnsAddress: "10.43.0.10" });
  t.is(rangesOf(1).podCidr, "10.44.0.0/16");
  const numbers = Array.from({ length: numberMax + 1 }, (_, number) => number);
  t.is(new Set(numbers.flatMap((n) => [rangesOf(n).podCidr, rangesOf(n).serviceCidr])).size, 2 * numbers.length);
  t.is(new Set(numbers.map((n) => bridgeOf(n).bridgeAddress)).size, numbers.length);
  const { podCidr, serviceCidr, dnsAddress } = rangesOf(numberMax);
  for (const part of [podCidr, serviceCidr, dnsAddress, bridgeOf(numberMax).nodeAddress]) {
    t.true(
      part.split(/[./]/).every((byte) => Number(byte) < 256),
      part,
    );
  }
});

test("the lowest number that is free is chosen, and routes of the machine are kept clear of", (t) => {
  t.is(chooseNumber(new Set(), noRoutes), 0);
  t.is(chooseNumber(new Set([0, 2]), noRoutes), 1);
  t.is(chooseNumber(new Set(), [route("10.43.7.0/24")]), 1);
  t.is(chooseNumber(new Set([1]), [route("10.42.0.0/15")]), 2);
  t.is(chooseNumber(new Set(), [route("172.31.77.0/24")]), 1);
  t.is(chooseNumber(new Set(), [route("0.0.0.0/0")]), 0, "the default route covers everything and takes nothing");
  t.is(chooseNumber(new Set(), [route("10.0.0.0/8"), route("10.42.9.0/24")]), 1, "a wide route can be narrowed");
  const all = new Set(Array.from({ length: numberMax + 1 }, (_, number) => number));
  t.throws(() => chooseNumber(all, noRoutes), { instanceOf: UserError });
});

test("the kernel's table of routes is read in its own order of bytes", (t) => {
  const text = readFileSync("/proc/net/route", "utf8").split("\n")[0]!;
  const lines = [
    "eth0\t00000000\t016433C6\t0003\t0\t0\t0\t00000000\t0\t0\t0",
    "lo\t00002B0A\t0\t1\t0\t0\t0\t0000FFFF\t0\t0\t0",
  ];
  t.deepEqual(parseRoutes([text, ...lines, ""].join("\n")), [route("0.0.0.0/0"), route("10.43.0.0/16")]);
});

test("a cluster's name is a short DNS label", (t) => {
  for (const name of ["a", "dev", "a-1", "a".repeat(20)]) t.is(checkName(name), name);
  for (const name of ["", "A", "a_b", "-a", "a-", "a".repeat(21), "a/b", "../a", "a b", "ä"]) {
    t.is(t.throws(() => checkName(name), { instanceOf: UserError })?.exitCode, 2, name);
  }
});

test("lengths of time are read with their units, and nothing else is", (t) => {
  const cases: Readonly<Record<string, number>> = {
    "60": 60_000,
    "500ms": 500,
    "2m": 120_000,
    "1m30s": 90_000,
    "1h": 3_600_000,
  };
  for (const [words, ms] of Object.entries(cases)) t.is(parseDuration("wait", words), ms, words);
  for (const words of ["", "s", "1x", "-1s", "1.5s", "1s ", "1s2", "∞"]) {
    t.is(t.throws(() => parseDuration("wait", words), { instanceOf: UserError })?.exitCode, 2, words);
  }
});

test("counts, choices and ports are read strictly", (t) => {
  t.is(parseCount("nodes", "3", 100), 3);
  for (const words of ["0", "101", "-1", "1e2", "", "3.0"]) t.throws(() => parseCount("nodes", words, 100));
  t.is(parseChoice("runtime", "simulated", ["containerd", "simulated"]), "simulated");
  t.throws(() => parseChoice("runtime", "docker", ["containerd", "simulated"]));
  t.is(parsePort("65534"), 65_534);
  for (const words of ["0", "65535", "http", "", "80 "]) t.throws(() => parsePort(words), { instanceOf: UserError });
});

test("an unknown word finds the nearest known ones, nearest first", (t) => {
  const known = ["up", "down", "status", "image", "version"];
  t.deepEqual(nearest("stauts", known), ["status"]);
  t.deepEqual(nearest("dwn", known).slice(0, 1), ["down"]);
  t.deepEqual(nearest("kubernetes", known), []);
});

test("the edit distance is a metric: zero only for equal words, symmetric, no shorter way round", (t) => {
  const word = fc.string({ maxLength: 8 });
  t.notThrows(() =>
    fc.assert(
      fc.property(word, word, word, (a, b, c) => {
        const [ab, bc, ac] = [editDistance(a, b), editDistance(b, c), editDistance(a, c)];
        return (ab === 0) === (a === b) && ab === editDistance(b, a) && ac <= ab + bc;
      }),
    ),
  );
});

test("a table's columns are as wide as their longest cell, and no line ends in blanks", (t) => {
  t.is(
    table(
      ["NODE", "READY"],
      [
        ["n1", "yes"],
        ["a-long-name", "no"],
      ],
    ),
    "NODE          READY\nn1            yes\na-long-name   no",
  );
});

test("a process is ours by its arguments, and only the word behind the script is its role", (t) => {
  const node = ["/usr/bin/node", "/x/bin/troupe"];
  const of = (...argv: readonly string[]) => classify(argv, "/d");
  t.deepEqual(of(...node, "server", "--data-dir", "/d"), { role: "server", node: undefined });
  t.deepEqual(of(...node, "agent", "--data-dir", "/d", "--node", "n1"), { role: "agent", node: "n1" });
  t.deepEqual(of("nsenter", "--net=/run/netns/x", ...node, "agent", "--data-dir", "/d", "--node", "n1")?.role, "agent");
  t.is(of(...node, "server", "--data-dir", "/d2"), undefined);
  t.is(of(...node, "up", "--name", "server", "--data-dir", "/d"), undefined);
  t.is(of("vim", "server", "--data-dir", "/d"), undefined);
  t.is(of("/usr/bin/containerd", "-c", "/d/n1/config.toml")?.role, "containerd");
  t.is(of("/usr/bin/containerd", "-c", "/d2/config.toml"), undefined);
  t.is(of("/usr/bin/containerd-shim-runc-v2", "-address", "/d/n1/cd.sock")?.role, "shim");
});

test("a pid that was given anew is another process", (t) => {
  const own = readFileSync("/proc/self/stat", "utf8");
  const { startTicks } = parseStat(own);
  t.true(isAlive({ pid: process.pid, startTicks }));
  t.false(isAlive({ pid: process.pid, startTicks: startTicks - 1 }));
  t.deepEqual(parseStat(`7 (a) b) S ${Array.from({ length: 18 }, () => "0").join(" ")} 99 0`), {
    state: "S",
    startTicks: 99,
  });
  t.deepEqual(processesOf("/nowhere"), []);
});

test("sockets that listen on a port are found in the kernel's table", (t) => {
  const text = [
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
    "   0: 00000000:192B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0",
    "   1: 0100007F:192B 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0",
    "   2: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0",
  ].join("\n");
  t.deepEqual(listeningInodes(text, 6_443), ["4711"]);
  t.deepEqual(listeningInodes(text, 80), ["4713"]);
});

test("a child that keeps dying is started ever later, one that lived is started at once", (t) => {
  let delayMs = backoffMinMs;
  const delays = Array.from({ length: 10 }, () => (delayMs = nextBackoff(delayMs, 5)));
  t.deepEqual(delays.slice(0, 3), [200, 400, 800]);
  t.is(delays.at(-1), backoffMaxMs);
  t.is(nextBackoff(backoffMaxMs, 4_000), backoffMinMs);
});

test("a log beyond its limit is copied aside and emptied, so that who appends goes on", async (t) => {
  const folder = mkdtempSync("/tmp/log-");
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "server.log");
  t.false(await rotateLog(path, 3));
  writeFileSync(path, "four");
  t.false(await rotateLog(path, 4));
  t.true(await rotateLog(path, 3));
  t.is(readFileSync(path, "utf8"), "");
  t.is(readFileSync(`${path}.1`, "utf8"), "four");
});

test("a lock has one holder, and the next one gets it when it is given back", async (t) => {
  const path = `/lock-test-${process.pid}`;
  const held = await tryLock("test", path);
  t.truthy(held);
  t.is(await tryLock("test", path), undefined);
  const order: string[] = [];
  const second = withLock(
    "test",
    path,
    async () => void order.push("second"),
    () => order.push("waits"),
  );
  const other = await tryLock("other", path);
  t.truthy(other, "another matter is another lock");
  order.push("release");
  held?.release();
  other?.release();
  await second;
  t.deepEqual(order.toSorted(), ["release", "second", "waits"]);
  t.is(order.at(-1), "second");
});

test("programs of npm packages are not taken for the system's", (t) => {
  const folders = programFolders("/home/u/troupe/node_modules/.bin:/home/node_modules/.bin::/usr/bin");
  t.deepEqual(folders, ["/usr/bin", "/usr/sbin", "/sbin", "/usr/local/sbin"]);
});
