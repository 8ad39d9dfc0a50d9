import { field, list, object, type ObjectSchema } from "../schema.ts";
import { labelSelectorRequirementSchema, objectMetaSchema } from "./meta.ts";

export const fieldSelectorRequirementSchema: ObjectSchema = object(
  "io.k8s.apimachinery.pkg.apis.meta.v1.FieldSelectorRequirement",
  "",
  {
    key: field(1, "string", "", { required: true }),
    operator: field(2, "string", "", { required: true }),
    values: field(3, list("atomic", "string"), ""),
  },
);

export const fieldSelectorAttributesSchema: ObjectSchema = object(
  "io.k8s.api.authorization.v1.FieldSelectorAttributes",
  "",
  {
    rawSelector: field(1, "string", ""),
    requirements: field(2, list("atomic", fieldSelectorRequirementSchema), ""),
  },
);

export const labelSelectorAttributesSchema: ObjectSchema = object(
  "io.k8s.api.authorization.v1.LabelSelectorAttributes",
  "",
  {
    rawSelector: field(1, "string", ""),
    requirements: field(2, list("atomic", labelSelectorRequirementSchema), ""),
  },
);

export const resourceAttributesSchema: ObjectSchema = object("io.k8s.api.authorization.v1.ResourceAttributes", "", {
  namespace: field(1, "string", ""),
  verb: field(2, "string", ""),
  group: field(3, "string", ""),
  version: field(4, "string", ""),
  resource: field(5, "string", ""),
  subresource: field(6, "string", ""),
  name: field(7, "string", ""),
  fieldSelector: field(8, fieldSelectorAttributesSchema, ""),
  labelSelector: field(9, labelSelectorAttributesSchema, ""),
});

export const nonResourceAttributesSchema: ObjectSchema = object(
  "io.k8s.api.authorization.v1.NonResourceAttributes",
  "",
  {
    path: field(1, "string", ""),
    verb: field(2, "string", ""),
  },
);

export const selfSubjectAccessReviewSpecSchema: ObjectSchema = object(
  "io.k8s.api.authorization.v1.SelfSubjectAccessReviewSpec",
  "",
  {
    resourceAttributes: field(1, resourceAttributesSchema, ""),
    nonResourceAttributes: field(2, nonResourceAttributesSchema, ""),
  },
);

export const subjectAccessReviewStatusSchema: ObjectSchema = object(
  "io.k8s.api.authorization.v1.SubjectAccessReviewStatus",
  "",
  {
    allowed: field(1, "bool", "", { required: true }),
    reason: field(2, "string", ""),
    evaluationError: field(3, "string", ""),
    denied: field(4, "bool", ""),
  },
);

export const selfSubjectAccessReviewSchema: ObjectSchema = object(
  "io.k8s.api.authorization.v1.SelfSubjectAccessReview",
  "",
  {
    metadata: field(1, objectMetaSchema, ""),
    spec: field(2, selfSubjectAccessReviewSpecSchema, "", { required: true }),
    status: field(3, subjectAccessReviewStatusSchema, ""),
  },
);

export const selfSubjectRulesReviewSpecSchema: ObjectSchema = object(
  "io.k8s.api.authorization.v1.SelfSubjectRulesReviewSpec",
  "",
  {
    namespace: field(1, "string", ""),
  },
);

export const resourceRuleSchema: ObjectSchema = object("io.k8s.api.authorization.v1.ResourceRule", "", {
  verbs: field(1, list("atomic", "string"), "", { required: true }),
  apiGroups: field(2, list("atomic", "string"), ""),
  resources: field(3, list("atomic", "string"), ""),
  resourceNames: field(4, list("atomic", "string"), ""),
});

export const nonResourceRuleSchema: ObjectSchema = object("io.k8s.api.authorization.v1.NonResourceRule", "", {
  verbs: field(1, list("atomic", "string"), "", { required: true }),
  nonResourceURLs: field(2, list("atomic", "string"), ""),
});

export const subjectRulesReviewStatusSchema: ObjectSchema = object(
  "io.k8s.api.authorization.v1.SubjectRulesReviewStatus",
  "",
  {
    resourceRules: field(1, list("atomic", resourceRuleSchema), "", { required: true }),
    nonResourceRules: field(2, list("atomic", nonResourceRuleSchema), "", { required: true }),
    incomplete: field(3, "bool", "", { required: true }),
    evaluationError: field(4, "string", ""),
  },
);

export const selfSubjectRulesReviewSchema: ObjectSchema = object(
  "io.k8s.api.authorization.v1.SelfSubjectRulesReview",
  "",
  {
    metadata: field(1, objectMetaSchema, ""),
    spec: field(2, selfSubjectRulesReviewSpecSchema, "", { required: true }),
    status: field(3, subjectRulesReviewStatusSchema, ""),
  },
);
