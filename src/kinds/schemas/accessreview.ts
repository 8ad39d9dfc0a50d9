import { field, list, object, type ObjectSchema } from "../schema.ts";
import { labelSelectorRequirementSchema, objectMetaSchema } from "./meta.ts";

export const fieldSelectorRequirementSchema: ObjectSchema = object(
  "io.k8s.apimachinery.pkg.apis.meta.v1.FieldSelectorRequirement",
  "A condition on one field.",
  {
    key: field(1, "string", "Field that is tested, such as spec.nodeName.", { required: true }),
    operator: field(2, "string", "How the field is tested: In, NotIn, Exists or DoesNotExist.", { required: true }),
    values: field(
      3,
      list("atomic", "string"),
      "Values to test the field against; at least one with In and NotIn, none otherwise.",
    ),
  },
);

export const fieldSelectorAttributesSchema: ObjectSchema = object(
  "io.k8s.api.authorization.v1.FieldSelectorAttributes",
  "The field selector of the request that is asked about; exactly one member is set.",
  {
    rawSelector: field(1, "string", "Field selector as text, as in a URL; not for use by authorizers."),
    requirements: field(
      2,
      list("atomic", fieldSelectorRequirementSchema),
      "Conditions of the field selector, which must all hold.",
    ),
  },
);

export const labelSelectorAttributesSchema: ObjectSchema = object(
  "io.k8s.api.authorization.v1.LabelSelectorAttributes",
  "The label selector of the request that is asked about; exactly one member is set.",
  {
    rawSelector: field(1, "string", "Label selector as text, as in a URL; not for use by authorizers."),
    requirements: field(
      2,
      list("atomic", labelSelectorRequirementSchema),
      "Conditions of the label selector, which must all hold.",
    ),
  },
);

export const resourceAttributesSchema: ObjectSchema = object(
  "io.k8s.api.authorization.v1.ResourceAttributes",
  "A request for a resource that is asked about.",
  {
    namespace: field(1, "string", "Namespace of the request; empty means all, or none for cluster-wide resources."),
    verb: field(
      2,
      "string",
      "What would be done: get, list, watch, create, update, patch, delete, deletecollection or *.",
    ),
    group: field(3, "string", "Group of the resource; empty means the core group, * all."),
    version: field(4, "string", "Version of the resource's group; * means all."),
    resource: field(5, "string", "Resource that is asked about, in the plural; * means all."),
    subresource: field(6, "string", "Sub-resource that is asked about, such as log; empty means none."),
    name: field(7, "string", "Name of one object; empty means any."),
    fieldSelector: field(
      8,
      fieldSelectorAttributesSchema,
      "Field selector that would limit a list, watch or deletecollection.",
    ),
    labelSelector: field(
      9,
      labelSelectorAttributesSchema,
      "Label selector that would limit a list, watch or deletecollection.",
    ),
  },
);

export const nonResourceAttributesSchema: ObjectSchema = object(
  "io.k8s.api.authorization.v1.NonResourceAttributes",
  "A request for something that is no resource, such as /healthz.",
  {
    path: field(1, "string", "Path of the URL that is asked about."),
    verb: field(2, "string", "HTTP method in small letters that is asked about, such as get."),
  },
);

export const selfSubjectAccessReviewSpecSchema: ObjectSchema = object(
  "io.k8s.api.authorization.v1.SelfSubjectAccessReviewSpec",
  "The request that is asked about; exactly one member is set.",
  {
    resourceAttributes: field(1, resourceAttributesSchema, "Asks about a request for a resource."),
    nonResourceAttributes: field(2, nonResourceAttributesSchema, "Asks about a request for some other URL."),
  },
);

export const subjectAccessReviewStatusSchema: ObjectSchema = object(
  "io.k8s.api.authorization.v1.SubjectAccessReviewStatus",
  "Whether the request would be allowed.",
  {
    allowed: field(1, "bool", "If true, the request would be allowed.", { required: true }),
    reason: field(2, "string", "Why it would be allowed or not, for people."),
    evaluationError: field(3, "string", "What went wrong while deciding; the decision may hold all the same."),
    denied: field(
      4,
      "bool",
      "If true, the request is expressly forbidden; false with allowed false means that nobody allows it.",
    ),
  },
);

export const selfSubjectAccessReviewSchema: ObjectSchema = object(
  "io.k8s.api.authorization.v1.SelfSubjectAccessReview",
  "Asks whether the asking user may do something.",
  {
    metadata: field(1, objectMetaSchema, "Metadata of the question; not stored."),
    spec: field(2, selfSubjectAccessReviewSpecSchema, "What the user would do.", { required: true }),
    status: field(3, subjectAccessReviewStatusSchema, "The answer, filled in by the server."),
  },
);

export const selfSubjectRulesReviewSpecSchema: ObjectSchema = object(
  "io.k8s.api.authorization.v1.SelfSubjectRulesReviewSpec",
  "Where the user's rights are asked for.",
  {
    namespace: field(1, "string", "Namespace for which the rules are listed; required."),
  },
);

export const resourceRuleSchema: ObjectSchema = object(
  "io.k8s.api.authorization.v1.ResourceRule",
  "What may be done with some resources.",
  {
    verbs: field(1, list("atomic", "string"), "What may be done with the resources, such as get; * means everything.", {
      required: true,
    }),
    apiGroups: field(2, list("atomic", "string"), "Groups of the resources; * means all."),
    resources: field(3, list("atomic", "string"), "Resources, with sub-resources as pods/log; * means all."),
    resourceNames: field(4, list("atomic", "string"), "Names of the only objects allowed; empty means all."),
  },
);

export const nonResourceRuleSchema: ObjectSchema = object(
  "io.k8s.api.authorization.v1.NonResourceRule",
  "What may be done with some URLs that are no resources.",
  {
    verbs: field(1, list("atomic", "string"), "HTTP methods in small letters that are allowed; * means all.", {
      required: true,
    }),
    nonResourceURLs: field(
      2,
      list("atomic", "string"),
      "Paths that are allowed; a * at the end stands for whatever follows.",
    ),
  },
);

export const subjectRulesReviewStatusSchema: ObjectSchema = object(
  "io.k8s.api.authorization.v1.SubjectRulesReviewStatus",
  "The rules that hold for the user.",
  {
    resourceRules: field(
      1,
      list("atomic", resourceRuleSchema),
      "What the user may do with resources; the order means nothing.",
      { required: true },
    ),
    nonResourceRules: field(
      2,
      list("atomic", nonResourceRuleSchema),
      "What the user may do with other URLs; the order means nothing.",
      { required: true },
    ),
    incomplete: field(3, "bool", "If true, the list lacks rules, because not every authorizer can list them.", {
      required: true,
    }),
    evaluationError: field(4, "string", "What went wrong while listing the rules; the rules listed hold all the same."),
  },
);

export const selfSubjectRulesReviewSchema: ObjectSchema = object(
  "io.k8s.api.authorization.v1.SelfSubjectRulesReview",
  "Asks what the asking user may do in a namespace.",
  {
    metadata: field(1, objectMetaSchema, "Metadata of the review; not stored."),
    spec: field(2, selfSubjectRulesReviewSpecSchema, "Namespace that is asked about.", { required: true }),
    status: field(3, subjectRulesReviewStatusSchema, "The rules, filled in by the server."),
  },
);
