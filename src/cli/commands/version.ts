import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import type { Command } from "../command.ts";
import { print } from "../output.ts";

export const troupeVersion: string = (
  JSON.parse(readFileSync(join(import.meta.dirname, "../../../../package.json"), "utf8")) as { version: string }
).version;

export const version: Command = {
  name: "version",
  summary: "versions of Troupe, Node and the runtime",
  examples: ["troupe version"],
  options: [],
  run() {
    const containerd = spawnSync("containerd", ["--version"], { encoding: "utf8" });
    print(`troupe      ${troupeVersion}`);
    print(`node        ${process.versions.node}`);
    print(`containerd  ${containerd.status === 0 ? (containerd.stdout.split(" ")[2] ?? "?") : "not installed"}`);
    print(`kernel      ${release()}`);
    return Promise.resolve(0);
  },
};
