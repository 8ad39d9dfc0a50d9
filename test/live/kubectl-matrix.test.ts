// Every command of kubectl for the kinds that exist says what it says against Kubernetes, with every kubectl found
// here: the oldest and the newest play every session, those between take turns (support/sessions.ts, `playersOf`).
// `TROUPE_KUBECTL_ALL=1` plays everything with all of them.
// What is said is written in test/golden/kubectl; how to read it, in support/sessions.ts.
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { canDrive, createMachine, kubectls, root, type Machine } from "./support/machine.ts";
import {
  expectedOf,
  parseSession,
  playersOf,
  playSession,
  stepsOf,
  writeSession,
  type Session,
  type SessionShell,
} from "./support/sessions.ts";

const folder = join(root, "test/golden/kubectl");
const only = process.env["TROUPE_KUBECTL_ONLY"]?.split(",");
const clients = kubectls().filter(({ version }) => only?.includes(version) ?? true);
const updates = process.env["UPDATE_GOLDEN"] === "1";
/** Every version plays every step: what is written down anew, or when somebody wants to know. */
const all = updates || process.env["TROUPE_KUBECTL_ALL"] === "1";
const sessions = readdirSync(folder)
  .filter((file) => file.endsWith(".txt"))
  .map((file) => file.replace(/\.txt$/, ""));
/** Played on simulated nodes, one for each kubectl; the other sessions need containers. */
const simulated: ReadonlySet<string> = new Set(["nodes", "requests"]);
const atOnce = 8;
const stepTimeoutMs = 90_000;
const giveUpMs = updates ? 10_000 : 90_000;
const live = canDrive ? test.serial : test.serial.skip;

let home: Machine | undefined;
let stage: Machine | undefined;

test.before(async () => {
  if (!canDrive) return;
  home = createMachine();
  stage = createMachine();
  const id = process.pid % 10_000;
  const up = async (machine: Machine, name: string, ...more: readonly string[]): Promise<void> => {
    const ran = await machine.troupe("up", "--name", name, "--data-dir", join(machine.folder, "d"), ...more);
    if (ran.code !== 0) throw new Error(ran.stderr);
  };
  const nodes = String(clients.length);
  await Promise.all([up(home, `mh${id}`), up(stage, `ms${id}`, "--runtime", "simulated", "--nodes", nodes)]);
});
test.after.always(async () => {
  await home?.dispose();
  await stage?.dispose();
});

let free = atOnce;
const waiting: (() => void)[] = [];

/** Not all at once: each kubectl is a process of its own that wants a processor. */
async function inTurn<T>(run: () => Promise<T>): Promise<T> {
  if (free === 0) await new Promise<void>((resolve) => void waiting.push(resolve));
  else free -= 1;
  try {
    return await run();
  } finally {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  }
}

/** A shell whose `kubectl` is of one version and looks at a namespace of its own. */
async function openShell(machine: Machine, session: string, at: number): Promise<SessionShell> {
  const { version, path } = clients[at]!;
  const namespace = `${session}-${version.replace(".", "")}`;
  const own = join(machine.folder, namespace);
  mkdirSync(join(own, "bin"), { recursive: true });
  writeFileSync(join(own, "bin/kubectl"), `#!/bin/sh\nexec ${path} "$@"\n`);
  chmodSync(join(own, "bin/kubectl"), 0o755);
  const config = join(own, "kubeconfig");
  copyFileSync(join(machine.folder, "kubeconfig"), config);
  const env = {
    KUBECONFIG: config,
    PATH: `${own}/bin:${machine.env["PATH"]}`,
    // A cache of discovery of its own: versions ask for different forms.
    HOME: own,
    NS: namespace,
    NODE: `n${at + 1}`,
    IMAGE: "localhost/troupe/busybox:1",
    TERM: "dumb",
    TMPDIR: own,
    // A process that lives for a tenth of a second needs no collection of garbage: a quarter of its time.
    GOGC: "off",
  };
  const run = async (command: string): Promise<{ readonly code: number; readonly text: string }> => {
    const args = ["-c", `cd ${own} && exec 2>&1\n${command}`];
    const ran = await machine.run("sh", args, { timeoutMs: stepTimeoutMs, env });
    return { code: ran.code, text: `${ran.stdout}${ran.stderr}` };
  };
  const ready = await run(
    `kubectl create namespace ${namespace} && kubectl config set-context --current --namespace=${namespace}`,
  );
  if (ready.code !== 0) throw new Error(ready.text);
  return { run, own: { [namespace]: "NS", [own]: "DIR", [env.NODE]: simulated.has(session) ? "NODE" : env.NODE } };
}

function check(session: Session, said: readonly (readonly (string | undefined)[])[]): readonly string[] {
  return stepsOf(session).flatMap((step, at) =>
    clients.flatMap(({ version }, client) => {
      const [expected, heard] = [expectedOf(step, version), said[client]![at]!];
      return heard === undefined || expected === heard
        ? []
        : [`kubectl ${version} $ ${step.command}\n--- is said\n${heard}\n--- expected\n${expected}`];
    }),
  );
}

for (const [turn, name] of sessions.entries()) {
  live(`kubectl says about ${name} what it says against Kubernetes`, async (t) => {
    t.timeout(600_000);
    const file = join(folder, `${name}.txt`);
    const session = parseSession(readFileSync(file, "utf8"));
    const machine = simulated.has(name) ? stage! : home!;
    const versions = clients.map(({ version }) => version);
    const players = all ? stepsOf(session).map(() => new Set(versions)) : playersOf(session, versions, turn);
    const said = await Promise.all(
      versions.map((version, at) =>
        inTurn(async () => {
          if (!players.some((who) => who.has(version))) return players.map(() => undefined);
          const shell = await openShell(machine, name, at);
          return playSession(session, version, { shell, giveUpMs, players });
        }),
      ),
    );
    if (updates) {
      const byStep = stepsOf(session).map(
        (_, at) => new Map(clients.map(({ version }, c) => [version, said[c]![at] ?? ""])),
      );
      writeFileSync(file, writeSession(session, byStep));
    }
    t.deepEqual(updates ? [] : check(session, said), []);
  });
}
