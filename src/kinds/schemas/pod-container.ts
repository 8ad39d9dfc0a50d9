import { field, list, map, object, type ObjectSchema } from "../schema.ts";
import { localObjectReferenceSchema } from "./core-shared.ts";

export const containerPortSchema: ObjectSchema = object("io.k8s.api.core.v1.ContainerPort", "", {
  name: field(1, "string", ""),
  hostPort: field(2, "int32", ""),
  containerPort: field(3, "int32", "", { required: true }),
  protocol: field(4, "string", "", { default: "TCP" }),
  hostIP: field(5, "string", ""),
});

export const objectFieldSelectorSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ObjectFieldSelector",
  "",
  {
    apiVersion: field(1, "string", ""),
    fieldPath: field(2, "string", "", { required: true }),
  },
  { atomic: true },
);

export const resourceFieldSelectorSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ResourceFieldSelector",
  "",
  {
    containerName: field(1, "string", ""),
    resource: field(2, "string", "", { required: true }),
    divisor: field(3, "quantity", "", { default: "0" }),
  },
  { atomic: true },
);

export const configMapKeySelectorSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ConfigMapKeySelector",
  "",
  {
    localObjectReference: field(1, localObjectReferenceSchema, "", { inline: true }),
    key: field(2, "string", "", { required: true }),
    optional: field(3, "bool", "", { presence: true }),
  },
  { atomic: true },
);

export const secretKeySelectorSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.SecretKeySelector",
  "",
  {
    localObjectReference: field(1, localObjectReferenceSchema, "", { inline: true }),
    key: field(2, "string", "", { required: true }),
    optional: field(3, "bool", "", { presence: true }),
  },
  { atomic: true },
);

export const fileKeySelectorSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.FileKeySelector",
  "",
  {
    volumeName: field(1, "string", "", { required: true }),
    path: field(2, "string", "", { required: true }),
    key: field(3, "string", "", { required: true }),
    optional: field(4, "bool", "", { presence: true }),
  },
  { atomic: true },
);

export const envVarSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.EnvVarSource", "", {
  fieldRef: field(1, objectFieldSelectorSchema, ""),
  resourceFieldRef: field(2, resourceFieldSelectorSchema, ""),
  configMapKeyRef: field(3, configMapKeySelectorSchema, ""),
  secretKeyRef: field(4, secretKeySelectorSchema, ""),
  fileKeyRef: field(5, fileKeySelectorSchema, ""),
});

export const envVarSchema: ObjectSchema = object("io.k8s.api.core.v1.EnvVar", "", {
  name: field(1, "string", "", { required: true }),
  value: field(2, "string", ""),
  valueFrom: field(3, envVarSourceSchema, ""),
});

export const resourceClaimSchema: ObjectSchema = object("io.k8s.api.core.v1.ResourceClaim", "", {
  name: field(1, "string", "", { required: true }),
  request: field(2, "string", ""),
});

export const resourceRequirementsSchema: ObjectSchema = object("io.k8s.api.core.v1.ResourceRequirements", "", {
  limits: field(1, map("quantity"), ""),
  requests: field(2, map("quantity"), ""),
  claims: field(3, list("map", resourceClaimSchema, { keys: ["name"] }), ""),
});

export const volumeMountSchema: ObjectSchema = object("io.k8s.api.core.v1.VolumeMount", "", {
  name: field(1, "string", "", { required: true }),
  readOnly: field(2, "bool", ""),
  mountPath: field(3, "string", "", { required: true }),
  subPath: field(4, "string", ""),
  mountPropagation: field(5, "string", "", { presence: true }),
  subPathExpr: field(6, "string", ""),
  recursiveReadOnly: field(7, "string", "", { presence: true }),
});

export const execActionSchema: ObjectSchema = object("io.k8s.api.core.v1.ExecAction", "", {
  command: field(1, list("atomic", "string"), ""),
});

export const httpHeaderSchema: ObjectSchema = object("io.k8s.api.core.v1.HTTPHeader", "", {
  name: field(1, "string", "", { required: true }),
  value: field(2, "string", "", { required: true }),
});

export const httpGetActionSchema: ObjectSchema = object("io.k8s.api.core.v1.HTTPGetAction", "", {
  path: field(1, "string", ""),
  port: field(2, "intOrString", "", { required: true }),
  host: field(3, "string", ""),
  scheme: field(4, "string", ""),
  httpHeaders: field(5, list("atomic", httpHeaderSchema), ""),
});

export const tcpSocketActionSchema: ObjectSchema = object("io.k8s.api.core.v1.TCPSocketAction", "", {
  port: field(1, "intOrString", "", { required: true }),
  host: field(2, "string", ""),
});

export const grpcActionSchema: ObjectSchema = object("io.k8s.api.core.v1.GRPCAction", "", {
  port: field(1, "int32", "", { required: true }),
  service: field(2, "string", "", { presence: true }),
});

