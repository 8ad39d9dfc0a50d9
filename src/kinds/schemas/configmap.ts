import { field, map, object, type ObjectSchema } from "../schema.ts";
import { objectMetaSchema } from "./meta.ts";

export const configMapSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ConfigMap",
  "Settings for pods, by key; up to 1 MiB.",
  {
    metadata: field(1, objectMetaSchema, "Name, namespace, labels and other metadata of the ConfigMap."),
    data: field(2, map("string"), "Texts by key; a key stands in data or in binaryData, not in both."),
    binaryData: field(3, map("bytes"), "Bytes by key, written in base64."),
    immutable: field(4, "bool", "If true, the ConfigMap's content can never be changed again; default false.", {
      presence: true,
    }),
  },
);
