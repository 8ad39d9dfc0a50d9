import { field, list, map, object, type ObjectSchema } from "../schema.ts";
import { resourceRequirementsSchema } from "./pod-container.ts";

export const podConditionSchema: ObjectSchema = object("io.k8s.api.core.v1.PodCondition", "", {
  type: field(1, "string", "", { required: true }),
  status: field(2, "string", "", { required: true }),
  lastProbeTime: field(3, "time", ""),
  lastTransitionTime: field(4, "time", ""),
  reason: field(5, "string", ""),
  message: field(6, "string", ""),
  observedGeneration: field(7, "int64", ""),
});

export const containerStateWaitingSchema: ObjectSchema = object("io.k8s.api.core.v1.ContainerStateWaiting", "", {
  reason: field(1, "string", ""),
  message: field(2, "string", ""),
});

export const containerStateRunningSchema: ObjectSchema = object("io.k8s.api.core.v1.ContainerStateRunning", "", {
  startedAt: field(1, "time", ""),
});

export const containerStateTerminatedSchema: ObjectSchema = object("io.k8s.api.core.v1.ContainerStateTerminated", "", {
  exitCode: field(1, "int32", "", { required: true }),
  signal: field(2, "int32", ""),
  reason: field(3, "string", ""),
  message: field(4, "string", ""),
  startedAt: field(5, "time", ""),
  finishedAt: field(6, "time", ""),
  containerID: field(7, "string", ""),
});

export const containerStateSchema: ObjectSchema = object("io.k8s.api.core.v1.ContainerState", "", {
  waiting: field(1, containerStateWaitingSchema, ""),
  running: field(2, containerStateRunningSchema, ""),
  terminated: field(3, containerStateTerminatedSchema, ""),
});

export const imageVolumeStatusSchema: ObjectSchema = object("io.k8s.api.core.v1.ImageVolumeStatus", "", {
  imageRef: field(1, "string", "", { required: true }),
});

export const volumeStatusSchema: ObjectSchema = object("io.k8s.api.core.v1.VolumeStatus", "", {
  image: field(1, imageVolumeStatusSchema, ""),
});

export const volumeMountStatusSchema: ObjectSchema = object("io.k8s.api.core.v1.VolumeMountStatus", "", {
  name: field(1, "string", "", { required: true }),
  mountPath: field(2, "string", "", { required: true }),
  readOnly: field(3, "bool", ""),
  recursiveReadOnly: field(4, "string", "", { presence: true }),
  volumeStatus: field(5, volumeStatusSchema, ""),
});

export const linuxContainerUserSchema: ObjectSchema = object("io.k8s.api.core.v1.LinuxContainerUser", "", {
  uid: field(1, "int64", "", { required: true }),
  gid: field(2, "int64", "", { required: true }),
  supplementalGroups: field(3, list("atomic", "int64"), ""),
});

export const containerUserSchema: ObjectSchema = object("io.k8s.api.core.v1.ContainerUser", "", {
  linux: field(1, linuxContainerUserSchema, ""),
});

export const resourceHealthSchema: ObjectSchema = object("io.k8s.api.core.v1.ResourceHealth", "", {
  resourceID: field(1, "string", "", { required: true }),
  health: field(2, "string", ""),
  message: field(6, "string", "", { presence: true }),
});

export const resourceStatusSchema: ObjectSchema = object("io.k8s.api.core.v1.ResourceStatus", "", {
  name: field(1, "string", "", { required: true }),
  resources: field(2, list("map", resourceHealthSchema, { keys: ["resourceID"] }), ""),
});

