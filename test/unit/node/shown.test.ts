import test from "ava";
import { Shown } from "../../../src/node/shown.ts";

interface View {
  readonly key: string;
  readonly state: string;
}

function world(): { readonly states: Map<string, string>; readonly shown: Shown<View>; readonly looks: string[] } {
  const states = new Map([
    ["a", "idle"],
    ["b", "idle"],
  ]);
  const looks: string[] = [];
  const shown = new Shown<View>((key, before) => {
    looks.push(key);
    const state = states.get(key);
    if (state === undefined) return undefined;
    return before?.state === state ? before : { key, state };
  });
  for (const key of states.keys()) shown.moved(key);
  return { states, shown, looks };
}

test("only those that have moved are looked at, and what is unchanged is the same object", (t) => {
  const { states, shown, looks } = world();
  const first = shown.list();
  t.deepEqual(first, [
    { key: "a", state: "idle" },
    { key: "b", state: "idle" },
  ]);
  t.is(shown.list(), first);
  looks.length = 0;
  states.set("b", "running");
  shown.moved("b");
  const second = shown.list();
  t.deepEqual(looks, ["b"]);
  t.not(second, first);
  t.is(second[0], first[0]);
  t.is(second[1]?.state, "running");
});

test("who moved and stands as before changes nothing; who is gone is left out, who is new comes last", (t) => {
  const { states, shown } = world();
  const first = shown.list();
  shown.moved("a");
  t.is(shown.list(), first);
  states.delete("a");
  states.set("c", "new");
  shown.moved("a");
  shown.moved("c");
  t.deepEqual(
    shown.list().map(({ key }) => key),
    ["b", "c"],
  );
});
