import { createHash } from "node:crypto";
import { createReadStream, type Dirent, type Stats, watch, watchFile, unwatchFile } from "node:fs";
import * as fs from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";

import type { FileStat, HostFiles } from "../host.ts";

/**
 * The host's files by absolute path. Errors are Node's own, with `code`; `stat` alone answers
 * `undefined` for what is not there, because asking is its purpose.
 */

const pollMs = 1_000;
let parts = 0;

export function realFiles(): HostFiles {
  return {
    read: (path) => fs.readFile(path),
    readText: (path) => fs.readFile(path, "utf8"),
    readRange,
    digest,
    write,
    writeAtomic,
    makeFolder: async (path, options) => {
      await fs.mkdir(path, { recursive: true });
      // mkdir's mode passes through the umask; a volume's mode must be exact.
      if (options?.mode !== undefined) await fs.chmod(path, options.mode);
    },
    remove: (path) => fs.unlink(path),
    removeFolder: (path) => fs.rmdir(path),
    removeAll: (path) => fs.rm(path, { recursive: true, force: true }),
    list: async (path) => (await fs.readdir(path)).sort(),
    stat,
    link: (target, path) => fs.symlink(target, path),
    readLink: (path) => fs.readlink(path),
    rename: (from, to) => fs.rename(from, to),
    chmod: (path, mode) => fs.chmod(path, mode),
    chown: (path, uid, gid) => fs.chown(path, uid, gid),
    realPath: (path) => fs.realpath(path),
    statfs: async (path) => {
      const found = await fs.statfs(path);
      return {
        capacityBytes: found.blocks * found.bsize,
        availableBytes: found.bavail * found.bsize,
        inodes: found.files,
        inodesFree: found.ffree,
      };
    },
    watch: watchOne,
  };
}

async function readRange(path: string, offset: number, length: number): Promise<Uint8Array> {
  const file = await fs.open(path, "r");
  try {
    const buffer = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await file.read(buffer, filled, length - filled, offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  } finally {
    await file.close();
  }
}

async function digest(path: string, offset: number, length: number): Promise<string> {
  const hash = createHash("sha256");
  if (length > 0) {
    await pipeline(createReadStream(path, { start: offset, end: offset + length - 1 }), hash);
  }
  return hash.digest("hex");
}

async function write(
  path: string,
  content: Uint8Array | string,
  options: Parameters<HostFiles["write"]>[2] = {},
): Promise<void> {
  await fs.writeFile(path, content);
  if (options.uid !== undefined || options.gid !== undefined) {
    await fs.chown(path, options.uid ?? -1, options.gid ?? -1);
  }
  // After chown, which may clear the set-id bits.
  if (options.mode !== undefined) await fs.chmod(path, options.mode);
}

async function writeAtomic(
  path: string,
  content: Uint8Array | string,
  options: { readonly mode?: number } = {},
): Promise<void> {
  parts += 1;
  const part = join(dirname(path), `.${basename(path)}.${process.pid}.${parts}.part`);
  const file = await fs.open(part, "w", options.mode ?? 0o644);
  try {
    await file.writeFile(content);
    if (options.mode !== undefined) await file.chmod(options.mode);
    await file.sync();
  } finally {
    await file.close();
  }
  await fs.rename(part, path);
  const folder = await fs.open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function stat(path: string): Promise<FileStat | undefined> {
  try {
    const found = await fs.lstat(path);
    return {
      kind: kindOf(found),
      size: found.size,
      mode: found.mode & 0o7777,
      uid: found.uid,
      gid: found.gid,
      mtimeMs: found.mtimeMs,
      inode: found.ino,
    };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ENOENT" || code === "ENOTDIR";
}

function kindOf(found: Stats | Dirent): FileStat["kind"] {
  if (found.isFile()) return "file";
  if (found.isDirectory()) return "folder";
  if (found.isSymbolicLink()) return "link";
  if (found.isSocket()) return "socket";
  if (found.isCharacterDevice()) return "char";
  if (found.isBlockDevice()) return "block";
  return "other";
}

/**
 * Watches the folder, not the file: a rotated log is a new inode under the old name. Where inotify
 * is used up, looks once a second.
 */
function watchOne(path: string, run: () => void): () => void {
  const name = basename(path);
  try {
    const watcher = watch(dirname(path), (_event, changed) => {
      if (changed === null || changed === name) run();
    });
    // The folder is gone: the watcher ends, the reader finds out by looking.
    watcher.on("error", run);
    return () => watcher.close();
  } catch {
    watchFile(path, { interval: pollMs, persistent: false }, run);
    return () => unwatchFile(path, run);
  }
}
