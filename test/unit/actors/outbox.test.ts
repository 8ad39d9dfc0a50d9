import test from "ava";
import fc from "fast-check";
import { compareFences, createFenceKeeper, outboxKey, type Fence } from "../../../src/actors/runtime/outbox.ts";

const fence = fc.record({ epoch: fc.nat(2), index: fc.nat(20), position: fc.nat(2) });

test("what an old leader delivered late is refused after the new leader's later message", (t) => {
  const keeper = createFenceKeeper();
  t.true(keeper.accept("pod/a", { epoch: 1, index: 4, position: 0 }));
  t.false(keeper.accept("pod/a", { epoch: 1, index: 3, position: 0 }));
  t.true(keeper.accept("pod/b", { epoch: 1, index: 3, position: 0 }), "another key is not held up");
  t.true(keeper.accept("pod/a", { epoch: 2, index: 1, position: 0 }), "a restore begins above all");
});

test("in any order and with any repetition, what a receiver took per key only goes up, and ends at the highest", (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom("a", "b"), fence)), (sends) => {
      const keeper = createFenceKeeper();
      const taken = new Map<string, Fence[]>();
      for (const [key, sent] of [...sends, ...sends]) {
        if (keeper.accept(key, sent)) taken.set(key, [...(taken.get(key) ?? []), sent]);
      }
      for (const [key, fences] of taken) {
        const all = sends.filter(([name]) => name === key).map(([, sent]) => sent);
        const highest = all.toSorted(compareFences).at(-1)!;
        if (compareFences(fences.at(-1)!, highest) !== 0) return false;
        if (fences.some((one, at) => at > 0 && compareFences(one, fences[at - 1]!) <= 0)) return false;
      }
      return true;
    }),
  );
  t.pass();
});

test("outbox rows of one target lie in the order of their causes", (t) => {
  fc.assert(
    fc.property(fence, fence, (left, right) => {
      const [a, b] = [outboxKey("cloud", left), outboxKey("cloud", right)];
      return Math.sign(compareFences(left, right)) === (a < b ? -1 : a > b ? 1 : 0);
    }),
  );
  t.pass();
});
