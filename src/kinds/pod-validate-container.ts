import { dnsLabel, portName } from "../util/names.ts";
import { invalidEach } from "./errors.ts";
import type { FieldErrors } from "./field-errors.ts";
import type { Container, ContainerPort, EphemeralContainer } from "./generated/types.ts";
import { isSidecar } from "./pod-resources.ts";
import { oneOf, rangeText, usesHostUsers, validateDescendingPath, type PodContext } from "./pod-validate-context.ts";
import { validateEnv, validateEnvFrom } from "./pod-validate-env.ts";
import { validateLifecycle, validateProbes } from "./pod-validate-probe.ts";
import { validateResources } from "./pod-validate-resources.ts";
import { validateSecurityContext } from "./pod-validate-security.ts";

/** Containers of a pod: regular, init and ephemeral ones. `path` is that of the list. */

export function validateContainers(context: PodContext, path: string): void {
  const { errors, spec } = context;
  const containers = spec.containers ?? [];
  if (containers.length === 0) {
    errors.required(path);
    return;
  }
  const names = new Set<string>();
  for (const [index, container] of containers.entries()) {
    const here = `${path}[${index}]`;
    validateCommon(context, here, container);
    if (names.has(container.name)) errors.duplicate(`${here}.name`, container.name);
    names.add(container.name);
    if (container.lifecycle !== undefined) {
      validateLifecycle(context, `${here}.lifecycle`, container.lifecycle);
    }
    validateProbes(context, here, container);
    validateRestart(errors, here, container);
  }
  validateHostPorts(errors, path, containers);
}

const initOnly = "may not be set for init containers without restartPolicy=Always";

export function validateInitContainers(context: PodContext, path: string): void {
  const { errors, spec } = context;
  const names = new Set((spec.containers ?? []).map((container) => container.name));
  for (const [index, container] of (spec.initContainers ?? []).entries()) {
    const here = `${path}[${index}]`;
    validateCommon(context, here, container);
    validateRestart(errors, here, container);
    if (names.has(container.name)) errors.duplicate(`${here}.name`, container.name);
    else if (container.name !== "") names.add(container.name);
    // Init containers run one by one; Kubernetes names each as the first of its own list.
    validateHostPorts(errors, path, [container]);
    if (isSidecar(container)) {
      if (container.lifecycle !== undefined) {
        validateLifecycle(context, `${here}.lifecycle`, container.lifecycle);
      }
      validateProbes(context, here, container);
      continue;
    }
    for (const name of ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] as const) {
      if (container[name] !== undefined) errors.forbidden(`${here}.${name}`, initOnly);
    }
    for (const [at, { restartPolicy }] of (container.resizePolicy ?? []).entries()) {
      if (restartPolicy !== "RestartContainer") continue;
      const text = "must not be set to 'RestartContainer' for non-sidecar initContainers";
      errors.invalid(`${here}.resizePolicy[${at}].restartPolicy`, restartPolicy, text);
    }
  }
}

const ephemeralForbidden = [
  "ports",
  "livenessProbe",
  "readinessProbe",
  "startupProbe",
  "lifecycle",
  "resizePolicy",
  "restartPolicy",
  "restartPolicyRules",
] as const;

export function validateEphemeralContainers(context: PodContext, path: string): void {
  const { errors, spec } = context;
  const others = [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(({ name }) => name);
  const names = new Set(others);
  for (const [index, ephemeral] of (spec.ephemeralContainers ?? []).entries()) {
    const here = `${path}[${index}]`;
    const container = asContainer(ephemeral);
    validateCommon(context, here, container);
    validateImage(errors, here, container);
    if (names.has(container.name)) errors.duplicate(`${here}.name`, container.name);
    names.add(container.name);
    const target = ephemeral.targetContainerName ?? "";
    if (target !== "" && !others.includes(target)) {
      errors.notFound(`${here}.targetContainerName`, target);
    }
    validateEphemeralFields(errors, here, container);
  }
}

function asContainer(ephemeral: EphemeralContainer): Container {
  const { targetContainerName: _, ...rest } = ephemeral;
  return { ...rest, name: rest.name ?? "" };
}

function validateEphemeralFields(errors: FieldErrors, path: string, container: Container): void {
  const text = "cannot be set for an Ephemeral Container";
  for (const name of ephemeralForbidden) {
    if (container[name] !== undefined) errors.forbidden(`${path}.${name}`, text);
  }
  if (Object.keys(container.resources ?? {}).length > 0) errors.forbidden(`${path}.resources`, text);
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    for (const name of ["subPath", "subPathExpr"] as const) {
      if ((mount[name] ?? "") !== "") errors.forbidden(`${path}.volumeMounts[${index}].${name}`, text);
    }
  }
}

