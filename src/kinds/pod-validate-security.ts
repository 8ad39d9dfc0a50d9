import { byteLength } from "../util/names.ts";
import type { FieldErrors } from "./field-errors.ts";
import type { AppArmorProfile, PodSpec, SeccompProfile, SecurityContext } from "./generated/types.ts";
import { int32Max, oneOf, rangeText, validateDescendingPath } from "./pod-validate-context.ts";

/** Security contexts of pods and containers. */

function validateId(errors: FieldErrors, path: string, id: number | undefined): void {
  if (id !== undefined && (id < 0 || id > int32Max)) errors.invalid(path, id, rangeText(0, int32Max));
}

/** `path` is that of the container's `securityContext`. */
export function validateSecurityContext(
  errors: FieldErrors,
  path: string,
  context: SecurityContext | undefined,
  hostUsers: boolean,
): void {
  if (context === undefined) return;
  validateId(errors, `${path}.runAsUser`, context.runAsUser);
  validateId(errors, `${path}.runAsGroup`, context.runAsGroup);
  if (context.procMount !== undefined) {
    oneOf(errors, `${path}.procMount`, context.procMount, ["Default", "Unmasked"]);
    if (hostUsers && context.procMount === "Unmasked") {
      errors.invalid(`${path}.procMount`, "Unmasked", "`hostUsers` must be false to use `Unmasked`");
    }
  }
  validateSeccomp(errors, `${path}.seccompProfile`, context.seccompProfile);
  if (context.allowPrivilegeEscalation === false) {
    if (context.privileged === true) {
      const text = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
      errors.invalid(path, context, text);
    }
    if (context.capabilities?.add?.includes("CAP_SYS_ADMIN") === true) {
      const text = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
      errors.invalid(path, context, text);
    }
  }
  validateAppArmor(errors, `${path}.appArmorProfile`, context.appArmorProfile);
}

const profileTypes = ["Localhost", "RuntimeDefault", "Unconfined"];

function validateSeccomp(errors: FieldErrors, path: string, profile: SeccompProfile | undefined): void {
  if (profile === undefined) return;
  if (profile.type === "") errors.required(`${path}.type`, "type is required when seccompProfile is set");
  else oneOf(errors, `${path}.type`, profile.type, profileTypes);
  const file = profile.localhostProfile;
  if (profile.type !== "Localhost") {
    if (file !== undefined) {
      errors.invalid(`${path}.localhostProfile`, profile, "can only be set when seccomp type is Localhost");
    }
  } else if (file === undefined) {
    errors.required(`${path}.localhostProfile`, "must be set when seccomp type is Localhost");
  } else validateDescendingPath(errors, `${path}.localhostProfile`, file);
}

/** Longest path that Linux takes, without the closing zero. */
const pathBytesMax = 4095;

function validateAppArmor(errors: FieldErrors, path: string, profile: AppArmorProfile | undefined): void {
  if (profile === undefined) return;
  const here = `${path}.localhostProfile`;
  const file = profile.localhostProfile;
  if (profile.type === "") errors.required(`${path}.type`, "type is required when appArmorProfile is set");
  else if (profile.type !== "Localhost") {
    if (!profileTypes.includes(profile.type)) errors.notSupported(`${path}.type`, profile.type, profileTypes);
    else if (file !== undefined) {
      errors.invalid(here, file, "can only be set when AppArmor type is Localhost");
    }
  } else if (file === undefined) errors.required(here, "must be set when AppArmor type is Localhost");
  else {
    if (file.trim() !== file) errors.invalid(here, file, "must not be padded with whitespace");
    else if (file === "") errors.required(here, "must be set when AppArmor type is Localhost");
    if (byteLength(file) > pathBytesMax) errors.tooLong(here, pathBytesMax);
  }
}

/** `path` is that of the pod's `securityContext`. */
export function validatePodSecurity(errors: FieldErrors, path: string, spec: PodSpec): void {
  const context = spec.securityContext ?? {};
  validateId(errors, `${path}.fsGroup`, context.fsGroup);
  validateId(errors, `${path}.runAsUser`, context.runAsUser);
  validateId(errors, `${path}.runAsGroup`, context.runAsGroup);
  for (const [index, group] of (context.supplementalGroups ?? []).entries()) {
    validateId(errors, `${path}.supplementalGroups[${index}]`, group);
  }
  if (spec.shareProcessNamespace === true && spec.hostPID === true) {
    const text = "ShareProcessNamespace and HostPID cannot both be enabled";
    errors.invalid(`${path}.shareProcessNamespace`, true, text);
  }
  validateSysctls(errors, `${path}.sysctls`, spec);
  type Choice = "fsGroupChangePolicy" | "supplementalGroupsPolicy" | "seLinuxChangePolicy";
  const choices: readonly (readonly [Choice, readonly string[]])[] = [
    ["fsGroupChangePolicy", ["Always", "OnRootMismatch"]],
    ["supplementalGroupsPolicy", ["Merge", "Strict"]],
    ["seLinuxChangePolicy", ["Recursive"]],
  ];
  for (const [index, [name, known]] of choices.entries()) {
    const value = context[name];
    if (value !== undefined && !known.includes(value)) {
      errors.notSupported(`${path}.${name}`, value, known);
    }
    if (index > 0) continue;
    validateSeccomp(errors, `${path}.seccompProfile`, context.seccompProfile);
    validateAppArmor(errors, `${path}.appArmorProfile`, context.appArmorProfile);
  }
}

