import { field, list, map, object, type ObjectSchema } from "../schema.ts";
import { taintSchema } from "./core-shared.ts";
import { objectMetaSchema } from "./meta.ts";

export const configMapNodeConfigSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ConfigMapNodeConfigSource",
  "A ConfigMap with a node's settings; not used any more.",
  {
    namespace: field(1, "string", "Namespace of the ConfigMap with the node's settings.", { required: true }),
    name: field(2, "string", "Name of the ConfigMap with the node's settings.", { required: true }),
    uid: field(3, "string", "Unique id of the ConfigMap with the node's settings; only in status."),
    resourceVersion: field(4, "string", "Version of the ConfigMap with the node's settings; only in status."),
    kubeletConfigKey: field(5, "string", "Key of the ConfigMap whose value holds the settings.", { required: true }),
  },
);

export const nodeConfigSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.NodeConfigSource",
  "Where a node's settings come from; not used any more.",
  {
    configMap: field(2, configMapNodeConfigSourceSchema, "ConfigMap with the node's settings."),
  },
);

export const nodeSpecSchema: ObjectSchema = object("io.k8s.api.core.v1.NodeSpec", "What is desired of a node.", {
  podCIDR: field(1, "string", "Network, as CIDR, from which the node's pods get addresses."),
  externalID: field(2, "string", "Deprecated and unused id of the machine."),
  providerID: field(3, "string", "Id of the machine at its cloud provider, as provider://id."),
  unschedulable: field(4, "bool", "If true, no new pods are placed on the node, as after kubectl cordon."),
  taints: field(5, list("atomic", taintSchema), "Marks that keep away pods which do not tolerate them."),
  configSource: field(6, nodeConfigSourceSchema, "Deprecated and without effect."),
  podCIDRs: field(
    7,
    list("set", "string", { patch: { strategy: "merge" } }),
    "Networks of the node's pods, at most one of each family; the first equals podCIDR.",
  ),
});

export const nodeConditionSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.NodeCondition",
  "One aspect of the node's state, as last observed.",
  {
    type: field(1, "string", "Aspect of the node, such as Ready, MemoryPressure, DiskPressure or PIDPressure.", {
      required: true,
    }),
    status: field(2, "string", "Whether the node is in this condition: True, False or Unknown.", { required: true }),
    lastHeartbeatTime: field(3, "time", "Time at which the node last reported this condition."),
    lastTransitionTime: field(4, "time", "Time at which the status of this node condition last changed."),
    reason: field(5, "string", "One word in CamelCase for the cause of the node condition's last change."),
    message: field(6, "string", "Sentence for people about the node condition's last change."),
  },
);

export const nodeAddressSchema: ObjectSchema = object("io.k8s.api.core.v1.NodeAddress", "An address of a node.", {
  type: field(1, "string", "Sort of address: Hostname, InternalIP, ExternalIP, InternalDNS or ExternalDNS.", {
    required: true,
  }),
  address: field(2, "string", "The address or name itself.", { required: true }),
});

export const daemonEndpointSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.DaemonEndpoint",
  "Where a program of the node listens.",
  {
    Port: field(1, "int32", "Port on which the program listens.", { required: true }),
  },
);

export const nodeDaemonEndpointsSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.NodeDaemonEndpoints",
  "Where the programs of a node listen.",
  {
    kubeletEndpoint: field(1, daemonEndpointSchema, "Where the node takes requests for logs and exec."),
  },
);

export const nodeSwapStatusSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.NodeSwapStatus",
  "Swap memory of a node.",
  {
    capacity: field(1, "int64", "Size of the swap memory in bytes.", { presence: true }),
  },
);

export const nodeSystemInfoSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.NodeSystemInfo",
  "Hardware and software of a node.",
  {
    machineID: field(1, "string", "Id of the machine, as in /etc/machine-id.", { required: true }),
    systemUUID: field(2, "string", "Unique id of the hardware, as its firmware tells.", { required: true }),
    bootID: field(3, "string", "Random id of the present boot; another one means that the machine was started again.", {
      required: true,
    }),
    kernelVersion: field(4, "string", "Release of the kernel, as from uname -r.", { required: true }),
    osImage: field(5, "string", "Name of the operating system, as in /etc/os-release.", { required: true }),
    containerRuntimeVersion: field(
      6,
      "string",
      "Name and version of the container runtime, such as containerd://1.7.2.",
      { required: true },
    ),
    kubeletVersion: field(7, "string", "Version of the node's program.", { required: true }),
    kubeProxyVersion: field(8, "string", "Deprecated; version of the node's service proxy.", { required: true }),
    operatingSystem: field(9, "string", "Operating system that the node reports, such as linux.", { required: true }),
    architecture: field(10, "string", "Processor architecture that the node reports, such as amd64.", {
      required: true,
    }),
    swap: field(11, nodeSwapStatusSchema, "Swap memory of the node; absent if unknown."),
  },
);

