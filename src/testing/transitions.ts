/** What a test sees of the actors of its cluster: who goes from which state to which. */
import type { ActorTransition } from "../actors/runtime/actor.ts";
import type { ActorHost } from "../actors/runtime/actor-host.ts";
import type { Clock } from "../env/env.ts";
import type { Millis } from "../util/time.ts";
import { actorName } from "../kinds/actor.ts";
import { kinds } from "../kinds/catalogue.ts";
import { kindOfWord } from "./catalogue.ts";
import type { ActorName, TransitionWish } from "./cluster-api.ts";

/** `/obj/apps/deployments/default/web`, `/ctl/deployment`. Throws for a kind that there is not. */
export function actorPathOf(of: ActorName): string {
  if (typeof of === "string") return of.replace(/#[^/]*$/, "");
  const { group, plural, scope } = kindOfWord(of.kind);
  const namespace = scope === "Cluster" ? "-" : (of.namespace ?? "default");
  return `/obj/${group === "" ? "core" : group}/${plural}/${namespace}/${of.name}`;
}

/**
 * The followers of a test. Rows tell by themselves; the host that they are followed at is another one after
 * each change of the master. Nothing here asks the clock for anything: a run that is watched is the same run.
 */
export class Followers {
  readonly #told = new Set<(transitions: readonly ActorTransition[]) => void>();
  #host: ActorHost | undefined;
  #stop: (() => void) | undefined;

  /** `host`: of the master of now. */
  add(told: (transitions: readonly ActorTransition[]) => void, host: ActorHost | undefined): () => void {
    this.#told.add(told);
    this.follow(host);
    return () => {
      this.#told.delete(told);
      if (this.#told.size === 0) this.#leave();
    };
  }

  follow(host: ActorHost | undefined): void {
    if (this.#told.size === 0 || host === this.#host) return;
    this.#leave();
    this.#host = host;
    this.#stop = host?.actors.follow?.({ kinds }, (found) => {
      for (const told of this.#told) told(found);
    });
  }

  #leave(): void {
    this.#stop?.();
    this.#stop = undefined;
    this.#host = undefined;
  }
}

/** Looks for one transition: those of rows are told, those of another actor are looked for behind each event. */
export class Breakpoint {
  hit: ActorTransition | undefined;
  readonly #path: string;
  readonly #wish: TransitionWish;
  #last: string | undefined;

  constructor(path: string, wish: TransitionWish) {
    this.#path = path;
    this.#wish = wish;
  }

  told(found: readonly ActorTransition[]): void {
    this.hit ??= found.find((each) => each.path.replace(/#[^/]*$/, "") === this.#path && this.#isWanted(each));
  }

  look(host: ActorHost | undefined): void {
    if (this.#path.startsWith("/obj/") || host === undefined) return;
    const view = host.actors.get(actorName(this.#path));
    const [from, to] = [this.#last, view?.state ?? ""];
    this.#last = to;
    if (from === undefined || from === to) return;
    const { machine = "", version = 0, status = "stopped" } = view ?? {};
    const found = { path: this.#path, machine, version, from, to, event: "", status, at: host.now(), revision: 0 };
    if (this.#isWanted(found)) this.hit ??= found;
  }

  #isWanted({ from, to, event }: ActorTransition): boolean {
    const { from: left = from, to: entered = to, event: wanted = event } = this.#wish;
    return left === from && entered === to && wanted === event;
  }
}

/** Stops right behind the event in which it happens. */
export async function breakOn(
  { of, wish, withinMs }: { readonly of: ActorName; readonly wish: TransitionWish; readonly withinMs: Millis },
  followers: Followers,
  world: {
    readonly host: () => ActorHost | undefined;
    readonly clock: Pick<Clock, "mono">;
    readonly pass: (ms: Millis, until: () => boolean) => Promise<void>;
  },
): Promise<ActorTransition> {
  const { clock, host, pass } = world;
  const path = actorPathOf(of);
  const point = new Breakpoint(path, wish);
  const stop = followers.add((found) => point.told(found), host());
  const end = clock.mono() + withinMs;
  const isHit = (): boolean => {
    point.look(host());
    return point.hit !== undefined;
  };
  try {
    while (!isHit() && clock.mono() < end) await pass(Math.min(passMs, end - clock.mono()), isHit);
  } finally {
    stop();
  }
  if (point.hit === undefined) throw new Error(`${path}: no transition ${JSON.stringify(wish)} in ${withinMs} ms`);
  return point.hit;
}

const passMs: Millis = 1_000;
