import { spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { bugs } from "./bugs.ts";
import type { Bug } from "./bugs.ts";

/** Each bug of the ledger is put into a copy of the build, and must be caught there. */
const root = join(import.meta.dirname, "..", "..", "..");
const parts = ["src/util", "src/env", "src/raft", "src/sim", "test/sim", "test/ledger", "test/unit/raft/support"];

async function copyBuild(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "troupe-ledger-"));
  await writeFile(join(folder, "package.json"), '{ "type": "module" }\n');
  for (const part of parts) {
    const filter = (path: string): boolean => !/\.(map|d\.ts|test\.js)$/.test(path);
    await cp(join(root, "dist", part), join(folder, part), { recursive: true, filter });
  }
  return folder;
}

async function plant(folder: string, bug: Bug): Promise<string> {
  const path = join(folder, "src", bug.file);
  const text = await readFile(path, "utf8");
  const pieces = text.split(bug.find);
  if (pieces.length !== 2) throw new Error(`${bug.name}: found ${pieces.length - 1} times in ${bug.file}`);
  await writeFile(path, pieces.join(bug.replace));
  return text;
}

function runNode(args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.once("error", reject);
    child.once("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

function hunt(folder: string, { caughtBy }: Bug): Promise<{ readonly code: number; readonly output: string }> {
  if ("script" in caughtBy) {
    const script = join(root, "test", "golden", "raft", `${caughtBy.script}.txt`);
    return runNode([join(folder, "test/ledger/golden.js"), script]);
  }
  const { runs, firstSeed = 1 } = caughtBy;
  const limits = ["--seed", `${firstSeed}`, "--runs", `${runs}`, "--faults-ms", "25000", "--no-shrink"];
  return runNode([join(folder, "test/sim/main.js"), ...limits]);
}

let folder = "";
test.before(async () => (folder = await copyBuild()));
test.after.always(() => rm(folder, { recursive: true, force: true }));

const only = process.env["TROUPE_BUG"];
for (const bug of bugs.filter(({ name }) => only === undefined || name.includes(only))) {
  test.serial(`caught: ${bug.name}`, async (t) => {
    t.timeout(300_000);
    const before = await plant(folder, bug);
    const { code, output } = await hunt(folder, bug);
    await writeFile(join(folder, "src", bug.file), before);
    const seen = output.split("\n").filter((line) => line.includes("RED") || /violation|Error|does not/.test(line));
    t.log(seen.slice(0, 2).join(" | ").slice(0, 240));
    t.not(code, 0);
  });
}