export const probeHandlerSchema: ObjectSchema = object("io.k8s.api.core.v1.ProbeHandler", "", {
  exec: field(1, execActionSchema, ""),
  httpGet: field(2, httpGetActionSchema, ""),
  tcpSocket: field(3, tcpSocketActionSchema, ""),
  grpc: field(4, grpcActionSchema, ""),
});

export const probeSchema: ObjectSchema = object("io.k8s.api.core.v1.Probe", "", {
  handler: field(1, probeHandlerSchema, "", { inline: true }),
  initialDelaySeconds: field(2, "int32", ""),
  timeoutSeconds: field(3, "int32", ""),
  periodSeconds: field(4, "int32", ""),
  successThreshold: field(5, "int32", ""),
  failureThreshold: field(6, "int32", ""),
  terminationGracePeriodSeconds: field(7, "int64", "", { presence: true }),
});

export const sleepActionSchema: ObjectSchema = object("io.k8s.api.core.v1.SleepAction", "", {
  seconds: field(1, "int64", "", { required: true }),
});

export const lifecycleHandlerSchema: ObjectSchema = object("io.k8s.api.core.v1.LifecycleHandler", "", {
  exec: field(1, execActionSchema, ""),
  httpGet: field(2, httpGetActionSchema, ""),
  tcpSocket: field(3, tcpSocketActionSchema, ""),
  sleep: field(4, sleepActionSchema, ""),
});

export const lifecycleSchema: ObjectSchema = object("io.k8s.api.core.v1.Lifecycle", "", {
  postStart: field(1, lifecycleHandlerSchema, ""),
  preStop: field(2, lifecycleHandlerSchema, ""),
  stopSignal: field(3, "string", "", { presence: true }),
});

export const capabilitiesSchema: ObjectSchema = object("io.k8s.api.core.v1.Capabilities", "", {
  add: field(1, list("atomic", "string"), ""),
  drop: field(2, list("atomic", "string"), ""),
});

export const seLinuxOptionsSchema: ObjectSchema = object("io.k8s.api.core.v1.SELinuxOptions", "", {
  user: field(1, "string", ""),
  role: field(2, "string", ""),
  type: field(3, "string", ""),
  level: field(4, "string", ""),
});

export const windowsSecurityContextOptionsSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.WindowsSecurityContextOptions",
  "",
  {
    gmsaCredentialSpecName: field(1, "string", "", { presence: true }),
    gmsaCredentialSpec: field(2, "string", "", { presence: true }),
    runAsUserName: field(3, "string", "", { presence: true }),
    hostProcess: field(4, "bool", "", { presence: true }),
  },
);

export const seccompProfileSchema: ObjectSchema = object("io.k8s.api.core.v1.SeccompProfile", "", {
  type: field(1, "string", "", { required: true }),
  localhostProfile: field(2, "string", "", { presence: true }),
});

export const appArmorProfileSchema: ObjectSchema = object("io.k8s.api.core.v1.AppArmorProfile", "", {
  type: field(1, "string", "", { required: true }),
  localhostProfile: field(2, "string", "", { presence: true }),
});

export const securityContextSchema: ObjectSchema = object("io.k8s.api.core.v1.SecurityContext", "", {
  capabilities: field(1, capabilitiesSchema, ""),
  privileged: field(2, "bool", "", { presence: true }),
  seLinuxOptions: field(3, seLinuxOptionsSchema, ""),
  runAsUser: field(4, "int64", "", { presence: true }),
  runAsNonRoot: field(5, "bool", "", { presence: true }),
  readOnlyRootFilesystem: field(6, "bool", "", { presence: true }),
  allowPrivilegeEscalation: field(7, "bool", "", { presence: true }),
  runAsGroup: field(8, "int64", "", { presence: true }),
  procMount: field(9, "string", "", { presence: true }),
  windowsOptions: field(10, windowsSecurityContextOptionsSchema, ""),
  seccompProfile: field(11, seccompProfileSchema, ""),
  appArmorProfile: field(12, appArmorProfileSchema, ""),
});

export const configMapEnvSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.ConfigMapEnvSource", "", {
  localObjectReference: field(1, localObjectReferenceSchema, "", { inline: true }),
  optional: field(2, "bool", "", { presence: true }),
});

export const secretEnvSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.SecretEnvSource", "", {
  localObjectReference: field(1, localObjectReferenceSchema, "", { inline: true }),
  optional: field(2, "bool", "", { presence: true }),
});

export const envFromSourceSchema: ObjectSchema = object("io.k8s.api.core.v1.EnvFromSource", "", {
  prefix: field(1, "string", ""),
  configMapRef: field(2, configMapEnvSourceSchema, ""),
  secretRef: field(3, secretEnvSourceSchema, ""),
});

