// Runs every tier and counts: the last line of the output is `N passed, N failed`, nothing else.
// The numbers come from AVA's own TAP totals; a runner that dies counts as a failure.
import { spawn } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const ava = join(root, "node_modules/ava/entrypoints/cli.mjs");
const lint = [
  ["oxlint", "--type-aware", "--quiet", "src", "test", "bench", "examples"],
  ["oxfmt", "--check", "src", "test", "bench", "examples"],
];

const total = { passed: 0, failed: 0 };

function runTier(name, args) {
  return new Promise((resolve) => {
    const started = Date.now();
    const child = spawn(process.execPath, [ava, "--tap", ...args], {
      cwd: root,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const seen = { passed: 0, failed: 0 };
    let rest = "";
    let inFailure = false;
    child.stdout.setEncoding("utf8");
    child.stdout.on("data", (text) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line.startsWith("ok ")) {
          inFailure = false;
          if (!/# (SKIP|TODO)/i.test(line)) seen.passed += 1;
          else process.stdout.write(`${line}\n`);
        } else if (line.startsWith("not ok ")) {
          inFailure = true;
          seen.failed += 1;
        }
        if (inFailure) process.stdout.write(`${line}\n`);
      }
    });
    child.on("close", (code) => {
      if (code !== 0 && seen.failed === 0) seen.failed = 1;
      total.passed += seen.passed;
      total.failed += seen.failed;
      const seconds = ((Date.now() - started) / 1000).toFixed(1);
      process.stdout.write(`${name}: ${seen.passed} passed, ${seen.failed} failed (${seconds}s)\n`);
      resolve();
    });
  });
}

function runLint([tool, ...args]) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(root, "node_modules/.bin", tool), ...args], {
      cwd: root,
      stdio: ["ignore", "inherit", "inherit"],
    });
    child.on("close", (code) => {
      if (code === 0) total.passed += 1;
      else total.failed += 1;
      process.stdout.write(`${tool}: ${code === 0 ? "clean" : "failed"}\n`);
      resolve();
    });
  });
}

const only = process.argv[2];
if (only === undefined) for (const tool of lint) await runLint(tool);
if (only === undefined || only === "fast") await runTier("fast tiers", []);
if (only === undefined || only === "sim") await runTier("simulator", ["--config", "ava.sim.config.js"]);
if (only === undefined || only === "live") await runTier("live tier", ["--config", "ava.live.config.js"]);
process.stdout.write(`${total.passed} passed, ${total.failed} failed\n`);
process.exitCode = total.failed === 0 ? 0 : 1;
