import { field, list, object, type ObjectSchema } from "../schema.ts";
import { objectMetaSchema } from "./meta.ts";
import { localObjectReferenceSchema, objectReferenceSchema } from "./core-shared.ts";

export const serviceAccountSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ServiceAccount",
  "An identity for the processes in pods.",
  {
    metadata: field(1, objectMetaSchema, "Name, namespace, labels and other metadata of the service account."),
    secrets: field(
      2,
      list("map", objectReferenceSchema, {
        keys: ["name"],
        patch: { strategy: "merge", key: "name" },
      }),
      "Secrets that pods of the account may mount where that is enforced; no list of its tokens.",
    ),
    imagePullSecrets: field(
      3,
      list("atomic", localObjectReferenceSchema),
      "Secrets for pulling images, given to pods of the account that name none.",
    ),
    automountServiceAccountToken: field(
      4,
      "bool",
      "If false, pods of the account get no token mounted; a pod's own setting goes first.",
      { presence: true },
    ),
  },
);
