import { field, list, map, object, type ObjectSchema } from "../schema.ts";
import { envFromSourceSchema, envVarSchema } from "./pod-env.ts";
import { lifecycleSchema, probeSchema } from "./pod-probe.ts";
import { securityContextSchema } from "./pod-security.ts";

export const containerPortSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ContainerPort",
  "A port on which the container listens; the entry informs, and may map a port of the node.",
  {
    name: field(1, "string", "Name of the port, unique in the pod and usable by services; up to 15 characters."),
    hostPort: field(
      2,
      "int32",
      "Port of the node that leads here, 1 to 65535; absent means none. With hostNetwork equal to containerPort.",
    ),
    containerPort: field(3, "int32", "Port in the pod's network, 1 to 65535.", { required: true }),
    protocol: field(4, "string", "Protocol of the port: TCP (the default), UDP or SCTP.", { default: "TCP" }),
    hostIP: field(5, "string", "Address of the node to which hostPort is bound; absent means all."),
  },
);

export const resourceClaimSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ResourceClaim",
  "An entry of the pod's resourceClaims that the container may use.",
  {
    name: field(1, "string", "Name of the entry in the pod's resourceClaims.", { required: true }),
    request: field(2, "string", "One request of the claim to use; absent means all of them."),
  },
);

export const resourceRequirementsSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ResourceRequirements",
  "How much of each resource is promised at least, and may be used at most.",
  {
    limits: field(
      1,
      map("quantity"),
      "Most that may be used, by resource, such as cpu and memory; absent means no limit.",
    ),
    requests: field(
      2,
      map("quantity"),
      "Amount set aside when the pod is placed, by resource; where absent, the limit counts.",
    ),
    claims: field(
      3,
      list("map", resourceClaimSchema, { keys: ["name"] }),
      "Entries of the pod's resourceClaims whose devices may be used.",
    ),
  },
);

export const volumeMountSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.VolumeMount",
  "A place in the container's file system where a volume appears.",
  {
    name: field(1, "string", "Name of the volume in the pod's volumes.", { required: true }),
    readOnly: field(2, "bool", "If true, the container cannot write to the volume; default false."),
    mountPath: field(3, "string", "Path in the container at which the volume appears; must not contain a colon.", {
      required: true,
    }),
    subPath: field(4, "string", "Path within the volume to mount; absent means its root."),
    mountPropagation: field(
      5,
      "string",
      "Whether later mounts are shared: None (default), HostToContainer or Bidirectional.",
      { presence: true },
    ),
    subPathExpr: field(
      6,
      "string",
      "Like subPath, with $(NAME) standing for variables of the container; excludes subPath.",
    ),
    recursiveReadOnly: field(
      7,
      "string",
      "Whether mounts below are read-only too: Disabled (default), IfPossible or Enabled; needs readOnly.",
      { presence: true },
    ),
  },
);

export const volumeDeviceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.VolumeDevice",
  "A raw block device for the container.",
  {
    name: field(1, "string", "Name of the pod's volume, which must be a persistent volume claim in block mode.", {
      required: true,
    }),
    devicePath: field(2, "string", "Path in the container at which the device appears.", { required: true }),
  },
);

export const containerResizePolicySchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ContainerResizePolicy",
  "Whether a container restarts when the amount of one resource changes.",
  {
    resourceName: field(1, "string", "Resource meant: cpu or memory.", { required: true }),
    restartPolicy: field(2, "string", "NotRequired changes the running container; RestartContainer starts it again.", {
      required: true,
    }),
  },
);

export const containerRestartRuleOnExitCodesSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ContainerRestartRuleOnExitCodes",
  "A condition on the exit status.",
  {
    operator: field(1, "string", "In, or NotIn, the values.", { required: true }),
    values: field(2, list("set", "int32"), "Exit statuses to compare with, at most 255 of them."),
  },
);

