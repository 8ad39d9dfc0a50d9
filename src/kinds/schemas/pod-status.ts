import { field, list, map, object, type ObjectSchema } from "../schema.ts";
import { resourceRequirementsSchema } from "./pod-container.ts";

export const podConditionSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.PodCondition",
  "One aspect of the pod's state, as last observed.",
  {
    type: field(1, "string", "Aspect observed: PodScheduled, Initialized, ContainersReady, Ready or another.", {
      required: true,
    }),
    status: field(2, "string", "Whether the pod is in this condition: True, False or Unknown.", { required: true }),
    lastProbeTime: field(3, "time", "Time at which the pod condition was last checked."),
    lastTransitionTime: field(4, "time", "Time at which the status of this pod condition last changed."),
    reason: field(5, "string", "One word in CamelCase for the cause of the pod condition's last change."),
    message: field(6, "string", "Sentence for people about the pod condition's last change."),
    observedGeneration: field(7, "int64", "Generation of the pod from which the condition was derived."),
  },
);

export const containerStateWaitingSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ContainerStateWaiting",
  "A container that does not run yet.",
  {
    reason: field(1, "string", "One word for what it waits for, such as ContainerCreating or CrashLoopBackOff."),
    message: field(2, "string", "Sentence about what the container waits for."),
  },
);

export const containerStateRunningSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ContainerStateRunning",
  "A container that runs.",
  {
    startedAt: field(1, "time", "Time at which the running container was started."),
  },
);

export const containerStateTerminatedSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ContainerStateTerminated",
  "A container that has ended.",
  {
    exitCode: field(1, "int32", "Exit status of the main process; 0 is success.", { required: true }),
    signal: field(2, "int32", "Signal that ended the main process; absent if none did."),
    reason: field(3, "string", "One word for the cause of the end, such as Completed, Error or OOMKilled."),
    message: field(4, "string", "What the container left in its termination message, or how its start failed."),
    startedAt: field(5, "time", "Time at which the ended container had been started."),
    finishedAt: field(6, "time", "Time at which the container ended."),
    containerID: field(7, "string", "Id of the ended container, as runtime://id."),
  },
);

export const containerStateSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ContainerState",
  "State of a container, by the one member that is set; none set means waiting.",
  {
    waiting: field(1, containerStateWaitingSchema, "Details of a container that does not run yet."),
    running: field(2, containerStateRunningSchema, "Details of a container that runs."),
    terminated: field(3, containerStateTerminatedSchema, "Details of a container that has ended."),
  },
);

export const imageVolumeStatusSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ImageVolumeStatus",
  "State of a volume that holds an image.",
  {
    imageRef: field(1, "string", "Digest or id of the image that is mounted.", { required: true }),
  },
);

export const volumeStatusSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.VolumeStatus",
  "State of a mounted volume, by its type.",
  {
    image: field(1, imageVolumeStatusSchema, "State of a mounted image; set only for image volumes."),
  },
);

export const volumeMountStatusSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.VolumeMountStatus",
  "A volume mount as the node has made it.",
  {
    name: field(1, "string", "Name of the mounted volume in the pod.", { required: true }),
    mountPath: field(2, "string", "Path in the container at which the volume is mounted.", { required: true }),
    readOnly: field(3, "bool", "If true, the mount is read-only."),
    recursiveReadOnly: field(
      4,
      "string",
      "Disabled, or Enabled if mounts below this one are read-only too; absent for writable mounts.",
      { presence: true },
    ),
    volumeStatus: field(5, volumeStatusSchema, "Further state of the mounted volume."),
  },
);

export const linuxContainerUserSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.LinuxContainerUser",
  "User and groups of a Linux process.",
  {
    uid: field(1, "int64", "User id with which the first process of the container started.", { required: true }),
    gid: field(2, "int64", "Main group id with which the first process of the container started.", { required: true }),
    supplementalGroups: field(
      3,
      list("atomic", "int64"),
      "Further group ids with which the first process of the container started.",
    ),
  },
);

