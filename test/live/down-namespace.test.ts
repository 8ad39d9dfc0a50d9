// A second cluster lives in a namespace of its own on a bridge: `up` that dies behind any of its
// steps, alone or with all that it has started, is taken down to the last link.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import { createMachine, canDrive, root, until, type Machine } from "./support/machine.ts";
import { networkOf } from "./support/network.ts";
import { killHard, leftOvers, pidsOf } from "./support/processes.ts";

const live = canDrive ? test.serial : test.serial.skip;
const id = process.pid % 10_000;
const first = `da${id}`;
const second = `db${id}`;
const everything = ["keeper", "server", "agent", "dns", "containerd", "shim"] as const;
const troupe = join(root, "bin/troupe");

let machine: Machine;
let data: string;
let before: readonly string[];

test.before(async () => {
  if (!canDrive) return;
  machine = createMachine();
  data = join(machine.folder, second);
  // It keeps the machine's own network for itself, also while it is down.
  for (const verb of ["up", "down"]) {
    const ran = await machine.troupe(verb, "--name", first, "--data-dir", join(machine.folder, first));
    if (ran.code !== 0) throw new Error(ran.stderr);
  }
  before = await networkOf(machine);
});
test.after.always(async () => {
  if (canDrive && machine !== undefined) await machine.dispose();
});

const namespaceOf = (): string | undefined => readdirSync("/run/netns").find((name) => name.includes(second));
const isThere = (path: string) => (): boolean => existsSync(join(data, path));
const runs = (role: (typeof everything)[number]) => (): boolean => pidsOf(data, role).length > 0;
const says = async (pattern: RegExp, file: string, ...args: readonly string[]): Promise<boolean> =>
  pattern.test((await machine.run(file, args)).stdout);
const insideSays = async (pattern: RegExp, ...command: readonly string[]): Promise<boolean> => {
  const namespace = namespaceOf();
  return namespace !== undefined && (await says(pattern, "ip", "netns", "exec", namespace, ...command));
};

/** What `up` makes, in the order in which it does: the names of tests, and how each is seen. */
const steps: readonly (readonly [string, () => boolean | Promise<boolean>])[] = [
  ["its record is written", isThere("cluster.json")],
  ["its certificates are there", isThere("pki")],
  ["the keeper runs", runs("keeper")],
  ["the master runs", runs("server")],
  ["the namespace is made", () => namespaceOf() !== undefined],
  ["the bridge is made", () => says(/: tb\d/, "ip", "-o", "link", "show", "type", "bridge")],
  ["the namespace hangs on the bridge", () => says(/master tb\d/, "ip", "-o", "link", "show", "type", "veth")],
  ["the namespace has its route", () => insideSays(/^default via/m, "ip", "route")],
  ["its traffic is translated", () => says(new RegExp(`table ip \\S*${second}`), "nft", "list", "tables")],
  ["the agent runs", runs("agent")],
  ["containerd runs", runs("containerd")],
  ["the proxy has its table", () => insideSays(/^table/m, "nft", "list", "tables")],
  ["DNS runs", runs("dns")],
];

interface Up {
  readonly kill: () => void;
  readonly isOver: () => boolean;
  /** The exit code; undefined: killed. */
  readonly ended: Promise<number | undefined>;
}

function up(): Up {
  const child = machine.start(process.execPath, [troupe, "up", "--name", second, "--data-dir", data]);
  child.stdout!.resume();
  child.stderr!.resume();
  let isOver = false;
  const ended = new Promise<number | undefined>((resolve) => {
    child.once("close", (code) => {
      isOver = true;
      resolve(code ?? undefined);
    });
  });
  return { kill: () => void child.kill("SIGKILL"), isOver: () => isOver, ended };
}

async function nothingIsLeft(t: ExecutionContext, at: string): Promise<void> {
  const ran = await machine.troupe("down", "--name", second, "--purge", "--data-dir", data);
  t.is(ran.code, 0, `${at}: ${ran.stderr}`);
  t.deepEqual(leftOvers(data, second), [], at);
  t.deepEqual(await networkOf(machine), before, at);
  t.is(namespaceOf(), undefined, at);
  t.false(existsSync(data), at);
}

live("a whole one is taken back as a whole", async (t) => {
  t.is(await up().ended, 0);
  // Names are no part of what makes a node Ready.
  for (const [what, holds] of steps) await until(`${what}, once it is up`, async () => holds());
  await nothingIsLeft(t, "whole");
});

for (const [at, [what, holds]] of steps.entries()) {
  // By turns, so that what a keeper goes on with is met as well.
  const alone = at % 2 === 1;
  live(`up that dies when ${what}, ${alone ? "alone" : "with all that it started"}, is taken down`, async (t) => {
    const { kill, isOver, ended } = up();
    while (!isOver() && !(await holds())) await delay(2);
    kill();
    if (!alone) killHard(pidsOf(data, ...everything));
    await ended;
    await nothingIsLeft(t, what);
  });
}
