import { field, map, object, type ObjectSchema } from "../schema.ts";
import { objectMetaSchema } from "./meta.ts";

export const secretSchema: ObjectSchema = object("io.k8s.api.core.v1.Secret", "", {
  metadata: field(1, objectMetaSchema, ""),
  data: field(2, map("bytes"), ""),
  type: field(3, "string", ""),
  stringData: field(4, map("string"), ""),
  immutable: field(5, "bool", "", { presence: true }),
});
