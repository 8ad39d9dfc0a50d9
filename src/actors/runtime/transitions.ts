import type { Clock, Timer } from "../../env/env.ts";
import type { Kind } from "../../kinds/kind.ts";
import type { CommittedStore, WatchChange } from "../../store/store-api.ts";
import type { Millis } from "../../util/time.ts";
import type { ActorTransition, ActorView, FollowOptions } from "./actor.ts";
import type { Breaker } from "./breaker.ts";
import { objectPath } from "./paths.ts";

/**
 * Who goes from which state to which, from now on. Actors of objects are as their committed rows are, so each
 * commit tells of them, in order, on every member. All others (controllers, links, pods of nodes) are looked
 * at now and then: of them a state that was left again meanwhile is not seen.
 *
 * Costs nothing while nobody follows.
 */
export interface TransitionSources {
  readonly store: Pick<CommittedStore, "committed" | "watch">;
  readonly breaker: Pick<Breaker, "active">;
  /** Actors that are not rows. */
  readonly live: () => readonly ActorView[];
  readonly clock: Clock;
  readonly now: () => Millis;
}

/** Answers what ends it. `told` must not throw. */
export function followTransitions(
  sources: TransitionSources,
  { kinds, lookMs }: FollowOptions,
  told: (transitions: readonly ActorTransition[]) => void,
): () => void {
  const { store, clock } = sources;
  const tell = (found: readonly ActorTransition[]): void => {
    if (found.length > 0) told(found);
  };
  const watches = kinds
    .filter(({ storage }) => storage !== "virtual")
    .map((kind) =>
      store.watch(kind.id, store.committed.revision, {
        events: (batch) => tell(batch.flatMap((change) => ofRow(sources, kind, change) ?? [])),
      }),
    );
  let before = byPath(lookMs === undefined ? [] : sources.live());
  let timer: Timer | undefined;
  const look = (everyMs: Millis): void => {
    timer = clock.after(
      everyMs,
      () => {
        const after = byPath(sources.live());
        const at = sources.now();
        const [left, entered] = [before, after];
        before = after;
        look(everyMs);
        tell(ofLive(left, entered, at));
      },
      { daemon: true },
    );
  };
  if (lookMs !== undefined) look(lookMs);
  return () => {
    timer?.cancel();
    for (const watch of watches) watch.close();
  };
}

function ofRow(
  { breaker, now }: TransitionSources,
  kind: Kind,
  { previous, next, revision, now: at }: WatchChange,
): ActorTransition | undefined {
  const row = next ?? previous;
  const def = breaker.active(kind.machine);
  if (row === undefined || def === undefined) return undefined;
  const isSame = previous !== undefined && next !== undefined && previous.hot.deleting === next.hot.deleting;
  if (def.passive === true && isSame) return undefined;
  const [from, to] = [previous, next].map((side) => readOr(() => def.derive(side?.object()).id, "unknown"));
  if (from === to) return undefined;
  return {
    path: objectPath(kind, row, row.hot.uid),
    machine: def.name,
    version: def.version,
    from: from ?? "",
    to: to ?? "",
    event: readOr(() => def.classify(previous?.object(), next?.object())?.type ?? "", ""),
    status: "live",
    at: at ?? now(),
    revision,
  };
}

/** A machine that fails at a row has told that elsewhere. */
function readOr(read: () => string, otherwise: string): string {
  try {
    return read();
  } catch (error) {
    return error instanceof Error ? otherwise : String(error);
  }
}

function byPath(views: readonly ActorView[]): ReadonlyMap<string, ActorView> {
  return new Map(views.filter(({ path }) => !path.startsWith("/obj/")).map((view) => [view.path, view]));
}

function ofLive(
  before: ReadonlyMap<string, ActorView>,
  after: ReadonlyMap<string, ActorView>,
  at: Millis,
): readonly ActorTransition[] {
  const found: ActorTransition[] = [];
  for (const [path, view] of after) {
    const last = before.get(path);
    if (last?.state === view.state && last.status === view.status && last.restarts === view.restarts) continue;
    const { machine, version, status, state: to } = view;
    const event = last === undefined ? "start" : last.restarts < view.restarts ? "restart" : "";
    found.push({ path, machine, version, from: last?.state ?? "", to, event, status, at, revision: 0 });
  }
  for (const [path, { machine, version, state: from }] of before) {
    if (after.has(path)) continue;
    found.push({ path, machine, version, from, to: "", event: "stop", status: "stopped", at, revision: 0 });
  }
  return found;
}
