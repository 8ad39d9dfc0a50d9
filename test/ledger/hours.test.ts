import { spawn } from "node:child_process";
import { join } from "node:path";
import test from "ava";
import { faultKinds } from "../../src/sim/cluster/faults.ts";

/** Ten cluster-hours, one and a half of them of whole masters, without a violation; and everything that can happen did happen. */
const main = join(import.meta.dirname, "..", "sim", "main.js");
const ofLogs = [
  ...faultKinds,
  "snapshot-installed",
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
  "at-append-crash",
  "at-commit-crash",
];
const ofMasters = [
  ...ofLogs,
  "at-apply-crash",
  "at-mailbox-delay",
  "at-mailbox-duplicate",
  "at-mailbox-reorder",
  "cluster-clock-jumped",
  "answer-lost",
  "watch-resumed",
  "watch-expired",
  "bookmark",
  "create-409",
  "replace-409",
  "delete-409",
  "merge-404",
];

interface Hours {
  readonly code: number;
  readonly output: string;
}

/** As `npm run sim` does. */
const roomForNew = ["--min-semi-space-size=64", "--max-semi-space-size=64"];

function simulate(args: readonly string[]): Promise<Hours> {
  const child = spawn(process.execPath, [...roomForNew, main, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  return new Promise((resolve) => child.once("close", (code) => resolve({ code: code ?? 1, output })));
}

/** What was seen, how often. */
function seenIn({ output }: Hours): ReadonlySet<string> {
  const line = output.split("\n").find((each) => each.startsWith("seen: ")) ?? "";
  return new Set(
    line
      .slice(6)
      .split(" ")
      .map((word) => word.slice(0, word.lastIndexOf("="))),
  );
}

const worlds = [
  { name: "masters", hours: 1.5, args: [], wanted: ofMasters },
  { name: "logs", hours: 8.5, args: ["--log"], wanted: [...ofLogs, "snapshot-stalled"] },
] as const;

for (const { name, hours, args, wanted } of worlds) {
  test(`${hours} cluster-hours of ${name} under all faults`, async (t) => {
    t.timeout(3_600_000);
    const halves = await Promise.all(
      [10_000, 20_000].map((seed) => simulate(["--seed", `${seed}`, "--hours", `${hours / 2}`, ...args])),
    );
    for (const { code, output } of halves) t.is(code, 0, output.trimEnd().split("\n").slice(-20).join("\n"));
    const seen = new Set(halves.flatMap((half) => [...seenIn(half)]));
    t.deepEqual(
      wanted.filter((each) => !seen.has(each)),
      [],
    );
    for (const { output } of halves) {
      const [, runs = "0", voids = "0"] = /runs=(\d+) void=(\d+)/.exec(output) ?? [];
      t.true(Number(voids) * 20 < Number(runs), `${voids} of ${runs} runs say nothing`);
    }
  });
}
