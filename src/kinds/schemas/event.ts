import { field, object, type ObjectSchema } from "../schema.ts";
import { objectMetaSchema } from "./meta.ts";
import { objectReferenceSchema } from "./core-shared.ts";

export const eventSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.EventSource", "", {
  component: field(1, "string", ""),
  host: field(2, "string", ""),
});

export const eventSeriesSchema: ObjectSchema = object("io.k8s.api.core.v1.EventSeries", "", {
  count: field(1, "int32", ""),
  lastObservedTime: field(2, "microTime", ""),
});

export const eventSchema: ObjectSchema = object("io.k8s.api.core.v1.Event", "", {
  metadata: field(1, objectMetaSchema, "", { required: true }),
  involvedObject: field(2, objectReferenceSchema, "", { required: true }),
  reason: field(3, "string", ""),
  message: field(4, "string", ""),
  source: field(5, eventSourceSchema, ""),
  firstTimestamp: field(6, "time", ""),
  lastTimestamp: field(7, "time", ""),
  count: field(8, "int32", ""),
  type: field(9, "string", ""),
  eventTime: field(10, "microTime", ""),
  series: field(11, eventSeriesSchema, ""),
  action: field(12, "string", ""),
  related: field(13, objectReferenceSchema, ""),
  reportingComponent: field(14, "string", ""),
  reportingInstance: field(15, "string", ""),
});
