import { field, list, object, type ObjectSchema } from "../schema.ts";
import { objectMetaSchema } from "./meta.ts";
import { localObjectReferenceSchema, objectReferenceSchema } from "./core-shared.ts";

export const serviceAccountSchema: ObjectSchema = object("io.k8s.api.core.v1.ServiceAccount", "", {
  metadata: field(1, objectMetaSchema, ""),
  secrets: field(
    2,
    list("map", objectReferenceSchema, {
      keys: ["name"],
      patch: { strategy: "merge", key: "name" },
    }),
    "",
  ),
  imagePullSecrets: field(3, list("atomic", localObjectReferenceSchema), ""),
  automountServiceAccountToken: field(4, "bool", "", { presence: true }),
});
