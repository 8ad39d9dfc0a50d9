import { tooLargeResourceVersion } from "../../kinds/status-errors.ts";
import { limits } from "../limits.ts";
import type { Door } from "./call.ts";
import { parseRevision } from "./list-options.ts";

/**
 * How new the state of a read must be: unset, everything acknowledged before the request
 * (linearizable); `0`, whatever is here; N, at least N.
 */
export async function awaitFreshness(door: Door, resourceVersion: string): Promise<void> {
  if (resourceVersion === "") {
    await door.host.readBarrier();
    return;
  }
  const wanted = parseRevision(resourceVersion);
  if (wanted > door.store.revision) await awaitRevision(door, wanted);
}

/** Waits at most three seconds for a revision of the future. Throws 504. */
async function awaitRevision(door: Door, wanted: number): Promise<void> {
  const { clock } = door.env;
  const deadline = clock.mono() + limits.futureRevisionWaitMs;
  while (door.store.revision < wanted) {
    if (clock.mono() >= deadline) throw tooLargeResourceVersion(wanted, door.store.revision);
    await new Promise<void>((resolve) => clock.after(limits.futureRevisionPollMs, resolve));
  }
}
