import { field, object, type ObjectSchema } from "../schema.ts";
import { objectMetaSchema } from "./meta.ts";

export const scaleSpecSchema: ObjectSchema = object("io.k8s.api.autoscaling.v1.ScaleSpec", "", {
  replicas: field(1, "int32", ""),
});

export const scaleStatusSchema: ObjectSchema = object("io.k8s.api.autoscaling.v1.ScaleStatus", "", {
  replicas: field(1, "int32", "", { required: true }),
  selector: field(2, "string", ""),
});

export const scaleSchema: ObjectSchema = object("io.k8s.api.autoscaling.v1.Scale", "", {
  metadata: field(1, objectMetaSchema, ""),
  spec: field(2, scaleSpecSchema, ""),
  status: field(3, scaleStatusSchema, ""),
});