/** Rules for pods that templates are spared. */
export function validateImage(errors: FieldErrors, path: string, container: Container): void {
  const image = container.image ?? "";
  if (image.trim() !== image) {
    errors.invalid(`${path}.image`, image, "must not have leading or trailing whitespace");
  }
}

function validateCommon(context: PodContext, path: string, container: Container): void {
  const { errors, spec } = context;
  if (container.name === "") errors.required(`${path}.name`);
  else invalidEach(errors, `${path}.name`, container.name, dnsLabel(container.name));
  if ((container.image ?? "") === "") errors.required(`${path}.image`);
  oneOf(errors, `${path}.terminationMessagePolicy`, container.terminationMessagePolicy, [
    "File",
    "FallbackToLogsOnError",
  ]);
  validatePorts(errors, `${path}.ports`, container.ports);
  validateEnv(context, `${path}.env`, container.env);
  validateEnvFrom(errors, `${path}.envFrom`, container.envFrom);
  validateMounts(context, `${path}.volumeMounts`, container);
  validateDevices(context, `${path}.volumeDevices`, container);
  oneOf(errors, `${path}.imagePullPolicy`, container.imagePullPolicy, ["Always", "IfNotPresent", "Never"]);
  validateResources(errors, `${path}.resources`, container.resources, context.claims);
  validateResize(context, `${path}.resizePolicy`, container);
  validateSecurityContext(errors, `${path}.securityContext`, container.securityContext, usesHostUsers(spec));
}

export const protocols: readonly string[] = ["SCTP", "TCP", "UDP"];

function validatePorts(errors: FieldErrors, path: string, ports: readonly ContainerPort[] | undefined): void {
  const names = new Set<string>();
  for (const [index, port] of (ports ?? []).entries()) {
    const here = `${path}[${index}]`;
    const name = port.name ?? "";
    if (name !== "") {
      const problems = portName(name);
      invalidEach(errors, `${here}.name`, name, problems);
      if (problems.length === 0 && names.has(name)) errors.duplicate(`${here}.name`, name);
      names.add(name);
    }
    if (port.containerPort === 0) errors.required(`${here}.containerPort`);
    else validatePortNumber(errors, `${here}.containerPort`, port.containerPort);
    if ((port.hostPort ?? 0) !== 0) validatePortNumber(errors, `${here}.hostPort`, port.hostPort ?? 0);
    oneOf(errors, `${here}.protocol`, port.protocol, protocols);
  }
}

function validatePortNumber(errors: FieldErrors, path: string, port: number): void {
  if (port < 1 || port > 65_535) errors.invalid(path, port, rangeText(1, 65_535));
}

function validateHostPorts(errors: FieldErrors, path: string, containers: readonly Container[]): void {
  const seen = new Set<string>();
  for (const [index, container] of containers.entries()) {
    for (const [at, { hostPort, hostIP, protocol }] of (container.ports ?? []).entries()) {
      if ((hostPort ?? 0) === 0) continue;
      const key = `${protocol ?? ""}/${hostIP ?? ""}/${hostPort}`;
      if (seen.has(key)) errors.duplicate(`${path}[${index}].ports[${at}].hostPort`, key);
      seen.add(key);
    }
  }
}

function validateMounts(context: PodContext, path: string, container: Container): void {
  const { errors, volumes } = context;
  const devices = container.volumeDevices ?? [];
  const paths = new Set<string>();
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    const here = `${path}[${index}]`;
    const { name, mountPath, subPath = "", subPathExpr = "" } = mount;
    if (name === "") errors.required(`${here}.name`);
    if (!volumes.has(name)) errors.notFound(`${here}.name`, name);
    if (mountPath === "") errors.required(`${here}.mountPath`);
    if (paths.has(mountPath)) errors.invalid(`${here}.mountPath`, mountPath, "must be unique");
    paths.add(mountPath);
    if (devices.some((device) => device.name === name)) {
      errors.invalid(`${here}.name`, name, "must not already exist in volumeDevices");
    }
    if (devices.some((device) => device.devicePath === mountPath)) {
      errors.invalid(`${here}.mountPath`, mountPath, "must not already exist as a path in volumeDevices");
    }
    // Kubernetes names no index for these.
    if (subPath !== "") validateDescendingPath(errors, `${path}.subPath`, subPath);
    if (subPathExpr !== "") {
      if (subPath !== "") {
        errors.invalid(`${here}.subPathExpr`, subPathExpr, "subPathExpr and subPath are mutually exclusive");
      }
      validateDescendingPath(errors, `${path}.subPathExpr`, subPathExpr);
    }
    validatePropagation(errors, path, container, index);
  }
}

