import { field, list, map, object, type ObjectSchema } from "../schema.ts";

export const ownerReferenceSchema: ObjectSchema = object(
  "io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference",
  "An object to which this one belongs, and with which it is deleted.",
  {
    kind: field(1, "string", "Kind of the owner, such as ReplicaSet.", { required: true }),
    name: field(3, "string", "Name of the owner, in the same namespace or cluster-wide.", { required: true }),
    uid: field(4, "string", "Unique id of the owner; one of another life with the same name does not count.", {
      required: true,
    }),
    apiVersion: field(5, "string", "Group and version of the owner's kind, such as apps/v1.", { required: true }),
    controller: field(6, "bool", "If true, the owner manages this object; at most one owner does.", { presence: true }),
    blockOwnerDeletion: field(
      7,
      "bool",
      "If true, a foreground deletion of the owner waits until this object is gone; default false.",
      { presence: true },
    ),
  },
  { atomic: true },
);

export const managedFieldsEntrySchema: ObjectSchema = object(
  "io.k8s.apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry",
  "Fields that one manager set by one kind of operation.",
  {
    manager: field(1, "string", "Name of the program or user that set the fields."),
    operation: field(2, "string", "How the fields were set: Apply or Update."),
    apiVersion: field(3, "string", "Group and version of the schema in which the fields are written."),
    time: field(4, "time", "Time at which the manager last added, changed or removed fields of the entry."),
    fieldsType: field(6, "string", "Format of fieldsV1; always FieldsV1."),
    fieldsV1: field(7, "fieldsV1", "The fields, as a tree of their names."),
    subresource: field(8, "string", "Sub-resource through which the fields were set; empty for the object itself."),
  },
);

export const objectMetaSchema: ObjectSchema = object(
  "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
  "Metadata that every stored object has.",
  {
    name: field(1, "string", "Name of the object, unique for its kind in the namespace or cluster; fixed."),
    generateName: field(
      2,
      "string",
      "Start of a name that the server completes with random characters where name is empty.",
    ),
    namespace: field(
      3,
      "string",
      "Namespace of the object; empty in requests means that of the URL. Cluster-wide kinds have none.",
    ),
    selfLink: field(4, "string", "Deprecated and always empty."),
    uid: field(5, "string", "Unique id of the object in time and space, given by the server."),
    resourceVersion: field(
      6,
      "string",
      "Version of the stored object, for watches and for updates that must not overwrite; opaque.",
    ),
    generation: field(7, "int64", "Counts changes of what is desired, from 1; set by the server."),
    creationTimestamp: field(8, "time", "Time at which the server stored the object first; set by the server."),
    deletionTimestamp: field(
      9,
      "time",
      "Time at which the object is due to be gone; set when deletion was asked for, never unset.",
    ),
    deletionGracePeriodSeconds: field(
      10,
      "int64",
      "Seconds that the object was given to end in peace; set with deletionTimestamp.",
      { presence: true },
    ),
    labels: field(11, map("string"), "Short texts by key that selectors can match; at most 63 characters each."),
    annotations: field(
      12,
      map("string"),
      "Texts by key for tools and people; not for selection, up to 256 KiB together.",
    ),
    ownerReferences: field(
      13,
      list("map", ownerReferenceSchema, {
        keys: ["uid"],
        patch: { strategy: "merge", key: "uid" },
      }),
      "Objects to which this one belongs; when all are gone, it is deleted.",
    ),
    finalizers: field(
      14,
      list("set", "string", { patch: { strategy: "merge" } }),
      "Names of what must still be done before the object may go; each is removed when done.",
    ),
    managedFields: field(
      17,
      list("atomic", managedFieldsEntrySchema),
      "Who set which fields, as kept by the server for apply.",
      // An empty list asks the server to forget what it kept; no list at all says nothing.
      { presence: true },
    ),
  },
);

