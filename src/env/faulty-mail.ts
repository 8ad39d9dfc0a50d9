import type { Millis } from "../util/time.ts";
import type { Clock } from "./env.ts";
import type { FaultAction, FaultPort, SeamPoint } from "./faults.ts";

/** A message that was overtaken arrives this much later. */
const overtakenMs: Millis = 20;

/**
 * One message passes its seam: it is carried once, twice, later or never. A message that is out of order
 * comes a moment later than those behind it.
 */
export function passMessage(
  { clock, faults }: { readonly clock: Clock; readonly faults: FaultPort },
  point: SeamPoint,
  carry: () => void,
): void {
  if (faults.enabled) passMail(faults.at(point), clock, carry);
  else carry();
}

/** The same for what was decided already. */
export function passMail(action: FaultAction, clock: Clock, carry: () => void): void {
  switch (action.kind) {
    case "drop":
    case "hang":
      return;
    case "delay":
      return void clock.after(action.ms, carry);
    case "reorder":
      return void clock.after(overtakenMs, carry);
    case "duplicate":
      carry();
      return carry();
    case "none":
    // Only what a test steps through is held: mailboxes.
    case "hold":
    case "crash":
    case "poison":
    case "error":
      return carry();
  }
}
