import { field, list, map, object, type ObjectSchema } from "../schema.ts";
import { objectMetaSchema } from "./meta.ts";

export const userInfoSchema: ObjectSchema = object(
  "io.k8s.api.authentication.v1.UserInfo",
  "A user, as the server knows them.",
  {
    username: field(1, "string", "Name of the user, unique among those who are active."),
    uid: field(2, "string", "Id of the user that no other will ever have; empty if the server has none."),
    groups: field(3, list("atomic", "string"), "Groups to which the user belongs."),
    extra: field(
      4,
      map(list("atomic", "string")),
      "Further facts about the user, by key, from whoever checked the credentials.",
    ),
  },
);

export const selfSubjectReviewStatusSchema: ObjectSchema = object(
  "io.k8s.api.authentication.v1.SelfSubjectReviewStatus",
  "Who it is that asks.",
  {
    userInfo: field(1, userInfoSchema, "The user who asks."),
  },
);

export const selfSubjectReviewSchema: ObjectSchema = object(
  "io.k8s.api.authentication.v1.SelfSubjectReview",
  "Asks the server who the asking user is.",
  {
    metadata: field(1, objectMetaSchema, "Metadata of the request; not stored."),
    status: field(2, selfSubjectReviewStatusSchema, "The user, filled in by the server."),
  },
);
