import { field, list, map, object, type ObjectSchema } from "../schema.ts";
import { taintSchema } from "./core-shared.ts";
import { objectMetaSchema } from "./meta.ts";

export const configMapNodeConfigSourceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ConfigMapNodeConfigSource",
  "",
  {
    namespace: field(1, "string", "", { required: true }),
    name: field(2, "string", "", { required: true }),
    uid: field(3, "string", ""),
    resourceVersion: field(4, "string", ""),
    kubeletConfigKey: field(5, "string", "", { required: true }),
  },
);

export const nodeConfigSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.NodeConfigSource", "", {
  configMap: field(2, configMapNodeConfigSourceSchema, ""),
});

export const nodeSpecSchema: ObjectSchema = object("io.k8s.api.core.v1.NodeSpec", "", {
  podCIDR: field(1, "string", ""),
  externalID: field(2, "string", ""),
  providerID: field(3, "string", ""),
  unschedulable: field(4, "bool", ""),
  taints: field(5, list("atomic", taintSchema), ""),
  configSource: field(6, nodeConfigSourceSchema, ""),
  podCIDRs: field(7, list("set", "string", { patch: { strategy: "merge" } }), ""),
});

export const nodeConditionSchema: ObjectSchema = object("io.k8s.api.core.v1.NodeCondition", "", {
  type: field(1, "string", "", { required: true }),
  status: field(2, "string", "", { required: true }),
  lastHeartbeatTime: field(3, "time", ""),
  lastTransitionTime: field(4, "time", ""),
  reason: field(5, "string", ""),
  message: field(6, "string", ""),
});

export const nodeAddressSchema: ObjectSchema = object("io.k8s.api.core.v1.NodeAddress", "", {
  type: field(1, "string", "", { required: true }),
  address: field(2, "string", "", { required: true }),
});

export const daemonEndpointSchema: ObjectSchema = object("io.k8s.api.core.v1.DaemonEndpoint", "", {
  Port: field(1, "int32", "", { required: true }),
});

export const nodeDaemonEndpointsSchema: ObjectSchema = object("io.k8s.api.core.v1.NodeDaemonEndpoints", "", {
  kubeletEndpoint: field(1, daemonEndpointSchema, ""),
});

export const nodeSwapStatusSchema: ObjectSchema = object("io.k8s.api.core.v1.NodeSwapStatus", "", {
  capacity: field(1, "int64", "", { presence: true }),
});

export const nodeSystemInfoSchema: ObjectSchema = object("io.k8s.api.core.v1.NodeSystemInfo", "", {
  machineID: field(1, "string", "", { required: true }),
  systemUUID: field(2, "string", "", { required: true }),
  bootID: field(3, "string", "", { required: true }),
  kernelVersion: field(4, "string", "", { required: true }),
  osImage: field(5, "string", "", { required: true }),
  containerRuntimeVersion: field(6, "string", "", { required: true }),
  kubeletVersion: field(7, "string", "", { required: true }),
  kubeProxyVersion: field(8, "string", "", { required: true }),
  operatingSystem: field(9, "string", "", { required: true }),
  architecture: field(10, "string", "", { required: true }),
  swap: field(11, nodeSwapStatusSchema, ""),
});

export const containerImageSchema: ObjectSchema = object("io.k8s.api.core.v1.ContainerImage", "", {
  names: field(1, list("atomic", "string"), ""),
  sizeBytes: field(2, "int64", ""),
});

export const attachedVolumeSchema: ObjectSchema = object("io.k8s.api.core.v1.AttachedVolume", "", {
  name: field(1, "string", "", { required: true }),
  devicePath: field(2, "string", "", { required: true }),
});

export const nodeConfigStatusSchema: ObjectSchema = object("io.k8s.api.core.v1.NodeConfigStatus", "", {
  assigned: field(1, nodeConfigSourceSchema, ""),
  active: field(2, nodeConfigSourceSchema, ""),
  lastKnownGood: field(3, nodeConfigSourceSchema, ""),
  error: field(4, "string", ""),
});

export const nodeRuntimeHandlerFeaturesSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.NodeRuntimeHandlerFeatures",
  "",
  {
    recursiveReadOnlyMounts: field(1, "bool", "", { presence: true }),
    userNamespaces: field(2, "bool", "", { presence: true }),
  },
);

export const nodeRuntimeHandlerSchema: ObjectSchema = object("io.k8s.api.core.v1.NodeRuntimeHandler", "", {
  name: field(1, "string", ""),
  features: field(2, nodeRuntimeHandlerFeaturesSchema, ""),
});

export const nodeFeaturesSchema: ObjectSchema = object("io.k8s.api.core.v1.NodeFeatures", "", {
  supplementalGroupsPolicy: field(1, "bool", "", { presence: true }),
});

export const nodeStatusSchema: ObjectSchema = object("io.k8s.api.core.v1.NodeStatus", "", {
  capacity: field(1, map("quantity"), ""),
  allocatable: field(2, map("quantity"), ""),
  phase: field(3, "string", ""),
  conditions: field(
    4,
    list("map", nodeConditionSchema, { keys: ["type"], patch: { strategy: "merge", key: "type" } }),
    "",
  ),
  addresses: field(
    5,
    list("map", nodeAddressSchema, { keys: ["type"], patch: { strategy: "merge", key: "type" } }),
    "",
  ),
  daemonEndpoints: field(6, nodeDaemonEndpointsSchema, ""),
  nodeInfo: field(7, nodeSystemInfoSchema, ""),
  images: field(8, list("atomic", containerImageSchema), ""),
  volumesInUse: field(9, list("atomic", "string"), ""),
  volumesAttached: field(10, list("atomic", attachedVolumeSchema), ""),
  config: field(11, nodeConfigStatusSchema, ""),
  runtimeHandlers: field(12, list("atomic", nodeRuntimeHandlerSchema), ""),
  features: field(13, nodeFeaturesSchema, ""),
  declaredFeatures: field(14, list("atomic", "string"), ""),
});

export const nodeSchema: ObjectSchema = object("io.k8s.api.core.v1.Node", "", {
  metadata: field(1, objectMetaSchema, ""),
  spec: field(2, nodeSpecSchema, ""),
  status: field(3, nodeStatusSchema, ""),
});
