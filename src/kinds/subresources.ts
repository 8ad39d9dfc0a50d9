import type { ObjectSchema } from "./schema.ts";
import { selfSubjectAccessReviewSchema, selfSubjectRulesReviewSchema } from "./schemas/accessreview.ts";
import { bindingSchema } from "./schemas/binding.ts";
import { evictionSchema } from "./schemas/eviction.ts";
import { deleteOptionsSchema } from "./schemas/meta.ts";
import { scaleSchema } from "./schemas/scale.ts";
import { selfSubjectReviewSchema } from "./schemas/selfsubjectreview.ts";
import { tokenRequestSchema } from "./schemas/tokenrequest.ts";

/** Kinds that are only bodies: of sub-resources, of deletions, of questions about oneself. */
export interface BodyKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly schema: ObjectSchema;
}

/** A question that is answered at once and not stored (`POST` only, cluster-scoped). */
export interface ReviewKind extends BodyKind {
  readonly plural: string;
  readonly singular: string;
}

export const scaleKind: BodyKind = {
  group: "autoscaling",
  version: "v1",
  kind: "Scale",
  schema: scaleSchema,
};

export const bindingKind: BodyKind = {
  group: "",
  version: "v1",
  kind: "Binding",
  schema: bindingSchema,
};

const evictionKind: BodyKind = {
  group: "policy",
  version: "v1",
  kind: "Eviction",
  schema: evictionSchema,
};

export const tokenRequestKind: BodyKind = {
  group: "authentication.k8s.io",
  version: "v1",
  kind: "TokenRequest",
  schema: tokenRequestSchema,
};

/** Sent with any group's version (`v1`, `meta.k8s.io/v1`, `apps/v1` …). */
export const deleteOptionsKind: BodyKind = {
  group: "",
  version: "v1",
  kind: "DeleteOptions",
  schema: deleteOptionsSchema,
};

const selfSubjectReviewKind: ReviewKind = {
  group: "authentication.k8s.io",
  version: "v1",
  kind: "SelfSubjectReview",
  plural: "selfsubjectreviews",
  singular: "selfsubjectreview",
  schema: selfSubjectReviewSchema,
};

/** kubectl before 1.28 asks who it is in versions that came before v1. */
const olderSelfSubjectReviews: readonly ReviewKind[] = ["v1beta1", "v1alpha1"].map((version) => ({
  ...selfSubjectReviewKind,
  version,
}));

const selfSubjectAccessReviewKind: ReviewKind = {
  group: "authorization.k8s.io",
  version: "v1",
  kind: "SelfSubjectAccessReview",
  plural: "selfsubjectaccessreviews",
  singular: "selfsubjectaccessreview",
  schema: selfSubjectAccessReviewSchema,
};

const selfSubjectRulesReviewKind: ReviewKind = {
  group: "authorization.k8s.io",
  version: "v1",
  kind: "SelfSubjectRulesReview",
  plural: "selfsubjectrulesreviews",
  singular: "selfsubjectrulesreview",
  schema: selfSubjectRulesReviewSchema,
};

export const reviewKinds: readonly ReviewKind[] = [
  selfSubjectReviewKind,
  ...olderSelfSubjectReviews,
  selfSubjectAccessReviewKind,
  selfSubjectRulesReviewKind,
];

/** Body of a sub-resource; undefined: it is the object itself (`status`, `ephemeralcontainers` …) or has none. */
export const subresourceBodies: Readonly<Record<string, BodyKind>> = {
  scale: scaleKind,
  binding: bindingKind,
  eviction: evictionKind,
  token: tokenRequestKind,
};