export const volumeDeviceSchema: ObjectSchema = object("io.k8s.api.core.v1.VolumeDevice", "", {
  name: field(1, "string", "", { required: true }),
  devicePath: field(2, "string", "", { required: true }),
});

export const containerResizePolicySchema: ObjectSchema = object("io.k8s.api.core.v1.ContainerResizePolicy", "", {
  resourceName: field(1, "string", "", { required: true }),
  restartPolicy: field(2, "string", "", { required: true }),
});

export const containerRestartRuleOnExitCodesSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ContainerRestartRuleOnExitCodes",
  "",
  {
    operator: field(1, "string", "", { required: true }),
    values: field(2, list("set", "int32"), ""),
  },
);

export const containerRestartRuleSchema: ObjectSchema = object("io.k8s.api.core.v1.ContainerRestartRule", "", {
  action: field(1, "string", "", { required: true }),
  exitCodes: field(2, containerRestartRuleOnExitCodesSchema, ""),
});

export const containerSchema: ObjectSchema = object("io.k8s.api.core.v1.Container", "", {
  name: field(1, "string", "", { required: true }),
  image: field(2, "string", ""),
  command: field(3, list("atomic", "string"), ""),
  args: field(4, list("atomic", "string"), ""),
  workingDir: field(5, "string", ""),
  ports: field(
    6,
    list("map", containerPortSchema, {
      keys: ["containerPort", "protocol"],
      patch: { strategy: "merge", key: "containerPort" },
    }),
    "",
  ),
  env: field(7, list("map", envVarSchema, { keys: ["name"], patch: { strategy: "merge", key: "name" } }), ""),
  resources: field(8, resourceRequirementsSchema, ""),
  volumeMounts: field(
    9,
    list("map", volumeMountSchema, {
      keys: ["mountPath"],
      patch: { strategy: "merge", key: "mountPath" },
    }),
    "",
  ),
  livenessProbe: field(10, probeSchema, ""),
  readinessProbe: field(11, probeSchema, ""),
  lifecycle: field(12, lifecycleSchema, ""),
  terminationMessagePath: field(13, "string", ""),
  imagePullPolicy: field(14, "string", ""),
  securityContext: field(15, securityContextSchema, ""),
  stdin: field(16, "bool", ""),
  stdinOnce: field(17, "bool", ""),
  tty: field(18, "bool", ""),
  envFrom: field(19, list("atomic", envFromSourceSchema), ""),
  terminationMessagePolicy: field(20, "string", ""),
  volumeDevices: field(
    21,
    list("map", volumeDeviceSchema, {
      keys: ["devicePath"],
      patch: { strategy: "merge", key: "devicePath" },
    }),
    "",
  ),
  startupProbe: field(22, probeSchema, ""),
  resizePolicy: field(23, list("atomic", containerResizePolicySchema), ""),
  restartPolicy: field(24, "string", "", { presence: true }),
  restartPolicyRules: field(25, list("atomic", containerRestartRuleSchema), ""),
});

export const ephemeralContainerCommonSchema: ObjectSchema = object("io.k8s.api.core.v1.EphemeralContainerCommon", "", {
  name: field(1, "string", ""),
  image: field(2, "string", ""),
  command: field(3, list("atomic", "string"), ""),
  args: field(4, list("atomic", "string"), ""),
  workingDir: field(5, "string", ""),
  ports: field(6, list("atomic", containerPortSchema), ""),
  env: field(7, list("atomic", envVarSchema), ""),
  resources: field(8, resourceRequirementsSchema, ""),
  volumeMounts: field(9, list("atomic", volumeMountSchema), ""),
  livenessProbe: field(10, probeSchema, ""),
  readinessProbe: field(11, probeSchema, ""),
  lifecycle: field(12, lifecycleSchema, ""),
  terminationMessagePath: field(13, "string", ""),
  imagePullPolicy: field(14, "string", ""),
  securityContext: field(15, securityContextSchema, ""),
  stdin: field(16, "bool", ""),
  stdinOnce: field(17, "bool", ""),
  tty: field(18, "bool", ""),
  envFrom: field(19, list("atomic", envFromSourceSchema), ""),
  terminationMessagePolicy: field(20, "string", ""),
  volumeDevices: field(21, list("atomic", volumeDeviceSchema), ""),
  startupProbe: field(22, probeSchema, ""),
  resizePolicy: field(23, list("atomic", containerResizePolicySchema), ""),
  restartPolicy: field(24, "string", "", { presence: true }),
  restartPolicyRules: field(25, list("atomic", containerRestartRuleSchema), ""),
});

export const ephemeralContainerSchema: ObjectSchema = object("io.k8s.api.core.v1.EphemeralContainer", "", {
  ephemeralContainerCommon: field(1, ephemeralContainerCommonSchema, "", { inline: true }),
  targetContainerName: field(2, "string", ""),
});
