/** Actors as a tree of who restarts whom, and one actor in full. Pure. */
import type { ActorExplanation } from "../actors/runtime/actor.ts";
import type { Actor } from "../kinds/generated/types.ts";
import { age } from "../util/duration.ts";

export type ActorItem = Pick<Actor, "spec" | "status"> & { readonly metadata: { readonly name: string } };

export interface Explanation extends Pick<ActorExplanation, "events" | "timers" | "step"> {
  readonly actor: {
    readonly path: string;
    readonly machine: string;
    readonly version: number;
    readonly state: string;
    readonly status: string;
    readonly restarts: number;
    readonly supervisor: string;
    readonly lastError?: string;
    readonly slowTurns?: number;
    readonly deadLetters?: readonly { readonly event: string; readonly error: string }[];
  };
}

/** One line an actor. `from`: only it and what stands below; actors whose supervisor is not listed are roots. */
export function drawTree(items: readonly ActorItem[], from: string | undefined, nowMs: number): readonly string[] {
  const paths = new Set(items.map(({ spec }) => spec.path));
  const children = new Map<string, ActorItem[]>();
  const roots: ActorItem[] = [];
  for (const item of items) {
    const { path, supervisor = "" } = item.spec;
    if (from === undefined ? !paths.has(supervisor) || supervisor === path : path === from) roots.push(item);
    if (supervisor === path) continue;
    const siblings = children.get(supervisor);
    if (siblings === undefined) children.set(supervisor, [item]);
    else siblings.push(item);
  }
  const lines: string[] = [];
  const draw = (item: ActorItem, first: string, rest: string): void => {
    lines.push(`${first}${lineOf(item, nowMs)}`);
    const below = children.get(item.spec.path) ?? [];
    for (const [at, child] of below.entries()) {
      const isLast = at === below.length - 1;
      draw(child, `${rest}${isLast ? "└─ " : "├─ "}`, `${rest}${isLast ? "   " : "│  "}`);
    }
  };
  for (const item of roots.toSorted((a, b) => (a.spec.path < b.spec.path ? -1 : 1))) draw(item, "", "");
  return lines;
}

function lineOf({ spec, status }: ActorItem, nowMs: number): string {
  const { state = "", since, restarts = 0, mailbox = 0, status: shown = "", lastError } = status ?? {};
  const words = [spec.path.replace(/#.*/, ""), state];
  if (shown !== "live") words.push(shown.toUpperCase());
  if (since !== undefined) words.push(`for ${age(since, nowMs)}`);
  if (restarts > 0) words.push(`${restarts} restart${restarts === 1 ? "" : "s"}`);
  if (mailbox > 0) words.push(`${mailbox} waiting`);
  if ((status?.slowTurns ?? 0) > 0) words.push(`${status!.slowTurns} slow`);
  const letters = status?.deadLetters?.length ?? 0;
  if (letters > 0) words.push(`${letters} dead letter${letters === 1 ? "" : "s"}`);
  if (lastError !== undefined && shown !== "live") words.push(`(${lastError})`);
  return words.filter((word) => word !== "").join("  ");
}

/** One fact a line. */
export function explained({ actor, events, timers, step }: Explanation): readonly string[] {
  const { path, machine, version, state, status, restarts, supervisor, lastError, slowTurns = 0 } = actor;
  const lines = [
    `Path:        ${path}`,
    `Machine:     ${machine}, version ${version}`,
    `State:       ${state} (${status})`,
    `Supervisor:  ${supervisor}`,
    `Restarts:    ${restarts}`,
  ];
  if (lastError !== undefined) lines.push(`Last error:  ${lastError}`);
  if (slowTurns > 0) lines.push(`Slow turns:  ${slowTurns}`);
  for (const { event, error } of actor.deadLetters ?? []) lines.push(`Dead letter: ${event}: ${error}`);
  if (events.length > 0) lines.push(`Takes:       ${events.join(", ")}`);
  for (const { event, due } of timers) lines.push(`Timer:       ${event} at ${due}`);
  if (step !== undefined) lines.push(...stepLines(step));
  return lines;
}

function stepLines({ event, to, ignored, effects, error }: NonNullable<Explanation["step"]>): readonly string[] {
  if (error !== undefined) return [`On ${event}: fails: ${error}`];
  if (ignored) return [`On ${event}: nothing`];
  return [`On ${event}: goes to ${to ?? ""}`, ...effects.map((effect) => `  - ${effect}`)];
}