export const containerRestartRuleSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ContainerRestartRule",
  "What happens when a container ends in a certain way.",
  {
    action: field(1, "string", "Restart for this container, or RestartAllContainers for all of the pod.", {
      required: true,
    }),
    exitCodes: field(2, containerRestartRuleOnExitCodesSchema, "Exit statuses for which the rule holds."),
  },
);

export const containerSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.Container",
  "A container of a pod: the image it runs, and how.",
  {
    name: field(1, "string", "Name of the container, unique in the pod and fixed; a DNS label.", { required: true }),
    image: field(2, "string", "Image that the container runs, such as registry.example/app:1.2."),
    command: field(
      3,
      list("atomic", "string"),
      "Program and first arguments, run without a shell; absent means the image's entry point.",
    ),
    args: field(
      4,
      list("atomic", "string"),
      "Arguments of the program; absent means the image's, unless command is set.",
    ),
    workingDir: field(5, "string", "Folder in which the program starts; absent means the image's."),
    ports: field(
      6,
      list("map", containerPortSchema, {
        keys: ["containerPort", "protocol"],
        patch: { strategy: "merge", key: "containerPort" },
      }),
      "Ports on which the container listens; one left out is reachable all the same.",
    ),
    env: field(
      7,
      list("map", envVarSchema, { keys: ["name"], patch: { strategy: "merge", key: "name" } }),
      "Variables of the environment; over those from envFrom.",
    ),
    resources: field(8, resourceRequirementsSchema, "Limits and requests of the container."),
    volumeMounts: field(
      9,
      list("map", volumeMountSchema, {
        keys: ["mountPath"],
        patch: { strategy: "merge", key: "mountPath" },
      }),
      "Volumes of the pod that appear in the container's file system.",
    ),
    livenessProbe: field(10, probeSchema, "Check whose failure restarts the container; absent means it never does."),
    readinessProbe: field(
      11,
      probeSchema,
      "Check whose failure takes the pod out of services; absent means always ready once started.",
    ),
    lifecycle: field(12, lifecycleSchema, "What is done after the start and before the stop."),
    terminationMessagePath: field(
      13,
      "string",
      "File whose content becomes the message at the end, up to 4096 bytes; default /dev/termination-log.",
    ),
    imagePullPolicy: field(
      14,
      "string",
      "Always, IfNotPresent or Never; default Always for the tag latest or none, else IfNotPresent.",
    ),
    securityContext: field(15, securityContextSchema, "Security settings of the container, over those of the pod."),
    stdin: field(
      16,
      "bool",
      "If true, input stays open for the container to read; default false, where reads end at once.",
    ),
    stdinOnce: field(17, "bool", "If true, input closes for good when the first client that attached goes away."),
    tty: field(18, "bool", "If true, the container gets a terminal; needs stdin to be useful. Default false."),
    envFrom: field(
      19,
      list("atomic", envFromSourceSchema),
      "Objects whose keys all become variables; of equal names the last wins.",
    ),
    terminationMessagePolicy: field(
      20,
      "string",
      "File (the default), or FallbackToLogsOnError to use the log's end where the file is empty.",
    ),
    volumeDevices: field(
      21,
      list("map", volumeDeviceSchema, {
        keys: ["devicePath"],
        patch: { strategy: "merge", key: "devicePath" },
      }),
      "Volumes that appear in the container as raw block devices.",
    ),
    startupProbe: field(
      22,
      probeSchema,
      "Check that must succeed before other probes begin; its failure restarts the container.",
    ),
    resizePolicy: field(
      23,
      list("atomic", containerResizePolicySchema),
      "Which resources can change without a restart; absent means NotRequired for cpu and memory.",
    ),
    restartPolicy: field(
      24,
      "string",
      "When this container starts again, over the pod's policy; Always makes an init container a sidecar.",
      { presence: true },
    ),
    restartPolicyRules: field(
      25,
      list("atomic", containerRestartRuleSchema),
      "Rules tried in order when the container ends, at most 20; if none holds, restartPolicy decides.",
    ),
  },
);

