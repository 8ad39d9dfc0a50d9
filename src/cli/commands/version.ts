import { spawnSync } from "node:child_process";
import { release } from "node:os";
import type { Command } from "../command.ts";
import { print } from "../output.ts";
import { troupeVersion } from "../versions.ts";

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
