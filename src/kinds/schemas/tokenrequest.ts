import { field, list, object, type ObjectSchema } from "../schema.ts";
import { objectMetaSchema } from "./meta.ts";

export const boundObjectReferenceSchema: ObjectSchema = object(
  "io.k8s.api.authentication.v1.BoundObjectReference",
  "An object with which a token ends.",
  {
    kind: field(1, "string", "Kind of the object, Pod, Secret or Node."),
    apiVersion: field(2, "string", "Group and version of the bound object's kind."),
    name: field(3, "string", "Name of the bound object."),
    uid: field(4, "string", "Unique id of the bound object; absent means that of the present one."),
  },
);

export const tokenRequestSpecSchema: ObjectSchema = object(
  "io.k8s.api.authentication.v1.TokenRequestSpec",
  "What a token should be like.",
  {
    audiences: field(
      1,
      list("atomic", "string"),
      "For whom the token is meant; a receiver who is none of them must refuse it. Default the API server.",
    ),
    boundObjectRef: field(
      3,
      boundObjectReferenceSchema,
      "Object with whose deletion the token ends; absent means only the account itself.",
    ),
    expirationSeconds: field(
      4,
      "int64",
      "Seconds the token should be valid, at least 600; default 3600. The server may give another.",
      { presence: true },
    ),
  },
);

export const tokenRequestStatusSchema: ObjectSchema = object(
  "io.k8s.api.authentication.v1.TokenRequestStatus",
  "The token that was made.",
  {
    token: field(1, "string", "The token itself."),
    expirationTimestamp: field(2, "time", "Time at which the token ends."),
  },
);

export const tokenRequestSchema: ObjectSchema = object(
  "io.k8s.api.authentication.v1.TokenRequest",
  "Asks for a token of a service account.",
  {
    metadata: field(1, objectMetaSchema, "Metadata of the service account's token request; not stored."),
    spec: field(2, tokenRequestSpecSchema, "What the token should be like."),
    status: field(3, tokenRequestStatusSchema, "The token, filled in by the server."),
  },
);
