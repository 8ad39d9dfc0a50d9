/**
 * A machine of a test's own on this one: a network namespace with a default route, a home, a state
 * folder and a kubeconfig. `troupe up` inside it takes the namespace for the whole network, so tests
 * disturb neither each other nor a cluster that runs here.
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { messageOf } from "../../../src/util/errors.ts";

export const root: string = join(import.meta.dirname, "..", "..", "..", "..");
export const troupe: string = join(root, "bin", "troupe");
export const isRoot: boolean = process.getuid?.() === 0;

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly timeoutMs?: number;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Machine {
  /** The namespace's name under /run/netns. */
  readonly netns: string;
  /** Everything of the test lies below it. Short: it holds socket paths. */
  readonly folder: string;
  /** The address that the default route's link has. */
  readonly address: string;
  readonly env: Readonly<Record<string, string>>;
  /** Runs to the end inside the machine; never rejects for an exit code. Kills at the time-out (90 s). */
  run(file: string, args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** A child inside the machine that the test ends itself. */
  start(file: string, args: readonly string[]): ChildProcess;
  troupe(...args: readonly string[]): Promise<Ran>;
  /** stdout; rejects with stderr if kubectl fails. */
  kubectl(...args: readonly string[]): Promise<string>;
  /** Takes down every cluster that `up` registered here, then the namespace and the folder. */
  dispose(): Promise<void>;
}

let count = 0;
const machines = new Set<Machine>();

/** For those who are told to stop before their end: everything that was started here goes. */
export async function disposeMachines(): Promise<void> {
  for (const machine of machines) await machine.dispose();
}

