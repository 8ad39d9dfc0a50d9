/**
 * Loads the bundle of the package's entries (docs/decisions/0023): one file, evaluated once in a process, and beside it
 * V8's code cache, so that a cold process need not compile what every test runs. V8 itself refuses a cache of other
 * flags or of another source; one of another V8 has another name. Without a cache the file is a module like any other,
 * so that Node's own compile cache works on it.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { Script } from "node:vm";

/** What the bundle exports: the entries of the package, each evaluated when it is first asked for. */
export interface Bundle {
  readonly testing: () => object;
  readonly client: () => object;
}

interface BundleModule {
  exports: Bundle;
}

type Body = (exports: Bundle, require: NodeJS.Require, module: BundleModule, file: string, folder: string) => void;

const loaded = new Map<string, Bundle>();

/** @param file - absolute path of the bundle */
export function loadBundle(file: string): Bundle {
  const bundle = loaded.get(file) ?? evaluated(file);
  loaded.set(file, bundle);
  return bundle;
}

/** Beside the bundle. Code differs by machine and by V8. */
export function codeCacheOf(file: string): string {
  return `${file}.${process.arch}-${process.versions.v8}`;
}

/** As Node wraps a CommonJS module. */
export function scriptOf(file: string, cachedData: Buffer | undefined): Script {
  // The bundle is ASCII, and so read the fastest.
  const source = `(function (exports, require, module, __filename, __dirname) {${readFileSync(file, "latin1")}\n})`;
  return new Script(source, { filename: file, ...(cachedData && { cachedData }) });
}

/** What `script` of this file leaves as its exports. */
export function exportsOf(script: Script, file: string): Bundle {
  const module = { exports: {} } as BundleModule;
  const body = script.runInThisContext() as Body;
  body(module.exports, createRequire(file), module, file, dirname(file));
  return module.exports;
}

function evaluated(file: string): Bundle {
  const cachedData = readIfThere(codeCacheOf(file));
  if (cachedData === undefined) return createRequire(import.meta.url)(file) as Bundle;
  return exportsOf(scriptOf(file, cachedData), file);
}

function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
