/**
 * A server that was just started runs code that V8 has not optimised yet, for the first ten or twenty thousand
 * requests, and a follower, which does less, for longer: it is worked until that is over, or for so long that the
 * figures had better say it is not.
 */
import { say } from "./cluster.ts";
import type { Load } from "./load.ts";

const creationsWanted = 40_000;
const roundMs = 4_000;
const roundsMax = 12;

/** `work` keeps 64 requests in flight for that long. */
export async function warmUp(what: string, work: (forMs: number) => Promise<Pick<Load, "count">>): Promise<void> {
  let done = 0;
  let rounds = 0;
  while (done < creationsWanted && rounds < roundsMax) {
    done += (await work(roundMs)).count;
    rounds += 1;
  }
  say(`${what}: warm after ${done} requests in ${(rounds * roundMs) / 1_000} s`);
}
