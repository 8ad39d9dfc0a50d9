import { field, list, map, object, type ObjectSchema } from "../schema.ts";
import { localObjectReferenceSchema } from "./core-shared.ts";
import { objectMetaSchema } from "./meta.ts";
import { containerSchema, ephemeralContainerSchema, resourceRequirementsSchema } from "./pod-container.ts";
import { affinitySchema, tolerationSchema, topologySpreadConstraintSchema } from "./pod-scheduling.ts";
import {
  appArmorProfileSchema,
  seLinuxOptionsSchema,
  seccompProfileSchema,
  windowsSecurityContextOptionsSchema,
} from "./pod-security.ts";
import { podStatusSchema } from "./pod-status.ts";
import { volumeSchema } from "./pod-volumes.ts";

export const sysctlSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.Sysctl",
  "A kernel parameter to set in the namespaces of the pod.",
  {
    name: field(
      1,
      "string",
      "Name of the kernel parameter, such as net.core.somaxconn; only namespaced ones can be set.",
      { required: true },
    ),
    value: field(2, "string", "Value that the kernel parameter gets.", { required: true }),
  },
);

export const podSecurityContextSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.PodSecurityContext",
  "Security settings of the whole pod; a container's own securityContext overrides those it also has.",
  {
    seLinuxOptions: field(
      1,
      seLinuxOptionsSchema,
      "SELinux label of all containers; absent lets the runtime pick a random one per container.",
    ),
    runAsUser: field(
      2,
      "int64",
      "User id of every container's main process; absent means the user that the image names.",
      { presence: true },
    ),
    runAsNonRoot: field(3, "bool", "If true, containers that would run as user 0 are refused at start.", {
      presence: true,
    }),
    supplementalGroups: field(
      4,
      list("atomic", "int64"),
      "Further group ids of each container's main process, besides its own group and fsGroup.",
    ),
    fsGroup: field(
      5,
      "int64",
      "Group id that owns the files of volumes which support ownership, and that all containers join.",
      { presence: true },
    ),
    runAsGroup: field(6, "int64", "Group id of every container's main process; absent means the runtime's default.", {
      presence: true,
    }),
    sysctls: field(
      7,
      list("atomic", sysctlSchema),
      "Kernel parameters set for the pod; those that the node does not allow keep the pod from starting.",
    ),
    windowsOptions: field(
      8,
      windowsSecurityContextOptionsSchema,
      "Settings for Windows containers only; not allowed where os.name is linux.",
    ),
    fsGroupChangePolicy: field(
      9,
      "string",
      "When volumes get fsGroup as owner: Always (the default) or OnRootMismatch, which skips matching ones.",
      { presence: true },
    ),
    seccompProfile: field(10, seccompProfileSchema, "System call filter of all containers in the pod."),
    appArmorProfile: field(11, appArmorProfileSchema, "AppArmor profile of all containers in the pod."),
    supplementalGroupsPolicy: field(
      12,
      "string",
      "Merge (the default) adds the groups that the image gives the user; Strict leaves them out.",
      { presence: true },
    ),
    seLinuxChangePolicy: field(
      13,
      "string",
      "How volumes get the SELinux label: Recursive relabels each file, MountOption labels the mount.",
      { presence: true },
    ),
  },
);

export const hostAliasSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.HostAlias",
  "An extra line for /etc/hosts in the pod's containers.",
  {
    ip: field(1, "string", "Address at the start of the line.", { required: true }),
    hostnames: field(2, list("atomic", "string"), "Names that resolve to the address."),
  },
);

export const podDNSConfigOptionSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.PodDNSConfigOption",
  "One option for the options line of /etc/resolv.conf.",
  {
    name: field(1, "string", "Name of the resolver option, such as ndots; required."),
    value: field(2, "string", "Value of the resolver option; absent for options that take none.", { presence: true }),
  },
);

export const podDNSConfigSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.PodDNSConfig",
  "Resolver settings, merged with those that dnsPolicy gives.",
  {
    nameservers: field(
      1,
      list("atomic", "string"),
      "Addresses of name servers, appended to those from dnsPolicy; duplicates are dropped.",
    ),
    searches: field(
      2,
      list("atomic", "string"),
      "Search domains, appended to those from dnsPolicy; duplicates are dropped.",
    ),
    options: field(
      3,
      list("atomic", podDNSConfigOptionSchema),
      "Resolver options; one named here replaces the option of that name from dnsPolicy.",
    ),
  },
);

export const podReadinessGateSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.PodReadinessGate",
  "A condition, besides its containers' readiness, that must hold before the pod counts as ready.",
  {
    conditionType: field(1, "string", "Type of the pod condition whose status must be True.", { required: true }),
  },
);