export const ephemeralContainerCommonSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.EphemeralContainerCommon",
  "What an ephemeral container has in common with others.",
  {
    name: field(1, "string", "Name of the ephemeral container, unique among all containers of the pod."),
    image: field(2, "string", "Image that the ephemeral container runs."),
    command: field(
      3,
      list("atomic", "string"),
      "Program and first arguments of the debugging session; absent means the image's entry point.",
    ),
    args: field(
      4,
      list("atomic", "string"),
      "Arguments of the debugging session; absent means the image's, unless command is set.",
    ),
    workingDir: field(5, "string", "Folder in which the debugging session starts; absent means the image's."),
    ports: field(
      6,
      list("map", containerPortSchema, {
        keys: ["containerPort", "protocol"],
        patch: { strategy: "merge", key: "containerPort" },
      }),
      "Not allowed: ephemeral containers have no ports of their own.",
    ),
    env: field(
      7,
      list("map", envVarSchema, { keys: ["name"], patch: { strategy: "merge", key: "name" } }),
      "Variables of the ephemeral container's environment.",
    ),
    resources: field(8, resourceRequirementsSchema, "Not allowed: ephemeral containers use what the pod has spare."),
    volumeMounts: field(
      9,
      list("map", volumeMountSchema, {
        keys: ["mountPath"],
        patch: { strategy: "merge", key: "mountPath" },
      }),
      "Volumes of the pod that appear in the ephemeral container; sub-paths are not allowed.",
    ),
    livenessProbe: field(10, probeSchema, "Not allowed: an ephemeral container is not checked for liveness."),
    readinessProbe: field(11, probeSchema, "Not allowed: an ephemeral container does not count for readiness."),
    lifecycle: field(12, lifecycleSchema, "Not allowed: ephemeral containers have no hooks."),
    terminationMessagePath: field(
      13,
      "string",
      "File whose content becomes the message at the session's end; default /dev/termination-log.",
    ),
    imagePullPolicy: field(
      14,
      "string",
      "When the image is pulled: Always, IfNotPresent or Never; the default depends on the tag.",
    ),
    securityContext: field(
      15,
      securityContextSchema,
      "Security settings of the ephemeral container, over those of the pod.",
    ),
    stdin: field(16, "bool", "If true, the session's input stays open for clients that attach; default false."),
    stdinOnce: field(17, "bool", "If true, the session's input closes when the first client that attached goes away."),
    tty: field(18, "bool", "If true, the session gets a terminal; default false."),
    envFrom: field(
      19,
      list("atomic", envFromSourceSchema),
      "Objects whose keys all become variables of the ephemeral container.",
    ),
    terminationMessagePolicy: field(
      20,
      "string",
      "File (the default) or FallbackToLogsOnError, as for other containers.",
    ),
    volumeDevices: field(
      21,
      list("map", volumeDeviceSchema, {
        keys: ["devicePath"],
        patch: { strategy: "merge", key: "devicePath" },
      }),
      "Block devices of the pod that appear in the ephemeral container.",
    ),
    startupProbe: field(22, probeSchema, "Not allowed: an ephemeral container has no startup check."),
    resizePolicy: field(
      23,
      list("atomic", containerResizePolicySchema),
      "Not allowed: an ephemeral container has no resources to change.",
    ),
    restartPolicy: field(24, "string", "Not allowed: an ephemeral container is never started again.", {
      presence: true,
    }),
    restartPolicyRules: field(
      25,
      list("atomic", containerRestartRuleSchema),
      "Not allowed: an ephemeral container is never started again, whatever its exit status.",
    ),
  },
);

export const ephemeralContainerSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.EphemeralContainer",
  "A container added to a running pod to look into it; it stays until the pod goes.",
  {
    ephemeralContainerCommon: field(
      1,
      ephemeralContainerCommonSchema,
      "Members that it shares with other containers.",
      { inline: true },
    ),
    targetContainerName: field(
      2,
      "string",
      "Container whose processes it can see; absent means only its own, or the pod's shared ones.",
    ),
  },
);
