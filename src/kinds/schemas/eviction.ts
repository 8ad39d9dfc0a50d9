import { field, object, type ObjectSchema } from "../schema.ts";
import { deleteOptionsSchema, objectMetaSchema } from "./meta.ts";

export const evictionSchema: ObjectSchema = object(
  "io.k8s.api.policy.v1.Eviction",
  "Asks that a pod leave its node in a well-ordered way.",
  {
    metadata: field(1, objectMetaSchema, "Name and namespace of the pod to evict."),
    deleteOptions: field(2, deleteOptionsSchema, "How the pod is to be deleted."),
  },
);