export const podOSSchema: ObjectSchema = object("io.k8s.api.core.v1.PodOS", "The operating system that a pod needs.", {
  name: field(1, "string", "Operating system of the containers: linux or windows.", { required: true }),
});

export const podSchedulingGateSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.PodSchedulingGate",
  "A reason to hold back scheduling, taken away by whoever set it.",
  {
    name: field(1, "string", "Name of the gate, unique in the pod.", { required: true }),
  },
);

export const podResourceClaimSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.PodResourceClaim",
  "A claim on devices that the pod's containers can refer to by name; it names one of two sources.",
  {
    name: field(1, "string", "Name that containers use in resources.claims, unique in the pod; a DNS label.", {
      required: true,
    }),
    resourceClaimName: field(
      3,
      "string",
      "An existing ResourceClaim in the pod's namespace; excludes resourceClaimTemplateName.",
      { presence: true },
    ),
    resourceClaimTemplateName: field(
      4,
      "string",
      "A ResourceClaimTemplate from which a claim is made that lives as long as the pod.",
      { presence: true },
    ),
  },
);

export const podSchedulingGroupSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.PodSchedulingGroup",
  "The group with which a pod is scheduled.",
  {
    podGroupName: field(1, "string", "Name of the PodGroup object in the pod's namespace to which the pod belongs.", {
      presence: true,
    }),
  },
);

