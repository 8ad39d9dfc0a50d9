#!/usr/bin/env node
// Makes the bundle of the package's entries out of what the compiler has written (docs/decisions/0023).
// Loading some hundreds of small modules costs a test more than its first cluster.
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const root = join(import.meta.dirname, "..");
const outdir = join(root, "dist", "bundle");
const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
// Every cluster needs xstate. The others are loaded when something asks for them, or never.
const external = Object.keys(dependencies).filter((name) => name !== "xstate");

rmSync(outdir, { recursive: true, force: true });
await build({
  entryPoints: {
    client: join(root, "dist/src/client/main.js"),
    testing: join(root, "dist/src/testing/main.js"),
  },
  outdir,
  bundle: true,
  // What both entries need is there once, so that an error of one is an instance of the other's class.
  splitting: true,
  chunkNames: "parts/[name]-[hash]",
  format: "esm",
  platform: "node",
  target: "node20.19",
  external,
  sourcemap: true,
  sourcesContent: false,
  logLevel: "warning",
});