function validatePropagation(errors: FieldErrors, path: string, container: Container, index: number): void {
  const mount = container.volumeMounts?.[index];
  const mode = mount?.mountPropagation;
  if (mode !== undefined) {
    const here = `${path}.mountPropagation`;
    const known = ["Bidirectional", "HostToContainer", "None"];
    if (!known.includes(mode)) errors.notSupported(here, mode, known);
    if (mode === "Bidirectional" && container.securityContext?.privileged !== true) {
      const text = "Bidirectional mount propagation is available only to privileged containers";
      errors.forbidden(here, text);
    }
  }
  const recursive = mount?.recursiveReadOnly;
  if (recursive === undefined || recursive === "Disabled") return;
  const here = `${path}.recursiveReadOnly`;
  if (recursive !== "Enabled" && recursive !== "IfPossible") {
    errors.notSupported(here, recursive, ["Disabled", "Enabled", "IfPossible"]);
    return;
  }
  if (mount?.readOnly !== true) errors.forbidden(here, "may only be specified when readOnly is true");
  if (mode !== undefined && mode !== "None") {
    const text = "may only be specified when mountPropagation is None or not specified";
    errors.forbidden(here, text);
  }
}

function validateDevices(context: PodContext, path: string, container: Container): void {
  const { errors, volumes } = context;
  const mounts = container.volumeMounts ?? [];
  const names = new Set<string>();
  const paths = new Set<string>();
  for (const [index, { name, devicePath }] of (container.volumeDevices ?? []).entries()) {
    const at = `${path}[${index}].name`;
    const pathAt = `${path}[${index}].devicePath`;
    const volume = volumes.get(name);
    if (name === "") errors.required(at);
    if (names.has(name)) errors.invalid(at, name, "must be unique");
    if (volume === undefined) errors.notFound(at, name);
    else if (volume.persistentVolumeClaim === undefined && volume.ephemeral === undefined) {
      const text = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
      errors.invalid(at, name, text);
    }
    if (devicePath === "") errors.required(pathAt);
    if (paths.has(devicePath)) errors.invalid(pathAt, devicePath, "must be unique");
    if (devicePath.split("/").includes("..")) {
      errors.invalid(pathAt, devicePath, "can not contain backsteps ('..')");
    } else paths.add(devicePath);
    if (mounts.some((mount) => mount.name === name)) {
      errors.invalid(at, name, "must not already exist in volumeMounts");
    }
    if (mounts.some((mount) => mount.mountPath === devicePath)) {
      errors.invalid(pathAt, devicePath, "must not already exist as a path in volumeMounts");
    }
    names.add(name);
  }
}

function validateResize({ errors, spec }: PodContext, path: string, container: Container): void {
  const seen = new Set<string>();
  for (const [index, { resourceName, restartPolicy }] of (container.resizePolicy ?? []).entries()) {
    if (seen.has(resourceName)) errors.duplicate(`${path}[${index}]`, resourceName);
    seen.add(resourceName);
    oneOf(errors, path, resourceName, ["cpu", "memory"]);
    oneOf(errors, path, restartPolicy, ["NotRequired", "RestartContainer"]);
    if (spec.restartPolicy === "Never" && restartPolicy !== "NotRequired") {
      errors.invalid(path, restartPolicy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'");
    }
  }
}

const rulesMax = 20;
const exitCodesMax = 255;

function validateRestart(errors: FieldErrors, path: string, container: Container): void {
  const { restartPolicy, restartPolicyRules: rules = [] } = container;
  const known = ["Always", "Never", "OnFailure"];
  if (restartPolicy === undefined) {
    if (rules.length === 0) return;
    errors.required(`${path}.restartPolicy`, "must specify restartPolicy when restart rules are used");
  } else if (!known.includes(restartPolicy)) {
    errors.notSupported(`${path}.restartPolicy`, restartPolicy, known);
  }
  if (rules.length > rulesMax) errors.tooMany(`${path}.restartPolicyRules`, rules.length, rulesMax);
  for (const [index, { action, exitCodes }] of rules.entries()) {
    const here = `${path}.restartPolicyRules[${index}]`;
    const actions = ["Restart", "RestartAllContainers"];
    if (!actions.includes(action)) errors.notSupported(`${here}.action`, action, actions);
    if (exitCodes === undefined) {
      errors.required(`${here}.exitCodes`, "must be specified");
      continue;
    }
    const operators = ["In", "NotIn"];
    if (!operators.includes(exitCodes.operator)) {
      errors.notSupported(`${here}.exitCodes.operator`, exitCodes.operator, operators);
    }
    const count = (exitCodes.values ?? []).length;
    if (count > exitCodesMax) errors.tooMany(`${here}.exitCodes.values`, count, exitCodesMax);
  }
}