export const containerImageSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ContainerImage",
  "An image that a node has pulled.",
  {
    names: field(1, list("atomic", "string"), "Names by which the image is known, with tag or digest."),
    sizeBytes: field(2, "int64", "Size of the image in bytes."),
  },
);

export const attachedVolumeSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.AttachedVolume",
  "A volume attached to a node.",
  {
    name: field(1, "string", "Name of the attached volume.", { required: true }),
    devicePath: field(2, "string", "Path of the node at which the volume's device is found.", { required: true }),
  },
);

export const nodeConfigStatusSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.NodeConfigStatus",
  "State of a node's settings; not used any more.",
  {
    assigned: field(1, nodeConfigSourceSchema, "Settings that the node is to use next."),
    active: field(2, nodeConfigSourceSchema, "Settings that the node uses now."),
    lastKnownGood: field(
      3,
      nodeConfigSourceSchema,
      "Settings to which the node goes back when the assigned ones fail.",
    ),
    error: field(4, "string", "What is wrong with the assigned settings; empty if nothing."),
  },
);

export const nodeRuntimeHandlerFeaturesSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.NodeRuntimeHandlerFeatures",
  "What a runtime handler can do.",
  {
    recursiveReadOnlyMounts: field(1, "bool", "Whether the handler can make mounts below a mount read-only.", {
      presence: true,
    }),
    userNamespaces: field(2, "bool", "Whether the handler can run pods in user namespaces.", { presence: true }),
  },
);

export const nodeRuntimeHandlerSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.NodeRuntimeHandler",
  "A way in which the node's runtime can run pods.",
  {
    name: field(1, "string", "Name to which RuntimeClasses refer; empty for the default handler."),
    features: field(2, nodeRuntimeHandlerFeaturesSchema, "What this handler can do."),
  },
);

export const nodeFeaturesSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.NodeFeatures",
  "What the node's container runtime can do, whatever the handler.",
  {
    supplementalGroupsPolicy: field(
      1,
      "bool",
      "Whether the runtime follows supplementalGroupsPolicy and reports containers' users.",
      { presence: true },
    ),
  },
);

export const nodeStatusSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.NodeStatus",
  "What a node last reported of itself.",
  {
    capacity: field(1, map("quantity"), "All resources of the node, by name."),
    allocatable: field(2, map("quantity"), "Resources of the node that pods can use; the rest is reserved."),
    phase: field(3, "string", "Deprecated and unused."),
    conditions: field(
      4,
      list("map", nodeConditionSchema, { keys: ["type"], patch: { strategy: "merge", key: "type" } }),
      "Aspects of the node's state, one of each type.",
    ),
    addresses: field(
      5,
      list("map", nodeAddressSchema, { keys: ["type"], patch: { strategy: "merge", key: "type" } }),
      "Addresses at which the node can be reached.",
    ),
    daemonEndpoints: field(6, nodeDaemonEndpointsSchema, "Where programs of the node listen."),
    nodeInfo: field(7, nodeSystemInfoSchema, "Hardware and software of the node."),
    images: field(
      8,
      list("atomic", containerImageSchema),
      "Images that the node has, largest first; not always all of them.",
    ),
    volumesInUse: field(9, list("atomic", "string"), "Attachable volumes that pods on the node use."),
    volumesAttached: field(10, list("atomic", attachedVolumeSchema), "Volumes that are attached to the node."),
    config: field(11, nodeConfigStatusSchema, "Deprecated and without effect; state of the node's settings."),
    runtimeHandlers: field(
      12,
      list("atomic", nodeRuntimeHandlerSchema),
      "Ways in which the node's runtime can run pods.",
    ),
    features: field(13, nodeFeaturesSchema, "What the node's container runtime can do."),
    declaredFeatures: field(
      14,
      list("atomic", "string"),
      "Names of features that the node says it has, for the scheduler.",
    ),
  },
);

export const nodeSchema: ObjectSchema = object("io.k8s.api.core.v1.Node", "A machine that runs pods.", {
  metadata: field(1, objectMetaSchema, "Name, labels, annotations and other metadata of the node."),
  spec: field(2, nodeSpecSchema, "What is desired of the node."),
  status: field(3, nodeStatusSchema, "What the node last reported of itself; read-only for users."),
});
