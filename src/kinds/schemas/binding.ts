import { field, object, type ObjectSchema } from "../schema.ts";
import { objectMetaSchema } from "./meta.ts";
import { objectReferenceSchema } from "./core-shared.ts";

export const bindingSchema: ObjectSchema = object("io.k8s.api.core.v1.Binding", "Places a pod on a node.", {
  metadata: field(1, objectMetaSchema, "Name and namespace of the pod to place."),
  target: field(2, objectReferenceSchema, "Node on which the pod is placed; its kind is Node.", { required: true }),
});
