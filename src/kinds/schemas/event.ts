import { field, object, type ObjectSchema } from "../schema.ts";
import { objectMetaSchema } from "./meta.ts";
import { objectReferenceSchema } from "./core-shared.ts";

export const eventSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.EventSource", "Who reported an event.", {
  component: field(1, "string", "Program that reported the event, such as scheduler."),
  host: field(2, "string", "Node on which the program runs; empty if on none."),
});

export const eventSeriesSchema: ObjectSchema = object("io.k8s.api.core.v1.EventSeries", "A row of equal events.", {
  count: field(1, "int32", "Number of events in the row until now."),
  lastObservedTime: field(2, "microTime", "Time of the row's latest event."),
});

export const eventSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.Event",
  "Something that happened to an object; kept for a limited time.",
  {
    metadata: field(1, objectMetaSchema, "Name, namespace and other metadata of the event.", { required: true }),
    involvedObject: field(2, objectReferenceSchema, "Object to which it happened.", { required: true }),
    reason: field(3, "string", "Why it happened, in one word in CamelCase, such as FailedScheduling."),
    message: field(4, "string", "What happened, in a sentence for people."),
    source: field(5, eventSourceSchema, "Who reported it, in the older form."),
    firstTimestamp: field(6, "time", "Time at which it was first seen."),
    lastTimestamp: field(7, "time", "Time at which it was last seen."),
    count: field(8, "int32", "Number of times that it was seen."),
    type: field(9, "string", "Normal, or Warning if it may need attention."),
    eventTime: field(10, "microTime", "Time at which it was first seen, to the microsecond."),
    series: field(11, eventSeriesSchema, "Row of equal events to which it belongs; absent for a single one."),
    action: field(12, "string", "What was done or failed, in one word, such as Binding."),
    related: field(13, objectReferenceSchema, "Second object that took part; absent if none did."),
    reportingComponent: field(14, "string", "Controller that reported it, such as kubernetes.io/kubelet."),
    reportingInstance: field(15, "string", "Which one of the reporting controllers it was."),
  },
);
