import type { DeadLetters } from "./dead-letters.ts";
import type { ActorFacts } from "./directory.ts";
import { shownLettersMax } from "./limits.ts";
import type { Turns } from "./turns.ts";

/** What the replicated state and this leader know of actors beside where they stand. */
export function factsOf(deadLetters: DeadLetters, turns: Turns): ReadonlyMap<string, ActorFacts> {
  const facts = new Map<string, ActorFacts>();
  for (const { path, event, error, at } of deadLetters.all().toReversed()) {
    const { deadLetters: known = [] } = facts.get(path) ?? {};
    if (known.length < shownLettersMax) facts.set(path, { deadLetters: [...known, { event, error, at }] });
  }
  for (const [path, { count, last }] of turns.slow()) {
    facts.set(path, { ...facts.get(path), slowTurns: count, lastError: last });
  }
  return facts;
}
