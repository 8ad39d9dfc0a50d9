/** Repeats what may be repeated: a read always; a write only where it cannot have happened, or may happen twice. */
import type { Clock } from "../env/env.ts";
import { StatusError, TransientError } from "../util/errors.ts";
import { clientLimits } from "./limits.ts";

/** `read`: repeated as it likes. `idempotent`: also after an unknown outcome. `once`: only if it was refused unseen. */
export type Repeat = "read" | "idempotent" | "once";

export async function repeating<T>(clock: Clock, repeat: Repeat, run: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await run();
    } catch (error) {
      const waitMs = tries < clientLimits.triesMax ? waitOf(error, repeat, tries) : undefined;
      if (waitMs === undefined) throw error;
      await pause(clock, waitMs);
    }
  }
}

/** How long to wait before the next try; undefined: there must be none. */
export function waitOf(error: unknown, repeat: Repeat, tries: number): number | undefined {
  const backoff = Math.min(clientLimits.backoffMs * 2 ** (tries - 1), clientLimits.backoffMaxMs);
  if (error instanceof TransientError) return repeat === "once" ? undefined : Math.max(backoff, error.retryAfterMs);
  if (!(error instanceof StatusError)) return undefined;
  const { code, reason, details } = error.status;
  const asked = (details?.retryAfterSeconds ?? 0) * 1_000;
  // Refused by a full mailbox or a full door: it was not looked at. An eviction's 429 says something else.
  if (code === 429) return details?.causes === undefined ? Math.max(backoff, asked) : undefined;
  if (repeat === "once") return undefined;
  const isPassing = code === 503 || (code === 504 && reason === "Timeout");
  return isPassing ? Math.max(backoff, asked) : undefined;
}

export function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve);
  });
}