export const containerStatusSchema: ObjectSchema = object("io.k8s.api.core.v1.ContainerStatus", "", {
  name: field(1, "string", "", { required: true }),
  state: field(2, containerStateSchema, ""),
  lastState: field(3, containerStateSchema, ""),
  ready: field(4, "bool", "", { required: true }),
  restartCount: field(5, "int32", "", { required: true }),
  image: field(6, "string", "", { required: true }),
  imageID: field(7, "string", "", { required: true }),
  containerID: field(8, "string", ""),
  started: field(9, "bool", "", { presence: true }),
  allocatedResources: field(10, map("quantity"), ""),
  resources: field(11, resourceRequirementsSchema, ""),
  volumeMounts: field(
    12,
    list("map", volumeMountStatusSchema, {
      keys: ["mountPath"],
      patch: { strategy: "merge", key: "mountPath" },
    }),
    "",
  ),
  user: field(13, containerUserSchema, ""),
  allocatedResourcesStatus: field(
    14,
    list("map", resourceStatusSchema, {
      keys: ["name"],
      patch: { strategy: "merge", key: "name" },
    }),
    "",
  ),
  stopSignal: field(15, "string", "", { presence: true }),
});

export const podIPSchema: ObjectSchema = object("io.k8s.api.core.v1.PodIP", "", {
  ip: field(1, "string", "", { required: true }),
});

export const podResourceClaimStatusSchema: ObjectSchema = object("io.k8s.api.core.v1.PodResourceClaimStatus", "", {
  name: field(1, "string", "", { required: true }),
  resourceClaimName: field(2, "string", "", { presence: true }),
});

export const hostIPSchema: ObjectSchema = object("io.k8s.api.core.v1.HostIP", "", {
  ip: field(1, "string", "", { required: true }),
});

export const containerExtendedResourceRequestSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ContainerExtendedResourceRequest",
  "",
  {
    containerName: field(1, "string", "", { required: true }),
    resourceName: field(2, "string", "", { required: true }),
    requestName: field(3, "string", "", { required: true }),
  },
);

export const podExtendedResourceClaimStatusSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.PodExtendedResourceClaimStatus",
  "",
  {
    requestMappings: field(1, list("atomic", containerExtendedResourceRequestSchema), "", {
      required: true,
    }),
    resourceClaimName: field(2, "string", "", { required: true }),
  },
);

export const nodeAllocatableResourceClaimStatusSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.NodeAllocatableResourceClaimStatus",
  "",
  {
    resourceClaimName: field(1, "string", "", { required: true }),
    containers: field(2, list("set", "string"), ""),
    resources: field(3, map("quantity"), "", { required: true }),
  },
);

export const podStatusSchema: ObjectSchema = object("io.k8s.api.core.v1.PodStatus", "", {
  phase: field(1, "string", ""),
  conditions: field(
    2,
    list("map", podConditionSchema, { keys: ["type"], patch: { strategy: "merge", key: "type" } }),
    "",
  ),
  message: field(3, "string", ""),
  reason: field(4, "string", ""),
  hostIP: field(5, "string", ""),
  podIP: field(6, "string", ""),
  startTime: field(7, "time", ""),
  containerStatuses: field(8, list("atomic", containerStatusSchema), ""),
  qosClass: field(9, "string", ""),
  initContainerStatuses: field(10, list("atomic", containerStatusSchema), ""),
  nominatedNodeName: field(11, "string", ""),
  podIPs: field(12, list("map", podIPSchema, { keys: ["ip"], patch: { strategy: "merge", key: "ip" } }), ""),
  ephemeralContainerStatuses: field(13, list("atomic", containerStatusSchema), ""),
  resize: field(14, "string", ""),
  resourceClaimStatuses: field(
    15,
    list("map", podResourceClaimStatusSchema, {
      keys: ["name"],
      patch: { strategy: "merge,retainKeys", key: "name" },
    }),
    "",
  ),
  hostIPs: field(16, list("atomic", hostIPSchema, { patch: { strategy: "merge", key: "ip" } }), ""),
  observedGeneration: field(17, "int64", ""),
  extendedResourceClaimStatus: field(18, podExtendedResourceClaimStatusSchema, ""),
  allocatedResources: field(19, map("quantity"), ""),
  resources: field(20, resourceRequirementsSchema, ""),
  nodeAllocatableResourceClaimStatuses: field(21, list("atomic", nodeAllocatableResourceClaimStatusSchema), ""),
});
