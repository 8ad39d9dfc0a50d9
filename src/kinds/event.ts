import { age } from "../util/duration.ts";
import { byteLength, pathSegment, qualifiedName } from "../util/names.ts";
import type { Millis } from "../util/time.ts";
import { allVerbs, defineKind } from "./define.ts";
import { invalidEach } from "./errors.ts";
import type { FieldErrors } from "./field-errors.ts";
import type { Event } from "./generated/types.ts";
import type { HotRecord, Kind, TableRow } from "./kind.ts";
import { eventSchema } from "./schemas/event.ts";
import { column } from "./table.ts";

/** What happened to an object, told for people; kept for an hour. */

export interface EventHot extends HotRecord {
  /** uid of the object that the Event is about. */
  readonly about: string;
  readonly reason: string;
  /** RFC 3339 of the last time it was seen; the hour of its life counts from there. */
  readonly lastSeen: string | undefined;
}

export const events: Kind = defineKind<Event>({
  id: "events",
  group: "",
  version: "v1",
  kind: "Event",
  plural: "events",
  singular: "event",
  shortNames: ["ev"],
  categories: [],
  scope: "Namespaced",
  verbs: allVerbs,
  storage: "rows",
  description: "A report that something happened to an object; kept for an hour.",
  schema: eventSchema,
  name: pathSegment,
  generation: "none",
  createOnUpdate: true,
  subresources: {},
  defaults: (draft) => {
    draft["involvedObject"] ??= {};
  },
  validate,
  validateUpdate: (object, _old, errors) => validate(object, errors),
  columns: [
    column("Last Seen", "Time since it happened last."),
    column("Type", "Normal, or Warning."),
    column("Reason", "Short word for what happened."),
    column("Object", "The object that it happened to."),
    column("Subobject", "Part of the object, e.g. one container.", { wide: true }),
    column("Source", "Who reported it.", { wide: true }),
    column("Message", "What happened, in a sentence."),
    column("First Seen", "Time since it happened first.", { wide: true }),
    column("Count", "How often it happened.", { wide: true }),
    { ...column("Name", "Name of the Event.", { wide: true }), format: "name" },
  ],
  row,
  selectable: {
    "involvedObject.kind": (object) => object.involvedObject.kind ?? "",
    "involvedObject.namespace": (object) => object.involvedObject.namespace ?? "",
    "involvedObject.name": (object) => object.involvedObject.name ?? "",
    "involvedObject.uid": (object) => object.involvedObject.uid ?? "",
    "involvedObject.apiVersion": (object) => object.involvedObject.apiVersion ?? "",
    "involvedObject.resourceVersion": (object) => object.involvedObject.resourceVersion ?? "",
    "involvedObject.fieldPath": (object) => object.involvedObject.fieldPath ?? "",
    reason: (object) => object.reason ?? "",
    reportingComponent: (object) => object.reportingComponent ?? "",
    source: (object) => object.source?.component ?? object.reportingComponent ?? "",
    type: (object) => object.type ?? "",
  },
  hot: (object) => ({
    about: object.involvedObject.uid ?? "",
    reason: object.reason ?? "",
    lastSeen: lastSeen(object),
  }),
  indexes: {
    about: (hot) => {
      const { about } = hot as EventHot;
      return about === "" ? [] : [about];
    },
  },
  machine: "object",
});

function lastSeen(object: Event): string | undefined {
  return object.series?.lastObservedTime ?? object.lastTimestamp ?? firstSeen(object);
}

function firstSeen(object: Event): string | undefined {
  return object.firstTimestamp ?? object.eventTime;
}

function row(object: Event, now: Millis): TableRow {
  const { involvedObject, source } = object;
  const [component, host] =
    (source?.component ?? "") === "" && (source?.host ?? "") === ""
      ? [object.reportingComponent, object.reportingInstance]
      : [source?.component, source?.host];
  const from = [component ?? "", host ?? ""].filter((part) => part !== "").join(", ");
  return {
    cells: [
      age(lastSeen(object), now),
      object.type ?? "",
      object.reason ?? "",
      `${(involvedObject.kind ?? "").toLowerCase()}/${involvedObject.name ?? ""}`,
      involvedObject.fieldPath ?? "",
      from,
      (object.message ?? "").trim(),
      age(firstSeen(object), now),
      object.series?.count ?? object.count ?? 1,
      object.metadata.name,
    ],
  };
}

function validate(object: Event, errors: FieldErrors): void {
  validateAbout(object, errors);
  // Events with an eventTime come from the newer API, whose rules are stricter.
  if (object.eventTime === undefined) return;
  const controller = object.reportingComponent ?? "";
  if (controller === "") errors.required("reportingComponent");
  invalidEach(errors, "reportingComponent", controller, qualifiedName(controller));
  for (const name of ["reportingInstance", "action", "reason"] as const) {
    const text = object[name] ?? "";
    if (text === "") errors.required(name);
    if (byteLength(text) > 128) errors.invalid(name, "", "can have at most 128 characters");
  }
  if (byteLength(object.message ?? "") > 1024) {
    errors.invalid("message", "", "can have at most 1024 characters");
  }
}

/** An Event about a namespaced object lives in that namespace; one about others in `default`. */
function validateAbout(object: Event, errors: FieldErrors): void {
  const about = object.involvedObject.namespace ?? "";
  const own = object.metadata.namespace ?? "";
  const wrong =
    about === ""
      ? own !== "default" && own !== "" && !(object.eventTime !== undefined && own === "kube-system")
      : object.eventTime === undefined && about !== own;
  if (wrong) errors.invalid("involvedObject.namespace", about, "does not match event.namespace");
}
