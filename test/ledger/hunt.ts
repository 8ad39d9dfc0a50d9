import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Bug } from "./bugs.ts";
import { copyBuild, runNode, type BuildCopy } from "./build-copy.ts";

/** What the bugs of the log and of masters need of the build. */
export const logParts: readonly string[] = ["src", "test/sim", "test/ledger", "test/unit/raft/support"];

const golden: string = join(import.meta.dirname, "..", "..", "..", "test", "golden", "raft");

/** What was seen of a bug. */
export interface Hunted {
  readonly isCaught: boolean;
  /** One line for people. */
  readonly seen: string;
}

/**
 * Looks for a bug with what its entry names; `isQuick`: runs the tests that are named alone, and does not
 * see which others fail. The copy is as it was afterwards.
 */
export function hunt(
  copy: BuildCopy,
  bug: Bug,
  { isQuick = false }: { readonly isQuick?: boolean } = {},
): Promise<Hunted> {
  const { caughtBy } = bug;
  return copy.with(bug, async () => {
    if ("tests" in caughtBy) return huntByTests(copy, caughtBy, isQuick);
    if ("script" in caughtBy) return byExit(await runNode([copy.pathOf("test/ledger/golden.js"), scriptOf(caughtBy)]));
    const { runs, firstSeed = 1, world = "log" } = caughtBy;
    const limits = ["--seed", `${firstSeed}`, "--runs", `${runs}`, "--faults-ms", "25000", "--no-shrink"];
    if (world === "log") limits.push("--log");
    return byExit(await runNode([copy.pathOf("test/sim/main.js"), ...limits]));
  });
}

const scriptOf = ({ script }: { readonly script: string }): string => join(golden, `${script}.txt`);

function byExit({ code, output }: { readonly code: number; readonly output: string }): Hunted {
  const lines = output.split("\n").filter((line) => line.includes("RED") || /violation|Error|does not/.test(line));
  return { isCaught: code !== 0, seen: lines.slice(0, 2).join(" | ").slice(0, 240) };
}

/** A copy in which the fault tests run. */
export async function copyForFaults(): Promise<BuildCopy> {
  const copy = await copyBuild(["src", "test/faults", "test/cluster"]);
  const config = {
    files: ["dist/test/faults/*.test.js"],
    // Not the bundle, which has no bug.
    nodeArguments: ["--conditions=troupe-sources"],
    workerThreads: false,
    serial: true,
    timeout: "10m",
  };
  await writeFile(join(copy.folder, "ava.config.js"), `export default ${JSON.stringify(config)};\n`);
  return copy;
}

interface ByTests {
  readonly suite: string;
  readonly tests: readonly string[];
}

/** Caught means: of the suite exactly these tests fail. */
async function huntByTests(copy: BuildCopy, { suite, tests }: ByTests, isQuick: boolean): Promise<Hunted> {
  const { failed, passed, output } = await runSuite(copy, suite, isQuick ? tests : []);
  const [missed, also] = [without(tests, failed), without(failed, tests)];
  if (passed.length + failed.length === 0) return { isCaught: false, seen: output.slice(-600) };
  const seen = [
    `${failed.length} of ${failed.length + passed.length} fail`,
    ...missed.map((title) => `passes: ${title}`),
    ...also.map((title) => `fails too: ${title}`),
  ];
  return { isCaught: missed.length + also.length === 0, seen: seen.join("\n    ") };
}

const without = (these: readonly string[], those: readonly string[]): readonly string[] =>
  these.filter((each) => !those.includes(each));

interface SuiteRun {
  readonly passed: readonly string[];
  readonly failed: readonly string[];
  readonly output: string;
}

/** Runs a file of test/faults in the copy; `only` these tests, or all of it. */
async function runSuite(copy: BuildCopy, suite: string, only: readonly string[]): Promise<SuiteRun> {
  const ava = join(copy.folder, "node_modules/ava/entrypoints/cli.mjs");
  const matches = only.flatMap((title) => ["--match", title]);
  const { output } = await runNode([ava, "--tap", ...matches, `dist/test/faults/${suite}.test.js`], copy.folder);
  const titles = (mark: string): readonly string[] =>
    [...output.matchAll(new RegExp(`^${mark} \\d+ - (.*)$`, "gm"))].map(([, title = ""]) => title);
  return { passed: titles("ok"), failed: titles("not ok"), output };
}

/** Titles of the fault tests, by suite. */
export async function faultTitles(): Promise<ReadonlyMap<string, readonly string[]>> {
  const folder = join(import.meta.dirname, "..", "faults");
  const files = (await readdir(folder)).filter((name) => name.endsWith(".test.js")).toSorted();
  const titlesIn = async (name: string): Promise<readonly string[]> => {
    const text = await readFile(join(folder, name), "utf8");
    return [...text.matchAll(/^test\(("(?:[^"\\]|\\.)*")/gm)].map(([, title = ""]) => JSON.parse(title) as string);
  };
  return new Map(
    await Promise.all(files.map(async (name) => [name.replace(".test.js", ""), await titlesIn(name)] as const)),
  );
}
