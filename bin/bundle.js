#!/usr/bin/env node
// Makes the bundle of the package's entries out of what the compiler has written, and V8's code cache for it
// (docs/decisions/0023). Loading some hundreds of small modules costs a test more than its first cluster.
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const root = join(import.meta.dirname, "..");
const outdir = join(root, "dist", "bundle");
const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
// Every cluster needs xstate. The others are loaded when something asks for them, or never.
const external = Object.keys(dependencies).filter((name) => name !== "xstate");
const entries = ["client", "testing"];
const mainOf = (entry) => join(root, "dist", "src", entry, "main.js");

rmSync(outdir, { recursive: true, force: true });
// One file for both entries, so that an error of one is an instance of the other's class.
await build({
  stdin: {
    contents: entries.map((entry) => `exports.${entry} = () => require(${JSON.stringify(mainOf(entry))});`).join("\n"),
    resolveDir: root,
  },
  outfile: join(outdir, "troupe.cjs"),
  bundle: true,
  format: "cjs",
  platform: "node",
  target: "node20.19",
  // Code out of V8's cache cannot import().
  supported: { "dynamic-import": false },
  define: { "import.meta.url": "bundleUrl" },
  banner: { js: 'const bundleUrl = require("node:url").pathToFileURL(__filename).href;' },
  external,
  sourcemap: true,
  sourcesContent: false,
  logLevel: "warning",
});
for (const entry of entries) {
  const names = Object.keys(await import(mainOf(entry))).join(", ");
  writeFileSync(
    join(outdir, `${entry}.js`),
    `import { fileURLToPath } from "node:url";
import { loadBundle } from "../src/env/real/bundle.js";
const bundle = loadBundle(fileURLToPath(new URL("troupe.cjs", import.meta.url)));
export const { ${names} } = bundle.${entry}();\n`,
  );
}
// A process of its own: what this one has run since it began would be in the cache too.
execFileSync(process.execPath, [join(root, "bin", "code-cache.js"), join(outdir, "troupe.cjs")], { stdio: "inherit" });
