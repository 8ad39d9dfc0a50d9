/**
 * Loaded into a process in front of everything else (`--import`): its wall clock is ahead of the machine's, or behind
 * it, by the milliseconds that a file holds, looked at ten times a second. Clocks that only go on stay as they are.
 */
import { readFileSync } from "node:fs";

export const steppedClockFile = "TROUPE_TEST_CLOCK";

const lookEveryMs = 100;
const file = process.env[steppedClockFile];

function steppedDate(now: () => number): DateConstructor {
  return new Proxy(Date, {
    apply: () => new Date(now()).toString(),
    construct: (target, args: readonly unknown[]) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args) as Date,
    get: (target, name): unknown => (name === "now" ? now : Reflect.get(target, name)),
  });
}

if (file !== undefined) {
  const real = Date.now;
  let aheadMs = 0;
  const look = (): void => void (aheadMs = Number(readFileSync(file, "utf8")));
  look();
  setInterval(look, lookEveryMs).unref();
  globalThis.Date = steppedDate(() => real() + aheadMs);
}
