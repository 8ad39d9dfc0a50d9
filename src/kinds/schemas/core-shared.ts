import { field, list, object, type ObjectSchema } from "../schema.ts";

export const localObjectReferenceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.LocalObjectReference",
  "The name of an object in the same namespace.",
  {
    name: field(1, "string", "Name of the object that is referred to, in the same namespace."),
  },
  { atomic: true },
);

export const objectReferenceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ObjectReference",
  "An object that is meant, as precisely as the members say.",
  {
    kind: field(1, "string", "Kind of the object that is meant."),
    namespace: field(2, "string", "Namespace of the object that is meant; empty for cluster-wide ones."),
    name: field(3, "string", "Name of the object that is meant."),
    uid: field(4, "string", "Unique id of the object that is meant."),
    apiVersion: field(5, "string", "Group and version of the kind that is meant."),
    resourceVersion: field(6, "string", "Version of the object that is meant; absent means any."),
    fieldPath: field(
      7,
      "string",
      "Part of the object that is meant, such as spec.containers{name}; absent means all of it.",
    ),
  },
  { atomic: true },
);

export const secretReferenceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.SecretReference",
  "The name of a Secret in some namespace.",
  {
    name: field(1, "string", "Name of the Secret."),
    namespace: field(2, "string", "Namespace of the Secret."),
  },
  { atomic: true },
);

export const typedLocalObjectReferenceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.TypedLocalObjectReference",
  "An object of any kind in the same namespace.",
  {
    apiGroup: field(1, "string", "Group of the local object's kind; absent means the core group.", { presence: true }),
    kind: field(2, "string", "Kind of the local object.", { required: true }),
    name: field(3, "string", "Name of the local object.", { required: true }),
  },
  { atomic: true },
);

export const typedObjectReferenceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.TypedObjectReference",
  "An object of any kind in any namespace.",
  {
    apiGroup: field(1, "string", "Group of the typed object's kind; absent means the core group.", { presence: true }),
    kind: field(2, "string", "Kind of the typed object.", { required: true }),
    name: field(3, "string", "Name of the typed object.", { required: true }),
    namespace: field(4, "string", "Namespace of the typed object; absent means the same one.", { presence: true }),
  },
);

export const nodeSelectorRequirementSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.NodeSelectorRequirement",
  "A condition on one label or field of a node.",
  {
    key: field(1, "string", "Key of the node's label, or name of its field.", { required: true }),
    operator: field(2, "string", "How the node's value is tested: In, NotIn, Exists, DoesNotExist, Gt or Lt.", {
      required: true,
    }),
    values: field(
      3,
      list("atomic", "string"),
      "Values to test against: at least one with In and NotIn, one integer with Gt and Lt, else none.",
    ),
  },
);

export const nodeSelectorTermSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.NodeSelectorTerm",
  "Conditions on a node that must all hold; none at all match no node.",
  {
    matchExpressions: field(1, list("atomic", nodeSelectorRequirementSchema), "Conditions on the node's labels."),
    matchFields: field(
      2,
      list("atomic", nodeSelectorRequirementSchema),
      "Conditions on the node's fields; only metadata.name.",
    ),
  },
  { atomic: true },
);

export const nodeSelectorSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.NodeSelector",
  "Terms of which at least one must match the node.",
  {
    nodeSelectorTerms: field(1, list("atomic", nodeSelectorTermSchema), "The terms; at least one.", { required: true }),
  },
  { atomic: true },
);

export const portStatusSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.PortStatus",
  "State of one port at a load balancer.",
  {
    port: field(1, "int32", "Port of the service whose state this is.", { required: true }),
    protocol: field(2, "string", "Protocol of the service's port: TCP, UDP or SCTP.", { required: true }),
    error: field(3, "string", "One word for what is wrong with the port; absent if nothing.", { presence: true }),
  },
);

export const taintSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.Taint",
  "A mark of a node that keeps away, or drives out, pods which do not tolerate it.",
  {
    key: field(1, "string", "Key of the taint, as of a label.", { required: true }),
    value: field(2, "string", "Value of the taint; default empty."),
    effect: field(
      3,
      "string",
      "NoSchedule bars new pods, PreferNoSchedule avoids them, NoExecute drives running ones out too.",
      { required: true },
    ),
    timeAdded: field(4, "time", "Time at which the taint was added; set for NoExecute."),
  },
);
