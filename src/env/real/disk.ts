import { constants, close, fdatasync, fstat, open, read, writev } from "node:fs";
import * as fs from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { invariant, TransientError } from "../../util/errors.ts";
import type { Disk, DiskFile, OpenMode } from "../env.ts";

/**
 * The data directory on a real disk. A file opened `dsync` is written by one `writev` per call with
 * O_DSYNC: one trip through the thread pool instead of two. Errors keep Node's `code` (EIO, ENOSPC).
 */
export function createRealDisk(root: string): Disk {
  const at = (path: string): string => {
    invariant(
      !path.startsWith("/") && !path.split("/").includes(".."),
      `a disk path is relative and stays below the root: ${path}`,
    );
    return join(root, path);
  };
  return {
    read: (path) => fs.readFile(at(path)),
    writeAtomic: (path, bytes) => writeAtomic(at(path), bytes),
    list: async (folder) => (await fs.readdir(at(folder))).toSorted(),
    exists: (path) => exists(at(path)),
    remove: (path) => fs.rm(at(path), { force: true, recursive: true }),
    rename: (from, to) => fs.rename(at(from), at(to)),
    makeFolder: (path) => makeFolder(at(path)),
    syncFolder: (path) => syncFolder(at(path)),
    open: (path, mode) => openFile(at(path), mode),
  };
}

const openFd = promisify(open);
const closeFd = promisify(close);
const readFd = promisify(read);
const writevFd = promisify(writev);
const datasyncFd = promisify(fdatasync);
const statFd = promisify(fstat);

const FLAGS: Record<OpenMode, number> = {
  read: constants.O_RDONLY,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC,
  dsync: constants.O_RDWR | constants.O_CREAT | constants.O_DSYNC,
};

async function openFile(path: string, mode: OpenMode): Promise<DiskFile> {
  const fd = await openFd(path, FLAGS[mode], 0o600);
  return {
    size: async () => (await statFd(fd)).size,
    read: (offset, length) => readAll(fd, offset, length),
    write: (offset, slices) => writeAll(fd, offset, slices),
    sync: () => datasyncFd(fd),
    close: () => closeFd(fd),
  };
}

async function readAll(fd: number, offset: number, length: number): Promise<Uint8Array> {
  const target = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await readFd(fd, target, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return target.subarray(0, filled);
}

/** A short write is carried on with: the next call then says why (ENOSPC, EIO). */
async function writeAll(fd: number, offset: number, slices: readonly Uint8Array[]): Promise<void> {
  let rest = slices;
  let position = offset;
  let left = slices.reduce((sum, slice) => sum + slice.length, 0);
  while (left > 0) {
    const { bytesWritten } = await writevFd(fd, rest as Uint8Array[], position);
    if (bytesWritten === left) return;
    if (bytesWritten === 0) throw new TransientError("the disk took no byte of a write");
    left -= bytesWritten;
    position += bytesWritten;
    rest = without(rest, bytesWritten);
  }
}

function without(slices: readonly Uint8Array[], count: number): Uint8Array[] {
  const rest: Uint8Array[] = [];
  let skip = count;
  for (const slice of slices) {
    if (skip < slice.length) rest.push(slice.subarray(skip));
    skip = Math.max(0, skip - slice.length);
  }
  return rest;
}

async function writeAtomic(path: string, bytes: Uint8Array): Promise<void> {
  const part = `${path}.part`;
  const file = await openFile(part, "create");
  try {
    await file.write(0, [bytes]);
    await file.sync();
  } finally {
    await file.close();
  }
  await fs.rename(part, path);
  await syncFolder(dirname(path));
}

async function exists(path: string): Promise<boolean> {
  try {
    await fs.access(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

/** Makes the folder and those above it; each new name is synced in its parent. */
async function makeFolder(path: string): Promise<void> {
  const first = await fs.mkdir(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let folder = path; folder.length >= first.length; folder = dirname(folder)) {
    await syncFolder(dirname(folder));
  }
}

async function syncFolder(path: string): Promise<void> {
  const handle = await fs.open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
