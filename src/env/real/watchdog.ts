/**
 * A thread that watches the event loop of the main thread. The loop moves a counter; when the counter
 * has stood still for ten looks in a row (two seconds) the thread writes the note of what was under
 * evaluation to the crumb file and kills the process: an endless loop cannot be interrupted.
 *
 * Looks are counted, not time: a process that was stopped as a whole and goes on is not at fault.
 */
import { rmSync, readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { messageOf } from "../../util/errors.ts";
import type { CrumbNote, Watchdog } from "../watchdog.ts";

export interface RunningWatchdog extends Watchdog {
  stop(): Promise<void>;
}

export interface WatchdogShared {
  /** Two numbers: the loop's counter, and the length of the note. */
  readonly state: SharedArrayBuffer;
  /** The note as text in UTF-16, cut at its end. */
  readonly note: SharedArrayBuffer;
  readonly crumbPath: string;
  readonly lookMs: number;
  readonly looksMax: number;
}

const beatMs = 200;
const lookMs = 200;
const looksMax = 10;
const noteLengthMax = 512;

export function startWatchdog(crumbPath: string): RunningWatchdog {
  const state = new SharedArrayBuffer(8);
  const note = new SharedArrayBuffer(noteLengthMax * 2);
  const [counters, text] = [new Int32Array(state), new Uint16Array(note)];
  const shared: WatchdogShared = { state, note, crumbPath, lookMs, looksMax };
  const worker = new Worker(new URL("watchdog-thread.js", import.meta.url), { workerData: shared });
  worker.unref();
  const beat = setInterval(() => void Atomics.add(counters, 0, 1), beatMs);
  beat.unref();
  return {
    enter({ actor, event }) {
      const length = Math.min(actor.length + 1 + event.length, noteLengthMax);
      for (let at = 0; at < length; at += 1) {
        text[at] =
          at < actor.length
            ? actor.charCodeAt(at)
            : at === actor.length
              ? newline
              : event.charCodeAt(at - actor.length - 1);
      }
      Atomics.store(counters, 1, length);
    },
    async stop() {
      clearInterval(beat);
      await worker.terminate();
    },
  };
}

const newline = 10;

/** The note that the last process left when it was killed, once: the file is removed. */
export function takeCrumb(crumbPath: string): CrumbNote | undefined {
  let text: string;
  try {
    text = readFileSync(crumbPath, "utf8");
  } catch (error) {
    if ((error as { readonly code?: string }).code === "ENOENT") return undefined;
    throw new Error(`${crumbPath} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  rmSync(crumbPath);
  const [actor = "", event = ""] = text.split("\n");
  return actor === "" ? undefined : { actor, event };
}
