import type { TipStore } from "../../store/store-api.ts";
import type { Clock } from "../../env/env.ts";
import type { Millis } from "../../util/time.ts";
import type { ActorDirectory, ActorView } from "./actor.ts";
import type { Breaker } from "./breaker.ts";
import { chartOf, chartOfPart, type Chart } from "./chart.ts";
import type { KindLookup } from "./codec.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { OpenDirectory } from "./directory.ts";
import type { Evaluator } from "./evaluator.ts";
import { createExplain } from "./explain.ts";
import { factsOf } from "./facts.ts";
import { createObjectViews } from "./object-views.ts";
import { addressOf } from "./paths.ts";
import type { Quarantine } from "./quarantine.ts";
import type { ReactionTasks } from "./reaction-tasks.ts";
import type { Timers } from "./timers.ts";
import { followTransitions } from "./transitions.ts";
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
  readonly clock: Clock;
  readonly now: () => Millis;
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
  const chart = (name: string): Chart | undefined => {
    const view = directory.get(name);
    if (view === undefined || view.path.startsWith("/node/")) return undefined;
    const address = addressOf(view.path);
    const def = address && breaker.active(kinds.get(address.kind)?.machine ?? "");
    if (def !== undefined) return chartOf(def.machine, def.name);
    return directory.chartOf(view.machine) ?? chartOfPart(view.machine, view.state);
  };
  return {
    list: () => directory.list(),
    get: (name) => directory.get(name),
    explain,
    chart,
    follow: (of, told) => {
      const live = (): readonly ActorView[] => directory.list();
      return followTransitions({ store, breaker, live, clock: options.clock, now: options.now }, of, told);
    },
  };
}