export function createMachine(options: { readonly kubectl?: string } = {}): Machine {
  count += 1;
  const id = `${process.pid % 10_000}${count}`;
  const netns = `tm${id}`;
  const folder = mkdtempSync("/tmp/tm-");
  const address = "198.51.100.2";
  const ip = (...args: readonly string[]): void => void execFileSync("ip", args, { stdio: "pipe" });
  ip("netns", "add", netns);
  for (const line of [
    "link set lo up",
    "link add up0 type bridge",
    `addr add ${address}/24 dev up0`,
    "link set up0 up",
    "route add default via 198.51.100.1 dev up0",
  ]) {
    ip("-n", netns, ...line.split(" "));
  }
  const env = {
    // npm puts the scripts of packages first, and one of them is called nft.
    PATH: `/usr/sbin:/usr/bin:/sbin:/bin:${process.env["PATH"] ?? ""}`,
    LANG: "C.UTF-8",
    HOME: folder,
    XDG_STATE_HOME: join(folder, "state"),
    KUBECONFIG: join(folder, "kubeconfig"),
  };
  mkdirSync(env.XDG_STATE_HOME);
  const client = options.kubectl ?? kubectls().at(-1)?.path ?? "kubectl";
  const enter = (file: string, args: readonly string[]): readonly string[] => [
    `--net=/run/netns/${netns}`,
    file,
    ...args,
  ];
  const children: ChildProcess[] = [];
  const machine: Machine = {
    netns,
    folder,
    address,
    env,
    run: (file, args, how = {}) => runToEnd(enter(file, args), { ...how, env: { ...env, ...how.env } }),
    start: (file, args) => {
      const child = spawn("nsenter", enter(file, args), { env, stdio: ["pipe", "pipe", "pipe"] });
      children.push(child);
      return child;
    },
    troupe: (...args) => machine.run(process.execPath, [troupe, ...args], { timeoutMs: 120_000 }),
    async kubectl(...args) {
      // A process that lives for a tenth of a second needs no collection of garbage: a quarter of its time.
      const ran = await machine.run(client, args, { env: { GOGC: "off" } });
      if (ran.code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${ran.stderr}${ran.stdout}`);
      return ran.stdout;
    },
    async dispose() {
      machines.delete(machine);
      for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      const registry = join(env.XDG_STATE_HOME, "troupe", "clusters");
      const names = existsSync(registry) ? readdirSync(registry).map((file) => file.replace(/\.json$/, "")) : [];
      for (const name of names) await machine.troupe("down", "--name", name, "--purge");
      execFileSync("ip", ["netns", "del", netns], { stdio: "pipe" });
      rmSync(folder, { recursive: true, force: true });
    },
  };
  machines.add(machine);
  return machine;
}

const runMaxMs = 90_000;

function runToEnd(args: readonly string[], options: RunOptions): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn("nsenter", args, { env: options.env as NodeJS.ProcessEnv, stdio: ["pipe", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    const timer = setTimeout(() => {
      stderr += `\n(killed after ${options.timeoutMs ?? runMaxMs} ms)`;
      child.kill("SIGKILL");
    }, options.timeoutMs ?? runMaxMs);
    child.stdout.on("data", (text: Buffer) => (stdout += text.toString()));
    child.stderr.on("data", (text: Buffer) => (stderr += text.toString()));
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? 137, stdout, stderr });
    });
    // A program that does not read its input may end before it is written.
    child.stdin.on("error", () => child.stdin.destroy());
    child.stdin.end(options.input ?? "");
  });
}

/** kubectl by version, oldest first: from TROUPE_KUBECTL_DIR, else beside the kubectl in PATH with links resolved. */
export function kubectls(): readonly { readonly version: string; readonly path: string }[] {
  const folder = process.env["TROUPE_KUBECTL_DIR"] ?? folderOfKubectl();
  if (folder === undefined) return [];
  const named = readdirSync(folder).flatMap((file) => {
    const version = /^kubectl\.(\d+\.\d+)$/.exec(file)?.[1];
    return version === undefined ? [] : [{ version, path: join(folder, file) }];
  });
  return named.toSorted((a, b) => a.version.localeCompare(b.version, "en", { numeric: true }));
}

function folderOfKubectl(): string | undefined {
  for (const folder of (process.env["PATH"] ?? "").split(":")) {
    const path = join(folder, "kubectl");
    if (folder !== "" && existsSync(path)) return dirname(realpathSync(path));
  }
  return undefined;
}

/**
 * Asks again until it holds; what it said last is in the error at the deadline. The deadline is not what is tested
 * unless it is given: it is long enough for a machine that has much else to do.
 */
export async function until(what: string, holds: () => Promise<boolean>, withinMs = 90_000): Promise<void> {
  const deadlineMs = Date.now() + withinMs;
  let last: unknown;
  // At least once, however late it is by then.
  do {
    const askedMs = Date.now();
    try {
      if (await holds()) return;
      last = undefined;
    } catch (error) {
      last = error;
    }
    // Who asks takes half of a processor at most: what is waited for needs it, too.
    const pauseMs = Math.max(100, Date.now() - askedMs);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  } while (Date.now() < deadlineMs);
  const said = last === undefined ? "" : `; at last: ${messageOf(last)}`;
  throw new Error(`not within ${withinMs} ms: ${what}${said}`, { cause: last });
}

/**
 * A script of a container that waits. It ends at once on TERM, which a first process without a handler does not:
 * to take down a cluster with one of those takes ten seconds.
 */
export const waiting = "trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done";

/** A script for a terminal: its name, then its size, once it is the expected one or after seconds. */
export function sizeOfTerminal(expected: string): string {
  return `tty; for i in $(seq 50); do [ "$(stty size)" = "${expected}" ] && break; sleep 0.1; done; stty size`;
}

/**
 * Whether tests that drive a cluster with kubectl can run here. Where only kubectl lacks they are
 * skipped, which is printed: the recorded transcripts (test/cluster/transcripts.test.ts) cover its
 * requests.
 */
export const canDrive: boolean = isRoot && kubectls().length > 0;
if (isRoot && !canDrive) {
  process.stderr.write("skipped: no kubectl here; TROUPE_KUBECTL_DIR names a folder with kubectl.1.33 and the like\n");
}
