/**
 * One command at a time on one thing. A lock is a socket in Linux's abstract namespace: the kernel
 * takes it back when its holder ends, however it ends, so none is ever stale.
 */
import { createHash } from "node:crypto";
import { createServer } from "node:net";
import { UserError } from "../util/errors.ts";
import { say } from "./output.ts";

export interface Lock {
  release(): void;
}

const pollMs = 50;
const patienceMs = 60_000;

/** Undefined: somebody holds it. */
export function tryLock(what: string, path: string): Promise<Lock | undefined> {
  const name = createHash("sha256").update(`${what}\0${path}`).digest("hex").slice(0, 32);
  return new Promise((resolve, reject) => {
    const socket = createServer((stranger) => stranger.destroy());
    socket.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else reject(error);
    });
    socket.listen({ path: `\0troupe-${name}`, exclusive: true }, () => {
      // Holding it keeps nobody alive.
      socket.unref();
      resolve({ release: () => void socket.close() });
    });
  });
}

/** Waits for the one before us; `waits` is told once if there is one. */
export async function withLock<T>(
  what: string,
  path: string,
  run: () => Promise<T>,
  waits: () => void = () => undefined,
): Promise<T> {
  const untilMs = Date.now() + patienceMs;
  let lock = await tryLock(what, path);
  if (lock === undefined) waits();
  while (lock === undefined) {
    if (Date.now() > untilMs) {
      throw new UserError("TRP-0117", `another troupe command has worked on ${path} for ${patienceMs / 1_000} s`, {
        hint: "wait for it, or end it, and try again",
        exitCode: 4,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
    lock = await tryLock(what, path);
  }
  try {
    return await run();
  } finally {
    lock.release();
  }
}

/** One command at a time on the cluster in this folder; who waits is told so. */
export function withClusterLock<T>(dataDir: string, run: () => Promise<T>): Promise<T> {
  return withLock("cluster", dataDir, run, () => say("another troupe command works on this cluster: waiting for it"));
}
