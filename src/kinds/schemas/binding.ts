import { field, object, type ObjectSchema } from "../schema.ts";
import { objectMetaSchema } from "./meta.ts";
import { objectReferenceSchema } from "./core-shared.ts";

export const bindingSchema: ObjectSchema = object("io.k8s.api.core.v1.Binding", "", {
  metadata: field(1, objectMetaSchema, ""),
  target: field(2, objectReferenceSchema, "", { required: true }),
});
