import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";

/**
 * A process appends to a log on the real disk and prints what is committed; it is killed at random
 * moments, some of them during the start. Each new life checks itself that no entry is torn,
 * missing or out of order, and tells how much it found.
 */
const lives = 20;
const longestLifeMs = 900;

interface Life {
  readonly incarnation: number;
  readonly found: number;
  readonly acknowledged: number;
  readonly code: number | null;
  readonly stderr: string;
}

function live(folder: string, killAfterMs: number): Promise<Life> {
  const script = join(import.meta.dirname, "support", "log-writer.js");
  const child = spawn(process.execPath, [script, folder], { stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const timer = setTimeout(() => child.kill("SIGKILL"), killAfterMs);
  return new Promise((resolve) => {
    child.on("close", (code) => {
      clearTimeout(timer);
      const [, incarnation = "0", found = "0"] = /^start (\d+) (\d+)$/m.exec(stdout) ?? [];
      const acks = [...stdout.matchAll(/^ack (\d+)$/gm)];
      const acknowledged = Number(acks.at(-1)?.[1] ?? found);
      resolve({ incarnation: Number(incarnation), found: Number(found), acknowledged, code, stderr });
    });
  });
}

test("a log that is killed at any moment holds every acknowledged entry, and none is torn", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "troupe-wal-kill-"));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  let acknowledged = 0;
  let incarnation = 0;
  let started = 0;
  for (let n = 0; n < lives; n += 1) {
    const life = await live(folder, 60 + Math.random() * longestLifeMs);
    t.is(life.stderr, "", `life ${n}`);
    t.is(life.code, null, `life ${n} ended by its kill alone`);
    if (life.incarnation === 0) continue;
    started += 1;
    t.true(life.incarnation > incarnation, `life ${n}: incarnation ${life.incarnation}`);
    t.true(life.found >= acknowledged, `life ${n} found ${life.found} of ${acknowledged}`);
    incarnation = life.incarnation;
    acknowledged = life.acknowledged;
  }
  t.log(`${started} of ${lives} lives came up, ${acknowledged} entries`);
  t.true(started >= lives / 2);
  t.true(acknowledged > 1_000);
});
