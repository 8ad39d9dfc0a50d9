import { field, map, object, type ObjectSchema } from "../schema.ts";
import { objectMetaSchema } from "./meta.ts";

export const configMapSchema: ObjectSchema = object("io.k8s.api.core.v1.ConfigMap", "", {
  metadata: field(1, objectMetaSchema, ""),
  data: field(2, map("string"), ""),
  binaryData: field(3, map("bytes"), ""),
  immutable: field(4, "bool", "", { presence: true }),
});
