import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { codeCacheOf, exportsOf, loadBundle, scriptOf } from "../../../src/env/real/bundle.ts";

/** A bundle whose test entry says `word`. */
function sourceSaying(word: string): string {
  return `exports.testing = () => ({ word: "${word}", file: __filename });\n`;
}

function bundleSaying(t: ExecutionContext, word: string): string {
  const folder = mkdtempSync(join(tmpdir(), "troupe-bundle-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "troupe.cjs");
  writeFileSync(file, sourceSaying(word));
  return file;
}

/** As the build writes it: made when the code has run. */
function cacheOf(file: string): Buffer {
  const script = scriptOf(file, undefined);
  exportsOf(script, file).testing();
  return script.createCachedData();
}

test("a bundle runs from V8's code cache", (t) => {
  const file = bundleSaying(t, "cached");
  const cache = cacheOf(file);
  t.false(scriptOf(file, cache).cachedDataRejected);
  writeFileSync(codeCacheOf(file), cache);
  // V8 knows a source by its length: that the old word is said shows where the code comes from.
  writeFileSync(file, sourceSaying("change"));
  t.deepEqual(loadBundle(file).testing(), { word: "cached", file });
});

test("a bundle without a cache is a module", (t) => {
  const file = bundleSaying(t, "plain");
  t.deepEqual(loadBundle(file).testing(), { word: "plain", file });
});

test("a cache of another source and one that is no cache are refused, and the bundle runs", (t) => {
  const changed = bundleSaying(t, "before");
  writeFileSync(codeCacheOf(changed), cacheOf(changed));
  writeFileSync(changed, sourceSaying("and after"));
  t.true(scriptOf(changed, readFileSync(codeCacheOf(changed))).cachedDataRejected);
  t.deepEqual(loadBundle(changed).testing(), { word: "and after", file: changed });

  const spoiled = bundleSaying(t, "spoiled");
  writeFileSync(codeCacheOf(spoiled), "no cache");
  t.deepEqual(loadBundle(spoiled).testing(), { word: "spoiled", file: spoiled });
});

test("a bundle is evaluated once", (t) => {
  const file = bundleSaying(t, "once");
  t.is(loadBundle(file), loadBundle(file));
});