export const podSpecSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.PodSpec",
  "What should run: the pod's containers, their volumes, and where and how to run them.",
  {
    volumes: field(
      1,
      list("map", volumeSchema, {
        keys: ["name"],
        patch: { strategy: "merge,retainKeys", key: "name" },
      }),
      "Volumes that the pod's containers can mount, each under a name of its own.",
    ),
    containers: field(
      2,
      list("map", containerSchema, { keys: ["name"], patch: { strategy: "merge", key: "name" } }),
      "Containers that run side by side in the pod; at least one.",
      { required: true },
    ),
    restartPolicy: field(3, "string", "When exited containers start again: Always (the default), OnFailure or Never."),
    terminationGracePeriodSeconds: field(
      4,
      "int64",
      "Seconds between the stop signal and the kill on deletion; default 30, 0 kills at once.",
      { presence: true },
    ),
    activeDeadlineSeconds: field(
      5,
      "int64",
      "Seconds after the pod's start time at which it is stopped and marked Failed; absent means no limit.",
      { presence: true },
    ),
    dnsPolicy: field(
      6,
      "string",
      "Source of resolver settings: ClusterFirst (default), ClusterFirstWithHostNet, Default (the node's) or None.",
    ),
    nodeSelector: field(
      7,
      map("string", { atomic: true }),
      "Labels, with values, that a node must all have to run the pod.",
    ),
    serviceAccountName: field(
      8,
      "string",
      "Service account whose identity the pod has; default is the account named default.",
    ),
    serviceAccount: field(9, "string", "Deprecated name of serviceAccountName, kept equal to it."),
    nodeName: field(
      10,
      "string",
      "Node that runs the pod; empty until the scheduler chose one. If set by the user, scheduling is skipped.",
    ),
    hostNetwork: field(11, "bool", "If true, the pod shares the node's network, addresses and ports included."),
    hostPID: field(12, "bool", "If true, the pod sees the node's processes; excludes shareProcessNamespace."),
    hostIPC: field(13, "bool", "If true, the pod shares the node's inter-process communication namespace."),
    securityContext: field(
      14,
      podSecurityContextSchema,
      "Security settings for the pod and defaults for its containers.",
    ),
    imagePullSecrets: field(
      15,
      list("map", localObjectReferenceSchema, {
        keys: ["name"],
        patch: { strategy: "merge", key: "name" },
      }),
      "Secrets in the pod's namespace with the credentials for pulling images.",
    ),
    hostname: field(16, "string", "Host name inside the pod, a DNS label; absent means the pod's name."),
    subdomain: field(
      17,
      "string",
      "With hostname gives the full name hostname.subdomain.namespace.svc and the cluster's domain.",
    ),
    affinity: field(18, affinitySchema, "Rules about nodes and about neighbouring pods that the scheduler follows."),
    schedulerName: field(19, "string", "Scheduler that places the pod; absent means default-scheduler."),
    initContainers: field(
      20,
      list("map", containerSchema, { keys: ["name"], patch: { strategy: "merge", key: "name" } }),
      "Containers run one after another before the others start; restartPolicy Always makes one a sidecar.",
    ),
    automountServiceAccountToken: field(
      21,
      "bool",
      "If false, no service account token is mounted; absent leaves it to the service account.",
      { presence: true },
    ),
    tolerations: field(22, list("atomic", tolerationSchema), "Taints of nodes that the pod accepts."),
    hostAliases: field(
      23,
      list("map", hostAliasSchema, { keys: ["ip"], patch: { strategy: "merge", key: "ip" } }),
      "Extra lines for /etc/hosts in the containers.",
    ),
    priorityClassName: field(
      24,
      "string",
      "PriorityClass that gives the priority; absent means the default class, or 0 without one.",
    ),
    priority: field(
      25,
      "int32",
      "Weight in scheduling and preemption, higher first; filled in from priorityClassName.",
      { presence: true },
    ),
    dnsConfig: field(26, podDNSConfigSchema, "Resolver settings, added to those that dnsPolicy gives."),
    shareProcessNamespace: field(
      27,
      "bool",
      "If true, all containers see each other's processes, and none is process 1; default false.",
      { presence: true },
    ),
    readinessGates: field(
      28,
      list("atomic", podReadinessGateSchema),
      "Further conditions that must be True, besides ready containers, before the pod counts as ready.",
    ),
    runtimeClassName: field(
      29,
      "string",
      "RuntimeClass that says which container runtime runs the pod; absent means the node's default.",
      { presence: true },
    ),
    enableServiceLinks: field(
      30,
      "bool",
      "If true (the default), containers get environment variables for the services of the namespace.",
      { presence: true },
    ),
    preemptionPolicy: field(
      31,
      "string",
      "PreemptLowerPriority (the default) lets the pod push out lower ones; Never makes it wait.",
      { presence: true },
    ),
    overhead: field(
      32,
      map("quantity"),
      "Resources that running the pod costs besides its containers; set from the RuntimeClass.",
    ),
    topologySpreadConstraints: field(
      33,
      list("map", topologySpreadConstraintSchema, {
        keys: ["topologyKey", "whenUnsatisfiable"],
        patch: { strategy: "merge", key: "topologyKey" },
      }),
      "How evenly pods like this one must spread over zones, nodes or other domains; all must hold.",
    ),
    ephemeralContainers: field(
      34,
      list("map", ephemeralContainerSchema, {
        keys: ["name"],
        patch: { strategy: "merge", key: "name" },
      }),
      "Containers added to a running pod for debugging, only by the ephemeralcontainers sub-resource.",
    ),
    setHostnameAsFQDN: field(
      35,
      "bool",
      "If true, the host name inside the pod is its full domain name; default false.",
      { presence: true },
    ),
    os: field(
      36,
      podOSSchema,
      "Operating system of the pod's containers, against which fields for another one are checked.",
    ),
    hostUsers: field(
      37,
      "bool",
      "If false, the pod gets a user namespace of its own: its root is no root on the node; default true.",
      { presence: true },
    ),
    schedulingGates: field(
      38,
      list("map", podSchedulingGateSchema, {
        keys: ["name"],
        patch: { strategy: "merge", key: "name" },
      }),
      "Gates that keep the pod from being scheduled until all are removed; set only at creation.",
    ),
    resourceClaims: field(
      39,
      list("map", podResourceClaimSchema, {
        keys: ["name"],
        patch: { strategy: "merge,retainKeys", key: "name" },
      }),
      "Claims on devices that must be allocated before the pod can start.",
    ),
    resources: field(
      40,
      resourceRequirementsSchema,
      "Limits and requests of cpu, memory and huge pages that all containers of the pod share.",
    ),
    hostnameOverride: field(
      41,
      "string",
      "Host name inside the pod, over hostname and subdomain, without DNS records; up to 64 characters.",
      { presence: true },
    ),
    schedulingGroup: field(43, podSchedulingGroupSchema, "Group of pods with which the scheduler places this one."),
  },
);

export const podTemplateSpecSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.PodTemplateSpec",
  "What pods made from this template look like.",
  {
    metadata: field(1, objectMetaSchema, "Labels, annotations and finalizers that pods made from the template get."),
    spec: field(2, podSpecSchema, "Containers, volumes and placement of pods made from the template."),
  },
);

export const podSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.Pod",
  "A group of containers that run together on one node and share network and volumes.",
  {
    metadata: field(1, objectMetaSchema, "Name, namespace, labels and other metadata of the pod."),
    spec: field(2, podSpecSchema, "What the pod should run, and where."),
    status: field(
      3,
      podStatusSchema,
      "What the node and the controllers last reported about the pod; read-only for users.",
    ),
  },
);
