import { overloads } from "../seats.ts";
import { limits } from "../limits.ts";

/** How many watches are open, in all and of each user. An idle one costs memory and nothing else. */
export interface WatchCounts {
  /** Answers what ends the counting; that may be called once. Throws 429 beyond the bounds. */
  open(user: string): () => void;
}

export function createWatchCounts(): WatchCounts {
  const byUser = new Map<string, number>();
  let all = 0;
  return {
    open: (user) => {
      const own = byUser.get(user) ?? 0;
      if (all >= limits.watchesMax || own >= limits.watchesPerUserMax) throw overloads[0]!;
      byUser.set(user, own + 1);
      all += 1;
      return () => {
        all -= 1;
        const left = (byUser.get(user) ?? 1) - 1;
        if (left === 0) byUser.delete(user);
        else byUser.set(user, left);
      };
    },
  };
}
