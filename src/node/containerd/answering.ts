import type { Clock } from "../../env/env.ts";
import { CriError, type Cri } from "../cri/cri.ts";
import { readyPollMs, readyTimeoutMs } from "./limits.ts";
import { pause } from "./processes.ts";

/**
 * Asks until the runtime answers CRI. `judge` sees every failed call and throws what ends the waiting;
 * `isLate`: the time for it is over.
 */
export async function untilAnswering(
  { cri, clock }: { readonly cri: Cri; readonly clock: Clock },
  judge: (error: CriError, isLate: boolean) => void | Promise<void>,
): Promise<void> {
  const deadline = clock.mono() + readyTimeoutMs;
  for (;;) {
    try {
      await cri.version();
      return;
    } catch (error) {
      if (!(error instanceof CriError)) throw error;
      await judge(error, clock.mono() > deadline);
    }
    await pause(clock, readyPollMs);
  }
}
