import { field, object, type ObjectSchema } from "../schema.ts";
import { deleteOptionsSchema, objectMetaSchema } from "./meta.ts";

export const evictionSchema: ObjectSchema = object("io.k8s.api.policy.v1.Eviction", "", {
  metadata: field(1, objectMetaSchema, ""),
  deleteOptions: field(2, deleteOptionsSchema, ""),
});
