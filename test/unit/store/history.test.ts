// Where a revision lies in a history, for revisions that lie evenly, in bursts and far apart.
import test from "ava";
import fc from "fast-check";
import { History, type HistoryEvent } from "../../../src/store/history.ts";

const gaps = fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 10_000 })), {
  maxLength: 60,
});

test("the event of a revision is found, whichever window is left, and none where there was none", (t) => {
  fc.assert(
    fc.property(gaps, fc.nat(), (between, cut) => {
      const history = new History("things", () => 0);
      const revisions: number[] = [];
      for (const gap of between) revisions.push((revisions.at(-1) ?? 0) + gap);
      for (const revision of revisions) history.append({ revision } as HistoryEvent);
      const floor = revisions[cut % Math.max(1, revisions.length)] ?? 0;
      history.raiseFloor(floor);
      const dropped = history.trim().map(({ revision }) => revision);
      const kept = revisions.filter((revision) => revision > floor);
      t.deepEqual([...dropped, ...kept], revisions);
      for (const revision of revisions.flatMap((each) => [each - 1, each, each + 1])) {
        const found = history.eventOf(revision)?.revision;
        t.is(found, kept.includes(revision) ? revision : undefined);
      }
    }),
    { numRuns: 300 },
  );
});
