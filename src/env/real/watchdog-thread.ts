/** The watchdog's thread (watchdog.ts): a loop of its own that nothing in the main thread can hold up. */
import { writeFileSync } from "node:fs";
import { workerData } from "node:worker_threads";
import type { WatchdogShared } from "./watchdog.ts";

const { state, note, crumbPath, lookMs, looksMax } = workerData as WatchdogShared;
const counters = new Int32Array(state);
const sleeper = new Int32Array(new SharedArrayBuffer(4));
let seen = -1;
let looks = 0;

for (;;) {
  Atomics.wait(sleeper, 0, 0, lookMs);
  const now = Atomics.load(counters, 0);
  looks = now === seen ? looks + 1 : 0;
  seen = now;
  if (looks < looksMax) continue;
  const text = String.fromCharCode(...new Uint16Array(note).subarray(0, Atomics.load(counters, 1)));
  try {
    writeFileSync(crumbPath, text, { mode: 0o600 });
    process.stderr.write(`${JSON.stringify({ level: "error", event: "watchdog.stalled", note: text })}\n`);
  } finally {
    // Neither exit nor abort work from a thread while the main one does not yield.
    process.kill(process.pid, "SIGKILL");
  }
}