const sysctlRegex = "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
const sysctlPattern = new RegExp(sysctlRegex);
const sysctlBytesMax = 253;

function validateSysctls(errors: FieldErrors, path: string, spec: PodSpec): void {
  const seen = new Set<string>();
  for (const [index, { name }] of (spec.securityContext?.sysctls ?? []).entries()) {
    const here = `${path}[${index}].name`;
    if (name === "") errors.required(here);
    else if (name.length > sysctlBytesMax || !sysctlPattern.test(name)) {
      errors.invalid(here, name, `must have at most ${sysctlBytesMax} characters and match regex ${sysctlRegex}`);
    } else if (seen.has(name)) errors.duplicate(here, name);
    seen.add(name);
    const dotted = name.replaceAll("/", ".");
    if (spec.hostNetwork === true && dotted.startsWith("net.")) {
      errors.invalid(here, name, "may not be specified when 'hostNetwork' is true");
    }
    if (spec.hostIPC === true && /^(kernel\.(shm|msg|sem)|fs\.mqueue\.)/.test(dotted)) {
      errors.invalid(here, name, "may not be specified when 'hostIPC' is true");
    }
  }
}

/** What a pod with a user namespace of its own may not share with the host. */
export function validateHostUsers(errors: FieldErrors, path: string, spec: PodSpec): void {
  if (spec.hostUsers !== false) return;
  const text = "when `hostUsers` is false";
  if (spec.hostNetwork === true) errors.forbidden(`${path}.hostNetwork`, text);
  // Kubernetes spells these two with a capital letter.
  if (spec.hostPID === true) errors.forbidden(`${path}.HostPID`, text);
  if (spec.hostIPC === true) errors.forbidden(`${path}.HostIPC`, text);
  for (const list of ["initContainers", "containers"] as const) {
    for (const [index, container] of (spec[list] ?? []).entries()) {
      if ((container.volumeDevices ?? []).length > 0) {
        errors.forbidden(`${path}.${list}[${index}].volumeDevices`, text);
      }
    }
  }
}

/** The system that the pod is made for, and what means nothing there. */
export function validateOs(errors: FieldErrors, path: string, spec: PodSpec): void {
  if (spec.os === undefined) return;
  const { name } = spec.os;
  if (name === "") errors.required(`${path}.os.name`);
  else if (name !== "linux" && name !== "windows") {
    errors.notSupported(`${path}.os`, name, ["linux", "windows"]);
  } else if (name === "linux") forbidWindows(errors, path, spec);
  else forbidLinux(errors, path, spec);
}

function forbidWindows(errors: FieldErrors, path: string, spec: PodSpec): void {
  const text = "windows options cannot be set for a linux pod";
  if (spec.securityContext?.windowsOptions !== undefined) {
    errors.forbidden(`${path}.securityContext.windowsOptions`, text);
  }
  for (const list of ["containers", "initContainers"] as const) {
    for (const [index, container] of (spec[list] ?? []).entries()) {
      if (container.securityContext?.windowsOptions === undefined) continue;
      errors.forbidden(`${path}.${list}[${index}].securityContext.windowsOptions`, text);
    }
  }
}

const linuxOfPod = ["hostUsers", "hostPID", "hostIPC", "hostNetwork", "shareProcessNamespace"] as const;
const linuxOfPodContext = [
  "appArmorProfile",
  "seLinuxOptions",
  "seccompProfile",
  "fsGroup",
  "fsGroupChangePolicy",
  "sysctls",
  "runAsUser",
  "runAsGroup",
  "supplementalGroups",
] as const;
const linuxOfContainer = [
  "appArmorProfile",
  "seLinuxOptions",
  "seccompProfile",
  "capabilities",
  "readOnlyRootFilesystem",
  "privileged",
  "allowPrivilegeEscalation",
  "procMount",
  "runAsUser",
  "runAsGroup",
] as const;

function forbidLinux(errors: FieldErrors, path: string, spec: PodSpec): void {
  const text = "cannot be set for a windows pod";
  for (const name of linuxOfPod) {
    if (spec[name] === undefined || (name !== "hostUsers" && spec[name] === false)) continue;
    errors.forbidden(`${path}.${name}`, text);
  }
  for (const name of linuxOfPodContext) {
    if (spec.securityContext?.[name] !== undefined) {
      errors.forbidden(`${path}.securityContext.${name}`, text);
    }
  }
  for (const list of ["containers", "initContainers"] as const) {
    for (const [index, container] of (spec[list] ?? []).entries()) {
      for (const name of linuxOfContainer) {
        if (container.securityContext?.[name] === undefined) continue;
        errors.forbidden(`${path}.${list}[${index}].securityContext.${name}`, text);
      }
    }
  }
}
