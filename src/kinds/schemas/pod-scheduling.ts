import { field, list, object, type ObjectSchema } from "../schema.ts";
import { nodeSelectorSchema, nodeSelectorTermSchema } from "./core-shared.ts";
import { labelSelectorSchema } from "./meta.ts";

export const preferredSchedulingTermSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.PreferredSchedulingTerm",
  "A preference for nodes, with a weight.",
  {
    weight: field(1, "int32", "Points that a matching node gains, 1 to 100.", { required: true }),
    preference: field(2, nodeSelectorTermSchema, "Node that gains the points.", { required: true }),
  },
);

export const nodeAffinitySchema: ObjectSchema = object(
  "io.k8s.api.core.v1.NodeAffinity",
  "Rules about the labels of the node that may run a pod.",
  {
    requiredDuringSchedulingIgnoredDuringExecution: field(
      1,
      nodeSelectorSchema,
      "What a node must match when the pod is placed; later changes of the node do not matter.",
    ),
    preferredDuringSchedulingIgnoredDuringExecution: field(
      2,
      list("atomic", preferredSchedulingTermSchema),
      "Preferences; of the possible nodes the one with the highest sum of weights is liked best.",
    ),
  },
);

export const podAffinityTermSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.PodAffinityTerm",
  "A set of pods, and the topology in which a node counts as near them.",
  {
    labelSelector: field(1, labelSelectorSchema, "Labels of the pods meant; absent means none."),
    namespaces: field(
      2,
      list("atomic", "string"),
      "Namespaces of the pods meant; absent, without namespaceSelector, means the pod's own namespace.",
    ),
    topologyKey: field(3, "string", "Node label whose equal values make nodes one place; required and not empty.", {
      required: true,
    }),
    namespaceSelector: field(
      4,
      labelSelectorSchema,
      "Labels of namespaces of the pods meant, added to namespaces; an empty selector means all.",
    ),
    matchLabelKeys: field(
      5,
      list("atomic", "string"),
      "Label keys whose values on the incoming pod the pods meant must also have.",
    ),
    mismatchLabelKeys: field(
      6,
      list("atomic", "string"),
      "Label keys whose values on the incoming pod the pods meant must not have.",
    ),
  },
);

export const weightedPodAffinityTermSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.WeightedPodAffinityTerm",
  "A preference for the neighbourhood of pods, with a weight.",
  {
    weight: field(1, "int32", "Points of a node that satisfies the term, 1 to 100.", { required: true }),
    podAffinityTerm: field(2, podAffinityTermSchema, "The pods meant, and how near is near.", { required: true }),
  },
);

export const podAffinitySchema: ObjectSchema = object(
  "io.k8s.api.core.v1.PodAffinity",
  "Rules that draw a pod to places where certain other pods run.",
  {
    requiredDuringSchedulingIgnoredDuringExecution: field(
      1,
      list("atomic", podAffinityTermSchema),
      "Pods near which the node must be when the pod is placed; all terms must hold.",
    ),
    preferredDuringSchedulingIgnoredDuringExecution: field(
      2,
      list("atomic", weightedPodAffinityTermSchema),
      "Pods near which the pod would rather be; the weights of terms that hold add up.",
    ),
  },
);

export const podAntiAffinitySchema: ObjectSchema = object(
  "io.k8s.api.core.v1.PodAntiAffinity",
  "Rules that keep a pod away from places where certain other pods run.",
  {
    requiredDuringSchedulingIgnoredDuringExecution: field(
      1,
      list("atomic", podAffinityTermSchema),
      "Pods near which the node must not be when the pod is placed; all terms must hold.",
    ),
    preferredDuringSchedulingIgnoredDuringExecution: field(
      2,
      list("atomic", weightedPodAffinityTermSchema),
      "Pods that the pod would rather avoid; the weights of nearby ones count against a node.",
    ),
  },
);

export const affinitySchema: ObjectSchema = object(
  "io.k8s.api.core.v1.Affinity",
  "Where a pod wants to be, by nodes and by neighbours.",
  {
    nodeAffinity: field(1, nodeAffinitySchema, "Rules about the labels of nodes."),
    podAffinity: field(2, podAffinitySchema, "Rules for being near certain pods."),
    podAntiAffinity: field(3, podAntiAffinitySchema, "Rules for being away from certain pods."),
  },
);

export const tolerationSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.Toleration",
  "A statement that the pod accepts the taints which match key, value and effect.",
  {
    key: field(1, "string", "Key of the taint; empty, with operator Exists, matches every key."),
    operator: field(
      2,
      "string",
      "How value compares: Equal (the default), Exists for any value, or Lt and Gt for numbers.",
    ),
    value: field(3, "string", "Value of the taint; must be empty where operator is Exists."),
    effect: field(4, "string", "Effect tolerated: NoSchedule, PreferNoSchedule or NoExecute; empty means all."),
    tolerationSeconds: field(
      5,
      "int64",
      "Seconds the pod stays after a NoExecute taint appears; absent means for ever, 0 or less not at all.",
      { presence: true },
    ),
  },
);

export const topologySpreadConstraintSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.TopologySpreadConstraint",
  "How evenly matching pods must lie across the domains of a topology.",
  {
    maxSkew: field(
      1,
      "int32",
      "Largest allowed difference in matching pods between a domain and the emptiest one; at least 1.",
      { required: true },
    ),
    topologyKey: field(2, "string", "Node label that names the domain; nodes with the same value form one.", {
      required: true,
    }),
    whenUnsatisfiable: field(
      3,
      "string",
      "DoNotSchedule keeps the pod waiting where the skew would be too large; ScheduleAnyway only prefers.",
      { required: true },
    ),
    labelSelector: field(
      4,
      labelSelectorSchema,
      "Labels of the pods that are counted in each domain; absent means none.",
    ),
    minDomains: field(
      5,
      "int32",
      "Number of domains below which the emptiest one counts as zero; at least 1, absent means 1.",
      { presence: true },
    ),
    nodeAffinityPolicy: field(
      6,
      "string",
      "Honor (the default) counts only nodes that the pod's affinity and nodeSelector match; Ignore all.",
      { presence: true },
    ),
    nodeTaintsPolicy: field(
      7,
      "string",
      "Ignore (the default) counts all nodes; Honor leaves out those whose taints are not tolerated.",
      { presence: true },
    ),
    matchLabelKeys: field(
      8,
      list("atomic", "string"),
      "Label keys whose values on the incoming pod narrow labelSelector, such as pod-template-hash.",
    ),
  },
);
