import { field, list, object, type ObjectSchema } from "../schema.ts";
import { objectMetaSchema } from "./meta.ts";

export const boundObjectReferenceSchema: ObjectSchema = object(
  "io.k8s.api.authentication.v1.BoundObjectReference",
  "",
  {
    kind: field(1, "string", ""),
    apiVersion: field(2, "string", ""),
    name: field(3, "string", ""),
    uid: field(4, "string", ""),
  },
);

export const tokenRequestSpecSchema: ObjectSchema = object("io.k8s.api.authentication.v1.TokenRequestSpec", "", {
  audiences: field(1, list("atomic", "string"), ""),
  boundObjectRef: field(3, boundObjectReferenceSchema, ""),
  expirationSeconds: field(4, "int64", "", { presence: true }),
});

export const tokenRequestStatusSchema: ObjectSchema = object("io.k8s.api.authentication.v1.TokenRequestStatus", "", {
  token: field(1, "string", ""),
  expirationTimestamp: field(2, "time", ""),
});

export const tokenRequestSchema: ObjectSchema = object("io.k8s.api.authentication.v1.TokenRequest", "", {
  metadata: field(1, objectMetaSchema, ""),
  spec: field(2, tokenRequestSpecSchema, ""),
  status: field(3, tokenRequestStatusSchema, ""),
});
