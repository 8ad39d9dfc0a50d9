import { field, list, map, object, type ObjectSchema } from "../schema.ts";
import { objectMetaSchema } from "./meta.ts";

export const userInfoSchema: ObjectSchema = object("io.k8s.api.authentication.v1.UserInfo", "", {
  username: field(1, "string", ""),
  uid: field(2, "string", ""),
  groups: field(3, list("atomic", "string"), ""),
  extra: field(4, map(list("atomic", "string")), ""),
});

export const selfSubjectReviewStatusSchema: ObjectSchema = object(
  "io.k8s.api.authentication.v1.SelfSubjectReviewStatus",
  "",
  {
    userInfo: field(1, userInfoSchema, ""),
  },
);

export const selfSubjectReviewSchema: ObjectSchema = object("io.k8s.api.authentication.v1.SelfSubjectReview", "", {
  metadata: field(1, objectMetaSchema, ""),
  status: field(2, selfSubjectReviewStatusSchema, ""),
});
