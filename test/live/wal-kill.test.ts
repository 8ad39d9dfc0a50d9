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

interface Kill {
  /** What the time counts from: the process's birth, or its first word. */
  readonly from: "spawn" | "start";
  readonly afterMs: number;
}

function live(folder: string, kill: Kill): Promise<Life> {
  const script = join(import.meta.dirname, "support", "log-writer.js");
  const child = spawn(process.execPath, [script, folder], { stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  let timer: NodeJS.Timeout | undefined;
  const arm = (): void => void (timer ??= setTimeout(() => child.kill("SIGKILL"), kill.afterMs));
  if (kill.from === "spawn") arm();
  else child.stdout.on("data", () => (/^start /m.test(stdout) ? arm() : undefined));
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

test.serial("a log that is killed at any moment holds every acknowledged entry, and none is torn", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "troupe-wal-kill-"));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  let acknowledged = 0;
  let incarnation = 0;
  let started = 0;
  for (let n = 0; n < lives; n += 1) {
    // Every other life is killed at any moment, its start included; the others once they append.
    const from = n % 2 === 0 ? "start" : "spawn";
    const life = await live(folder, { from, afterMs: Math.random() * longestLifeMs });
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
  t.true(acknowledged > 0);
});
