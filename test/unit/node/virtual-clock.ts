import type { Clock } from "../../../src/env/env.ts";

/** Time that moves only when told; between two timers all pending promises are run out. */
export interface VirtualClock extends Clock {
  advance(ms: number): Promise<void>;
}

export function virtualClock(): VirtualClock {
  let now = 0;
  let order = 0;
  const queue: { due: number; order: number; run: (() => void) | undefined }[] = [];
  const drain = async (): Promise<void> => {
    for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    wall: () => 1_767_225_600_000 + now,
    mono: () => now,
    after(delayMs, run) {
      order += 1;
      const item: (typeof queue)[number] = { due: now + delayMs, order, run };
      queue.push(item);
      return {
        cancel: () => {
          item.run = undefined;
        },
      };
    },
    async advance(ms) {
      const until = now + ms;
      await drain();
      for (;;) {
        queue.sort((a, b) => a.due - b.due || a.order - b.order);
        while (queue.length > 0 && queue[0]!.run === undefined) queue.shift();
        const [item] = queue;
        if (item === undefined || item.due > until) break;
        queue.shift();
        now = Math.max(now, item.due);
        item.run?.();
        await drain();
      }
      now = until;
    },
  };
}
