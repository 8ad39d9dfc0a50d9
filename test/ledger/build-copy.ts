import { spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bug } from "./bugs.ts";

/**
 * A copy of the build in a folder of its own, into which one bug at a time is put. It has the
 * repository's shape, so that what runs there runs as it does here.
 */
const root: string = join(import.meta.dirname, "..", "..", "..");

export interface BuildCopy extends AsyncDisposable {
  readonly folder: string;
  /** Below `dist`. */
  pathOf(file: string): string;
  /** Runs with the bug, and takes it out again. Rejects where its text is not there exactly once. */
  with<T>(bug: Bug, run: () => Promise<T>): Promise<T>;
}

/** `parts`: folders of `dist`. */
export async function copyBuild(parts: readonly string[]): Promise<BuildCopy> {
  const folder = await mkdtemp(join(tmpdir(), "troupe-ledger-"));
  const filter = (path: string): boolean => !/\.(map|d\.ts)$/.test(path);
  for (const part of parts) await cp(join(root, "dist", part), join(folder, "dist", part), { recursive: true, filter });
  await cp(join(root, "package.json"), join(folder, "package.json"));
  for (const shared of ["node_modules", "proto"]) await symlink(join(root, shared), join(folder, shared));
  const pathOf = (file: string): string => join(folder, "dist", file);
  return {
    folder,
    pathOf,
    async with(bug, run) {
      const path = pathOf(`src/${bug.file}`);
      const text = await readFile(path, "utf8");
      const pieces = text.split(bug.find);
      if (pieces.length !== 2) throw new Error(`${bug.name}: found ${pieces.length - 1} times in ${bug.file}`);
      await writeFile(path, pieces.join(bug.replace));
      try {
        return await run();
      } finally {
        await writeFile(path, text);
      }
    },
    [Symbol.asyncDispose]: async () => rm(folder, { recursive: true, force: true }),
  };
}

export interface Ran {
  readonly code: number;
  readonly output: string;
}

export function runNode(args: readonly string[], cwd: string = root): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.once("error", reject);
    child.once("close", (code) => resolve({ code: code ?? 1, output }));
  });
}
