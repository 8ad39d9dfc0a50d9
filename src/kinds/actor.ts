import { age } from "../util/duration.ts";
import { pathSegment } from "../util/names.ts";
import { defineKind } from "./define.ts";
import type { Actor } from "./generated/types.ts";
import type { Kind } from "./kind.ts";
import { actorSchema } from "./schemas/actor.ts";
import { column, nameColumn } from "./table.ts";

/**
 * The name of an actor: its path's segments joined by dots, lower case, without uid:
 * `/ctl/deployment` → `ctl.deployment`, `/obj/core/pods/default/web#123` → `obj.core.pods.default.web`.
 * The root of the tree is `root`.
 */
export function actorName(path: string): string {
  const name = path
    .replaceAll(/#[^/]*/g, "")
    .split("/")
    .filter((segment) => segment !== "")
    .join(".")
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]+/g, "-");
  return name === "" ? "root" : name;
}

/** Set on an object while an actor that works for it is in quarantine. */
export const quarantinedCondition = "ActorQuarantined";

/** The actors of this cluster, read-only: computed when they are read, never stored. */

export const actors: Kind = defineKind<Actor>({
  id: "actors.actors.troupe.dev",
  group: "actors.troupe.dev",
  version: "v1",
  kind: "Actor",
  plural: "actors",
  singular: "actor",
  shortNames: [],
  categories: [],
  scope: "Cluster",
  verbs: ["get", "list"],
  storage: "virtual",
  description: "An actor of the control plane: its machine, state, supervisor and mailbox.",
  schema: actorSchema,
  name: pathSegment,
  generation: "none",
  subresources: { others: ["release", "explain", "chart"] },
  columns: [
    { ...nameColumn, name: "Path" },
    column("Machine", "Name of the state machine that it runs."),
    column("Version", "Version of that machine."),
    column("State", "State that the machine is in."),
    column("Since", "Time since it entered that state."),
    column("Restarts", "How often its supervisor restarted it.", { type: "integer" }),
    column("Mailbox", "Events that wait for it.", { type: "integer" }),
    column("Supervisor", "Who restarts it."),
    column("Status", "Running, quarantined, or why it is not."),
    column("Slow Turns", "Turns that took more than 50 ms.", { type: "integer", wide: true }),
    column("Dead Letters", "Events that it failed on for good.", { type: "integer", wide: true }),
    column("Last Error", "What it failed with.", { wide: true }),
  ],
  row: ({ spec, status }, now) => ({
    cells: [
      spec.path,
      spec.machine ?? "",
      spec.version ?? "",
      status?.state ?? "",
      age(status?.since, now),
      status?.restarts ?? 0,
      status?.mailbox ?? 0,
      spec.supervisor ?? "",
      status?.status ?? "",
      status?.slowTurns ?? 0,
      status?.deadLetters?.length ?? 0,
      status?.lastError ?? "",
    ],
  }),
  selectable: {
    "spec.path": ({ spec }) => spec.path,
    "spec.supervisor": ({ spec }) => spec.supervisor ?? "",
    "spec.machine": ({ spec }) => spec.machine ?? "",
    "status.status": ({ status }) => status?.status ?? "",
    "status.state": ({ status }) => status?.state ?? "",
  },
  machine: "object",
});
