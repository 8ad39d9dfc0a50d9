// The watchdog on a real process: an endless loop ends it, and what it evaluated is known afterwards.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { takeCrumb } from "../../src/env/real/watchdog.ts";

const script = join(import.meta.dirname, "support", "stuck.js");

interface Ended {
  readonly signal: NodeJS.Signals | null;
  readonly code: number | null;
  /** From the start of the loop to the end. */
  readonly stuckMs: number;
}

function run(crumbPath: string, mode: string): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, crumbPath, mode], { stdio: ["ignore", "pipe", "pipe"] });
    const guard = setTimeout(() => child.kill("SIGKILL"), 60_000);
    let enteredMs = 0;
    child.stdout.on("data", (text: Buffer) => (enteredMs = Number(/entered (\d+)/.exec(text.toString())?.[1])));
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      clearTimeout(guard);
      resolve({ code, signal, stuckMs: Date.now() - enteredMs });
    });
  });
}

test.serial("an endless loop is ended, and its command is in the crumb file, once", async (t) => {
  const folder = mkdtempSync("/tmp/wd-");
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const crumbPath = join(folder, "crumb");
  const ended = await run(crumbPath, "stuck");
  t.is(ended.signal, "SIGKILL");
  t.true(ended.stuckMs > 1_500 && ended.stuckMs < 10_000, `${ended.stuckMs} ms`);
  t.deepEqual(takeCrumb(crumbPath), { actor: "/ctl/deployment/default/web", event: "plan" });
  t.is(takeCrumb(crumbPath), undefined);
});

test.serial("a process that answers is left alone", async (t) => {
  const folder = mkdtempSync("/tmp/wd-");
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const crumbPath = join(folder, "crumb");
  const ended = await run(crumbPath, "fine");
  t.deepEqual([ended.code, ended.signal], [0, null]);
  t.false(existsSync(crumbPath));
});
