/**
 * Packages that most processes never need, each dozens of modules and tens of milliseconds of a start: they
 * are loaded when they are first asked for. At once and not by `import()`, whose end is an event of real time:
 * in a virtual cluster it would fall at another moment in each run.
 */
import type * as Protobuf from "protobufjs";
import type * as Yaml from "yaml";

function onDemand<T>(name: string): () => T {
  let loaded: T | undefined;
  return () => (loaded ??= process.getBuiltinModule("node:module").createRequire(import.meta.url)(name) as T);
}

export const yaml: () => typeof Yaml = onDemand("yaml");
export const protobuf: () => typeof Protobuf = onDemand("protobufjs");
