import { actorName } from "../../kinds/actor.ts";
import type { ActorDirectory, ActorView } from "./actor.ts";
import type { Chart } from "./chart.ts";

/** Everyone who runs actors adds a source; the API lists them as `actors.troupe.dev`. */
export interface OpenDirectory extends ActorDirectory {
  add(source: () => readonly ActorView[]): void;
  /** Actors that are not listed, but can be asked for by name: those of objects. */
  addLookup(get: (name: string) => ActorView | undefined): void;
  /** What is known of an actor beside what its source tells, by path. */
  addFacts(facts: () => ReadonlyMap<string, ActorFacts>): void;
  /** The machine behind a view's `machine`, where it is none of an object. */
  addChart(name: string, chart: () => Chart): void;
  chartOf(name: string): Chart | undefined;
}

export type ActorFacts = Pick<ActorView, "slowTurns" | "deadLetters" | "lastError">;

export function createDirectory(): OpenDirectory {
  const sources: (() => readonly ActorView[])[] = [];
  const lookups: ((name: string) => ActorView | undefined)[] = [];
  const charts = new Map<string, () => Chart>();
  const factSources: (() => ReadonlyMap<string, ActorFacts>)[] = [];
  const informed = (views: readonly ActorView[]): readonly ActorView[] => {
    const known = factSources.map((facts) => facts());
    if (known.every(({ size }) => size === 0)) return views;
    // What the actor's own source says is newer.
    return views.map((view) => ({ ...Object.assign({}, ...known.map((facts) => facts.get(view.path))), ...view }));
  };
  const list = (): readonly ActorView[] => {
    const views = sources.flatMap((source) => source());
    return named(informed(views.toSorted((left, right) => (left.path < right.path ? -1 : 1))));
  };
  return {
    add: (source) => void sources.push(source),
    addLookup: (get) => void lookups.push(get),
    addFacts: (facts) => void factSources.push(facts),
    addChart: (name, chart) => void charts.set(name, chart),
    chartOf: (name) => charts.get(name)?.(),
    list,
    get(name) {
      const listed = list().find((view) => view.name === name);
      if (listed !== undefined) return listed;
      for (const get of lookups) {
        const view = get(name);
        if (view !== undefined) return { ...informed([view])[0]!, name };
      }
      return undefined;
    },
  };
}

/** Each with a name of its own: paths that differ only in case or uid are counted. */
function named(views: readonly ActorView[]): readonly ActorView[] {
  const used = new Map<string, number>();
  return views.map((view) => {
    const name = actorName(view.path);
    const count = (used.get(name) ?? 0) + 1;
    used.set(name, count);
    return { ...view, name: count === 1 ? name : `${name}.${count}` };
  });
}
