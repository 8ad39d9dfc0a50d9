import { field, object, type ObjectSchema } from "../schema.ts";
import { objectMetaSchema } from "./meta.ts";

export const scaleSpecSchema: ObjectSchema = object(
  "io.k8s.api.autoscaling.v1.ScaleSpec",
  "How many pods are wanted.",
  {
    replicas: field(1, "int32", "Number of pods wanted of the scaled object."),
  },
);

export const scaleStatusSchema: ObjectSchema = object(
  "io.k8s.api.autoscaling.v1.ScaleStatus",
  "How many pods there are.",
  {
    replicas: field(1, "int32", "Number of pods that the scaled object has.", { required: true }),
    selector: field(2, "string", "Selector of the pods, as text for use in a URL."),
  },
);

export const scaleSchema: ObjectSchema = object(
  "io.k8s.api.autoscaling.v1.Scale",
  "The size of something that can be scaled.",
  {
    metadata: field(1, objectMetaSchema, "Name and other metadata of the scaled object."),
    spec: field(2, scaleSpecSchema, "Size that is wanted."),
    status: field(3, scaleStatusSchema, "Size that was observed; read-only for users."),
  },
);