export const containerUserSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ContainerUser",
  "Identity of the container's first process; the process may change it later.",
  {
    linux: field(1, linuxContainerUserSchema, "User and groups on Linux."),
  },
);

export const resourceHealthSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ResourceHealth",
  "Health of one device that a container was given.",
  {
    resourceID: field(1, "string", "Id of the device, unique for its resource on the node.", { required: true }),
    health: field(2, "string", "Healthy, Unhealthy or Unknown."),
    message: field(6, "string", "Sentence for people about the device's health.", { presence: true }),
  },
);

export const resourceStatusSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ResourceStatus",
  "State of the devices of one resource.",
  {
    name: field(1, "string", "Name of the resource, or claim: followed by the claim's name and request.", {
      required: true,
    }),
    resources: field(
      2,
      list("map", resourceHealthSchema, { keys: ["resourceID"] }),
      "Devices of this resource that the container was given.",
    ),
  },
);

export const containerStatusSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ContainerStatus",
  "What the node last reported about one container.",
  {
    name: field(1, "string", "Name of the container in the pod's spec; fixed.", { required: true }),
    state: field(2, containerStateSchema, "State of the container now."),
    lastState: field(3, containerStateSchema, "How the container ended last time; absent if it was never restarted."),
    ready: field(4, "bool", "Whether the container passes its readiness check now.", { required: true }),
    restartCount: field(5, "int32", "Number of times the container was started again.", { required: true }),
    image: field(6, "string", "Name of the image that runs; may differ from the spec after the runtime resolved it.", {
      required: true,
    }),
    imageID: field(7, "string", "Id or digest of the image that runs.", { required: true }),
    containerID: field(8, "string", "Id of the container, as runtime://id."),
    started: field(9, "bool", "Whether the container passed its startup probe and postStart hook; absent means no.", {
      presence: true,
    }),
    allocatedResources: field(10, map("quantity"), "Requests of the container that the node has granted."),
    resources: field(
      11,
      resourceRequirementsSchema,
      "Limits and requests that are in force for the running container.",
    ),
    volumeMounts: field(
      12,
      list("map", volumeMountStatusSchema, {
        keys: ["mountPath"],
        patch: { strategy: "merge", key: "mountPath" },
      }),
      "Volume mounts of the container as the node has made them.",
    ),
    user: field(13, containerUserSchema, "User and groups of the first process; absent while unknown."),
    allocatedResourcesStatus: field(
      14,
      list("map", resourceStatusSchema, {
        keys: ["name"],
        patch: { strategy: "merge", key: "name" },
      }),
      "Health of the devices that the container was given, by resource.",
    ),
    stopSignal: field(15, "string", "Signal that stops the container, such as SIGTERM.", { presence: true }),
  },
);

export const podIPSchema: ObjectSchema = object("io.k8s.api.core.v1.PodIP", "An address of the pod.", {
  ip: field(1, "string", "IP address of the pod.", { required: true }),
});

export const podResourceClaimStatusSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.PodResourceClaimStatus",
  "The ResourceClaim behind an entry of the pod's resourceClaims.",
  {
    name: field(1, "string", "Name of the entry in the pod's resourceClaims.", { required: true }),
    resourceClaimName: field(2, "string", "Name of the claim made from the template; absent if none was needed.", {
      presence: true,
    }),
  },
);

export const hostIPSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.HostIP",
  "An address of the node that runs the pod.",
  {
    ip: field(1, "string", "IP address of the node.", { required: true }),
  },
);

export const containerExtendedResourceRequestSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ContainerExtendedResourceRequest",
  "A container's extended resource that a device request provides.",
  {
    containerName: field(1, "string", "Container that asks for the extended resource.", { required: true }),
    resourceName: field(2, "string", "Name of the extended resource.", { required: true }),
    requestName: field(3, "string", "Request in the generated ResourceClaim that stands for it.", { required: true }),
  },
);

export const podExtendedResourceClaimStatusSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.PodExtendedResourceClaimStatus",
  "The claim made for extended resources that are backed by devices.",
  {
    requestMappings: field(
      1,
      list("atomic", containerExtendedResourceRequestSchema),
      "Which request of the claim stands for which container and resource.",
      {
        required: true,
      },
    ),
    resourceClaimName: field(2, "string", "Name of the generated ResourceClaim in the pod's namespace.", {
      required: true,
    }),
  },
);

export const nodeAllocatableResourceClaimStatusSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.NodeAllocatableResourceClaimStatus",
  "Node resources, such as cpu or memory, that a claim provides to the pod.",
  {
    resourceClaimName: field(1, "string", "ResourceClaim through which the resources were allocated.", {
      required: true,
    }),
    containers: field(2, list("set", "string"), "Names of the pod's containers that refer to the claim."),
    resources: field(3, map("quantity"), "Amounts allocated to the claim, by resource.", { required: true }),
  },
);

export const podStatusSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.PodStatus",
  "State of the pod, as last reported; may lag behind.",
  {
    phase: field(1, "string", "Summary of the pod's life: Pending, Running, Succeeded, Failed or Unknown."),
    conditions: field(
      2,
      list("map", podConditionSchema, { keys: ["type"], patch: { strategy: "merge", key: "type" } }),
      "Aspects of the pod's state, such as Ready, one of each type.",
    ),
    message: field(3, "string", "Sentence for people about how the pod came to this state."),
    reason: field(4, "string", "One word for why the pod is in this state, such as Evicted."),
    hostIP: field(5, "string", "Main IP address of the node; absent until the node took the pod."),
    podIP: field(6, "string", "Main IP address of the pod; absent until it has one."),
    startTime: field(7, "time", "Time at which the node took the pod, before pulling images."),
    containerStatuses: field(8, list("atomic", containerStatusSchema), "State of the containers, one entry each."),
    qosClass: field(
      9,
      "string",
      "Guaranteed, Burstable or BestEffort, by requests and limits; the last goes first when memory is short.",
    ),
    initContainerStatuses: field(
      10,
      list("atomic", containerStatusSchema),
      "State of the init containers, in the order of the spec.",
    ),
    nominatedNodeName: field(
      11,
      "string",
      "Node where the scheduler makes room for the pod; it may still end up elsewhere.",
    ),
    podIPs: field(
      12,
      list("map", podIPSchema, { keys: ["ip"], patch: { strategy: "merge", key: "ip" } }),
      "All IP addresses of the pod, at most one of each family; the first equals podIP.",
    ),
    ephemeralContainerStatuses: field(
      13,
      list("atomic", containerStatusSchema),
      "State of the ephemeral containers that have run in the pod.",
    ),
    resize: field(
      14,
      "string",
      "Deprecated progress of a resize; the conditions PodResizePending and PodResizeInProgress replace it.",
    ),
    resourceClaimStatuses: field(
      15,
      list("map", podResourceClaimStatusSchema, {
        keys: ["name"],
        patch: { strategy: "merge,retainKeys", key: "name" },
      }),
      "ResourceClaims behind the entries of the pod's resourceClaims.",
    ),
    hostIPs: field(
      16,
      list("atomic", hostIPSchema, { patch: { strategy: "merge", key: "ip" } }),
      "All IP addresses of the node; the first equals hostIP.",
    ),
    observedGeneration: field(17, "int64", "Generation of the pod that the node last acted on."),
    extendedResourceClaimStatus: field(
      18,
      podExtendedResourceClaimStatusSchema,
      "Claim that was generated for extended resources backed by devices.",
    ),
    allocatedResources: field(19, map("quantity"), "Requests that the node has granted the whole pod."),
    resources: field(
      20,
      resourceRequirementsSchema,
      "Limits and requests in force for the pod as a whole; set where the spec has any.",
    ),
    nodeAllocatableResourceClaimStatuses: field(
      21,
      list("atomic", nodeAllocatableResourceClaimStatusSchema),
      "Node resources, such as cpu or memory, that the pod has through claims.",
    ),
  },
);
