/** A fault of this very process: killed, stopped, or with an event loop that stands still. */
import { spawn } from "node:child_process";
import type { Program } from "../program.ts";

export const realProgram: Program = {
  kill: () => void process.kill(process.pid, "SIGKILL"),
  pause(ms) {
    // Nobody can wake itself: a child does, in a session of its own.
    const seconds = (ms / 1_000).toFixed(3);
    const waker = spawn("sh", ["-c", `sleep ${seconds}; kill -CONT ${process.pid}`], {
      detached: true,
      stdio: "ignore",
    });
    waker.once("spawn", () => void process.kill(process.pid, "SIGSTOP"));
    waker.once("error", (error) => process.stderr.write(`fault: nobody would wake this process: ${error.message}\n`));
    waker.unref();
  },
  hang: (ms) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
};
