import { spawn } from "node:child_process";
import { join } from "node:path";
import test from "ava";
import { faultKinds } from "../../src/sim/cluster/faults.ts";

/** Ten cluster-hours without a violation, and everything that can happen did happen. */
const main = join(import.meta.dirname, "..", "sim", "main.js");
const wanted = [
  ...faultKinds,
  "snapshot-installed",
  "snapshot-stalled",
  "wal-damaged",
  "wal-repaired",
  "wal-tail-cut",
  "disk-full",
  "disk-has-room",
  "transferDone",
  "transferRefused",
  "addDone",
  "removeDone",
  "replaceDone",
];

test("ten cluster-hours under all faults", async (t) => {
  t.timeout(1_200_000);
  const child = spawn(process.execPath, [main, "--seed", "10000", "--hours", "10"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const code = await new Promise((resolve) => child.once("close", resolve));
  const lines = output.trimEnd().split("\n");
  t.is(code, 0, lines.slice(-20).join("\n"));
  const seen = new Set(
    (lines.find((line) => line.startsWith("seen: ")) ?? "")
      .slice(6)
      .split(" ")
      .map((word) => word.split("=")[0]),
  );
  t.deepEqual(
    wanted.filter((name) => !seen.has(name)),
    [],
  );
  const [, runs = "0", voids = "0"] = /runs=(\d+) void=(\d+)/.exec(output) ?? [];
  t.true(Number(voids) * 20 < Number(runs), `${voids} of ${runs} runs say nothing`);
});
