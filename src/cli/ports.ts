/** The cluster's two ports on this machine, and who holds one that is taken. */
import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { UserError } from "../util/errors.ts";
import { self } from "./self.ts";

const firstPort = 6_443;
const lastPort = 7_443;
const firstInnerPort = 7_501;
const lastInnerPort = 8_500;

export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen({ port, host: "0.0.0.0", exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

export function parsePort(words: string): number {
  const port = /^\d{1,5}$/.test(words) ? Number(words) : 0;
  if (port >= 1 && port <= 65_534) return port;
  throw new UserError("TRP-0101", `--port ${words} is no port`, {
    cause: new Error("a port is a number from 1 to 65534; gRPC takes the next one"),
    hint: `${self} up --port ${firstPort}`,
    exitCode: 2,
  });
}

/** REST takes the port and gRPC the next. `reserved`: those of other clusters, free or not at this moment. */
export async function choosePorts(wanted: number | undefined, reserved: ReadonlySet<number>): Promise<number> {
  if (wanted !== undefined) {
    const clash = [wanted, wanted + 1].find((port) => reserved.has(port));
    if (clash !== undefined) throw taken(clash, new Error("another cluster of this machine has it, running or not"));
    await requirePorts(wanted);
    return wanted;
  }
  for (let port = firstPort; port < lastPort; port += 2) {
    if (reserved.has(port) || reserved.has(port + 1)) continue;
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
  throw new UserError("TRP-0102", `no free pair of ports between ${firstPort} and ${lastPort}`, {
    hint: `${self} up --port N`,
  });
}

/** Ports for masters behind the forwarder: the first of `length` in a row, for each. */
export async function chooseFreeRuns(
  count: number,
  length: number,
  reserved: ReadonlySet<number>,
): Promise<readonly number[]> {
  const found: number[] = [];
  let first = firstInnerPort;
  for (let port = first; port < lastInnerPort && found.length < count; port += 1) {
    if (reserved.has(port) || !(await isFree(port))) first = port + 1;
    else if (port - first + 1 === length) {
      found.push(first);
      first = port + 1;
    }
  }
  if (found.length === count) return found;
  throw new UserError(
    "TRP-0102",
    `no ${count} times ${length} free ports in a row between ${firstInnerPort} and ${lastInnerPort}`,
    {
      hint: `${self} up --masters 1`,
    },
  );
}

/** Throws if one of the pair is taken, and says by whom as far as /proc tells. */
export async function requirePorts(apiPort: number): Promise<void> {
  for (const port of [apiPort, apiPort + 1]) {
    if (await isFree(port)) continue;
    if (port < 1_024 && process.getuid?.() !== 0) throw taken(port, new Error("ports below 1024 need root"));
    const holder = listenerOf(port);
    throw taken(
      port,
      new Error(
        holder === undefined
          ? "its process cannot be seen by this user"
          : `process ${holder.pid} listens on it: ${holder.command}`,
      ),
    );
  }
}

function taken(port: number, cause: Error): UserError {
  return new UserError("TRP-0102", `port ${port} is taken`, {
    cause,
    hint: `${self} up --port N (a new cluster without --port takes the first free pair)`,
  });
}

export interface Listener {
  readonly pid: number;
  readonly command: string;
}

/** The process that listens on a TCP port of this network namespace, if this user may see it. */
export function listenerOf(port: number): Listener | undefined {
  const inodes = new Set(
    ["tcp", "tcp6"].flatMap((family) => listeningInodes(readOrEmpty(`/proc/net/${family}`), port)),
  );
  if (inodes.size === 0) return undefined;
  for (const entry of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    if (!holdsSocket(`/proc/${entry}/fd`, inodes)) continue;
    const command = readOrEmpty(`/proc/${entry}/cmdline`).replaceAll("\0", " ").trim();
    return { pid: Number(entry), command: command.length > 100 ? `${command.slice(0, 100)}…` : command };
  }
  return undefined;
}

/** Sockets in state LISTEN (0A) on the port, by inode. */
export function listeningInodes(table: string, port: number): readonly string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return table
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(suffix) === true && fields[3] === "0A")
    .flatMap((fields) => (fields[9] === undefined ? [] : [fields[9]]));
}

function holdsSocket(folder: string, inodes: ReadonlySet<string>): boolean {
  const links = attempt(() => readdirSync(folder)) ?? [];
  return links.some((link) => {
    const target = attempt(() => readlinkSync(`${folder}/${link}`)) ?? "";
    return inodes.has(target.slice("socket:[".length, -1));
  });
}

function readOrEmpty(path: string): string {
  return attempt(() => readFileSync(path, "utf8")) ?? "";
}

/** Processes of other users cannot be seen, and any may end while we look. */
function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
