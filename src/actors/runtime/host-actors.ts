import type { TipStore } from "../../store/store-api.ts";
import type { ActorDirectory } from "./actor.ts";
import type { Breaker } from "./breaker.ts";
import type { KindLookup } from "./codec.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { OpenDirectory } from "./directory.ts";
import type { Evaluator } from "./evaluator.ts";
import { createExplain } from "./explain.ts";
import { factsOf } from "./facts.ts";
import { createObjectViews } from "./object-views.ts";
import type { Quarantine } from "./quarantine.ts";
import type { ReactionTasks } from "./reaction-tasks.ts";
import type { Timers } from "./timers.ts";
import type { Turns } from "./turns.ts";

/** What a host tells of its actors: those of objects, beside whatever else is put into the directory. */
interface HostActorParts {
  readonly store: TipStore;
  readonly kinds: KindLookup;
  readonly breaker: Breaker;
  readonly quarantine: Quarantine;
  readonly deadLetters: DeadLetters;
  readonly timers: Timers;
  readonly directory: OpenDirectory;
  readonly turns: Turns;
  readonly evaluator: Evaluator;
}

export interface HostActorsOptions {
  readonly parts: HostActorParts;
  /** Commands that wait, by object. */
  readonly waiting: () => ReadonlyMap<string, number>;
  readonly retrying: () => ReactionTasks["retrying"];
}

export function openActors(options: HostActorsOptions): ActorDirectory {
  const { store, kinds, breaker, timers, directory, evaluator, deadLetters, turns } = options.parts;
  const views = createObjectViews({ ...options, ...options.parts });
  directory.add(() => views.list());
  directory.addLookup((name) => views.get(name));
  directory.addFacts(() => factsOf(deadLetters, turns));
  const explain = createExplain({ directory, store, kinds, breaker, evaluator, timers });
  return { list: () => directory.list(), get: (name) => directory.get(name), explain };
}
