import { cpus, hostname, totalmem } from "node:os";

import type { Host } from "../host.ts";
import { realExec } from "./exec.ts";
import { realFiles } from "./files.ts";
import { realNet } from "./net.ts";

/** The machine that this process runs on. */
export function realHost(): Host {
  return {
    exec: realExec(),
    files: realFiles(),
    net: realNet(),
    hostname: hostname(),
    cpus: cpus().length,
    memoryBytes: totalmem(),
  };
}
