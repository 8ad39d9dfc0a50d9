/** Machines and transitions of actors as text. Pure. */
import type { Chart, ChartState } from "../actors/runtime/chart.ts";
import type { TransitionMessage } from "../api/grpc/messages.ts";
import { formatTime } from "../util/time-format.ts";

/** A machine, and where in it the actor is. */
export interface ActorChart extends Chart {
  readonly actor: { readonly path: string; readonly state: string; readonly status: string };
}

/** A Mermaid state diagram; the state of now is marked. */
export function mermaid({ actor, initial, states, transitions }: ActorChart): readonly string[] {
  const lines = [`%% ${actor.path}: ${actor.state} (${actor.status})`, "stateDiagram-v2"];
  const draw = (parent: ChartState | undefined, indent: string): void => {
    const inner = states.filter(({ id }) => parentOf(id) === (parent?.id ?? ""));
    const first = parent === undefined ? topOf(initial) : parent.initial;
    if (first !== undefined && first !== "" && parent?.type !== "parallel")
      lines.push(`${indent}[*] --> ${nameOf(first)}`);
    for (const [at, state] of inner.entries()) {
      if (parent?.type === "parallel" && at > 0) lines.push(`${indent}--`);
      lines.push(`${indent}state "${state.id.slice(state.id.lastIndexOf(".") + 1)}" as ${nameOf(state.id)}`);
      if (state.type === "compound" || state.type === "parallel") {
        lines.push(`${indent}state ${nameOf(state.id)} {`);
        draw(state, `${indent}  `);
        lines.push(`${indent}}`);
      }
      if (state.type === "final") lines.push(`${indent}${nameOf(state.id)} --> [*]`);
    }
  };
  draw(undefined, "  ");
  if (transitions.some(({ from, to }) => from === "" && to !== undefined))
    lines.push('  state "any state" as any_state');
  for (const { from, to, event, guard } of transitions) {
    if (to === undefined) continue;
    const words = guard === undefined ? event : `${event} [${guard}]`;
    lines.push(`  ${from === "" ? "any_state" : nameOf(from)} --> ${nameOf(to)}: ${words}`);
  }
  const here = states.find(({ id }) => id === actor.state || id.endsWith(`.${actor.state}`));
  if (here !== undefined) lines.push("  classDef here fill:#fd6,stroke:#840", `  class ${nameOf(here.id)} here`);
  return lines;
}

/** One line: when, who, from where to where, and why. */
export function drawTransition({ at, path, from, to, event, status }: TransitionMessage): string {
  const why = event === "" ? "" : `  on ${event}`;
  const shown = status === "live" ? "" : `  ${status.toUpperCase()}`;
  const way = from === to ? to : `${from || "(new)"} → ${to || "(gone)"}`;
  return `${formatTime(at)}  ${path.replace(/#.*/, "")}  ${way}${why}${shown}`;
}

function nameOf(id: string): string {
  return id.replaceAll(/[^A-Za-z0-9]+/g, "_");
}

function parentOf(id: string): string {
  return id.includes(".") ? id.slice(0, id.lastIndexOf(".")) : "";
}

function topOf(id: string): string {
  return id.split(".")[0] ?? id;
}