export const shardInfoSchema: ObjectSchema = object(
  "io.k8s.apimachinery.pkg.apis.meta.v1.ShardInfo",
  "The part of all objects that a list holds.",
  {
    selector: field(1, "string", "Shard selector of the request, given back as it came.", { required: true }),
  },
);

export const listMetaSchema: ObjectSchema = object(
  "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta",
  "Metadata of a list.",
  {
    selfLink: field(1, "string", "Deprecated and always empty, as in objects."),
    resourceVersion: field(2, "string", "Version of the store at which the list was read; a watch can begin there."),
    continue: field(3, "string", "Token for the next page; empty on the last one. Valid for a limited time."),
    remainingItemCount: field(
      4,
      "int64",
      "About how many objects follow this page; absent if unknown, as with selectors.",
      { presence: true },
    ),
    shardInfo: field(5, shardInfoSchema, "Set where the request asked for one shard of the objects only."),
  },
);

export const labelSelectorRequirementSchema: ObjectSchema = object(
  "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement",
  "A condition on one label.",
  {
    key: field(1, "string", "Key of the label that is tested.", { required: true }),
    operator: field(2, "string", "How the label is tested: In, NotIn, Exists or DoesNotExist.", { required: true }),
    values: field(
      3,
      list("atomic", "string"),
      "Values to test the label against; at least one with In and NotIn, none otherwise.",
    ),
  },
);

export const labelSelectorSchema: ObjectSchema = object(
  "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector",
  "A query over labels; all conditions must hold, and an empty one matches everything.",
  {
    matchLabels: field(1, map("string"), "Labels that must be there with exactly these values."),
    matchExpressions: field(2, list("atomic", labelSelectorRequirementSchema), "Further conditions on labels."),
  },
  { atomic: true },
);

export const conditionSchema: ObjectSchema = object(
  "io.k8s.apimachinery.pkg.apis.meta.v1.Condition",
  "One aspect of an object's state, as last observed.",
  {
    type: field(1, "string", "Aspect observed, in CamelCase, with a domain in front if it is not a common one.", {
      required: true,
    }),
    status: field(2, "string", "Whether the object is in this condition: True, False or Unknown.", { required: true }),
    observedGeneration: field(
      3,
      "int64",
      "Generation of the object from which the state was derived; an older one may be out of date.",
    ),
    lastTransitionTime: field(4, "time", "Time at which the status last changed.", { required: true }),
    reason: field(5, "string", "One word in CamelCase for the cause of the last change; not empty.", {
      required: true,
    }),
    message: field(6, "string", "Sentence for people about the last change; may be empty.", { required: true }),
  },
);

export const preconditionsSchema: ObjectSchema = object(
  "io.k8s.apimachinery.pkg.apis.meta.v1.Preconditions",
  "What must be true of an object for a request to be carried out.",
  {
    uid: field(1, "string", "Unique id that the object must have.", { presence: true }),
    resourceVersion: field(2, "string", "Version that the stored object must have.", { presence: true }),
  },
);

export const deleteOptionsSchema: ObjectSchema = object(
  "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
  "How an object is to be deleted.",
  {
    gracePeriodSeconds: field(
      1,
      "int64",
      "Seconds the object gets to end; 0 deletes at once, absent means the kind's default.",
      { presence: true },
    ),
    preconditions: field(
      2,
      preconditionsSchema,
      "What must be true of the object; otherwise the answer is a conflict.",
    ),
    orphanDependents: field(
      3,
      "bool",
      "Deprecated, use propagationPolicy; if true, objects that belong to this one stay.",
      { presence: true },
    ),
    propagationPolicy: field(
      4,
      "string",
      "What happens to objects that belong to it: Orphan, Background or Foreground (they go first).",
      { presence: true },
    ),
    dryRun: field(
      5,
      list("atomic", "string"),
      "Its only value, All, has the request checked and answered as usual, but stores nothing.",
    ),
    ignoreStoreReadErrorWithClusterBreakingPotential: field(
      6,
      "bool",
      "If true, an object that cannot be read any more is removed without any checks; default false.",
      { presence: true },
    ),
  },
);
