import { field, map, object, type ObjectSchema } from "../schema.ts";
import { objectMetaSchema } from "./meta.ts";

export const secretSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.Secret",
  "Confidential data for pods, by key; up to 1 MiB.",
  {
    metadata: field(1, objectMetaSchema, "Name, namespace, labels and other metadata of the Secret."),
    data: field(2, map("bytes"), "Bytes by key, in base64."),
    type: field(3, "string", "What the Secret is for, such as kubernetes.io/tls; default Opaque, and fixed."),
    stringData: field(4, map("string"), "Texts by key, written into data and over it; never read back."),
    immutable: field(5, "bool", "If true, the Secret's content can never be changed again; default false.", {
      presence: true,
    }),
  },
);
