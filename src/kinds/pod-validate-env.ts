import { configKey, dnsSubdomain, qualifiedName } from "../util/names.ts";
import { quantityNanos } from "../util/quantity.ts";
import { invalidEach } from "./errors.ts";
import type { FieldErrors } from "./field-errors.ts";
import type {
  EnvFromSource,
  EnvVar,
  EnvVarSource,
  ObjectFieldSelector,
  ResourceFieldSelector,
} from "./generated/types.ts";
import type { PodContext } from "./pod-validate-context.ts";

/** Environment variables of containers. */

const nameText = "a valid environment variable name must consist only of printable ASCII characters other than '='";

function isEnvName(name: string): boolean {
  return /^[ -<>-~]+$/.test(name);
}

export function validateEnv(context: PodContext, path: string, env: readonly EnvVar[] | undefined): void {
  const { errors } = context;
  for (const [index, variable] of (env ?? []).entries()) {
    const here = `${path}[${index}]`;
    if (variable.name === "") errors.required(`${here}.name`);
    else if (!isEnvName(variable.name)) errors.invalid(`${here}.name`, variable.name, nameText);
    const source = variable.valueFrom;
    if (source !== undefined) validateSource(context, `${here}.valueFrom`, source, variable.value ?? "");
  }
}

function validateSource(context: PodContext, path: string, source: EnvVarSource, value: string): void {
  const { errors } = context;
  const set = Object.values(source).filter((member) => member !== undefined).length;
  if (source.fieldRef !== undefined) {
    fieldPathProblem(errors, `${path}.fieldRef`, source.fieldRef, envFields);
  }
  if (source.resourceFieldRef !== undefined) {
    validateResourceField(errors, `${path}.resourceFieldRef`, source.resourceFieldRef);
  }
  for (const name of ["configMapKeyRef", "secretKeyRef"] as const) {
    const ref = source[name];
    if (ref === undefined) continue;
    const here = `${path}.${name}`;
    invalidEach(errors, `${here}.name`, ref.name ?? "", dnsSubdomain(ref.name ?? ""));
    if (ref.key === "") errors.required(`${here}.key`);
    else invalidEach(errors, `${here}.key`, ref.key, configKey(ref.key));
  }
  if (source.fileKeyRef !== undefined) validateFileKey(context, `${path}.fileKeyRef`, source.fileKeyRef);
  if (value !== "") {
    if (set > 0) errors.invalid(path, "", "may not be specified when `value` is not empty");
  } else if (set > 1) {
    errors.invalid(path, "", "may not have more than one field specified at a time");
  } else if (set === 0) {
    errors.invalid(
      path,
      "",
      "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`",
    );
  }
}

function validateFileKey(context: PodContext, path: string, ref: NonNullable<EnvVarSource["fileKeyRef"]>): void {
  const { errors, volumes } = context;
  for (const name of ["key", "volumeName", "path"] as const) {
    if (ref[name] === "") errors.required(`${path}.${name}`);
  }
  if (ref.volumeName === "") return;
  const volume = volumes.get(ref.volumeName);
  if (volume === undefined) errors.notFound(`${path}.volumeName`, ref.volumeName);
  else if (volume.emptyDir === undefined) {
    errors.invalid(`${path}.volumeName`, ref.volumeName, "referenced volume must be of type emptyDir");
  }
}

const envFields = [
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.serviceAccountName",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
];

/** Fields that have a text, though not all may be used everywhere. */
const knownFields = new Set([
  ...envFields,
  "metadata.annotations",
  "metadata.labels",
  "spec.restartPolicy",
  "spec.schedulerName",
  "status.phase",
]);

/** A reference to a field of the pod itself; `supported` for this place. */
export function fieldPathProblem(
  errors: FieldErrors,
  path: string,
  ref: ObjectFieldSelector,
  supported: readonly string[],
): void {
  const { fieldPath } = ref;
  if ((ref.apiVersion ?? "") === "") errors.required(`${path}.apiVersion`);
  if (fieldPath === "") {
    errors.required(`${path}.fieldPath`);
    return;
  }
  const subscript = /^(metadata\.(?:annotations|labels))\['(.*)'\]$/.exec(fieldPath);
  if (subscript !== null) {
    const key = subscript[2] ?? "";
    const checked = subscript[1] === "metadata.annotations" ? key.toLowerCase() : key;
    invalidEach(errors, path, key, qualifiedName(checked));
    return;
  }
  if (!knownFields.has(fieldPath)) {
    const text = `error converting fieldPath: field label not supported: ${fieldPath}`;
    errors.invalid(`${path}.fieldPath`, fieldPath, text);
  } else if (!supported.includes(fieldPath)) {
    errors.notSupported(`${path}.fieldPath`, fieldPath, supported);
  }
}

const resourceFields = [
  "limits.cpu",
  "limits.ephemeral-storage",
  "limits.memory",
  "requests.cpu",
  "requests.ephemeral-storage",
  "requests.memory",
];

const byteDivisors = ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];

function validateResourceField(errors: FieldErrors, path: string, ref: ResourceFieldSelector): void {
  const { resource } = ref;
  if (resource === "") errors.required(`${path}.resource`);
  else if (!resourceFields.includes(resource) && !/^(limits|requests)\.hugepages-/.test(resource)) {
    errors.notSupported(`${path}.resource`, resource, resourceFields);
  }
  const divisor = quantityNanos(ref.divisor);
  if (divisor === 0n) return;
  const cpu = resource.endsWith(".cpu");
  const allowed = cpu ? ["1m", "1"] : byteDivisors;
  if (allowed.some((text) => quantityNanos(text) === divisor)) return;
  const shown = cpu ? "1m and 1" : allowed.join(", ");
  errors.invalid(
    `${path}.divisor`,
    resource,
    `only divisor's values ${shown} are supported with the ${resourceText(resource)} resource`,
  );
}

function resourceText(resource: string): string {
  if (resource.endsWith(".cpu")) return "cpu";
  if (resource.endsWith(".memory")) return "memory";
  return resource.endsWith(".ephemeral-storage") ? "local ephemeral storage" : "hugepages";
}

export function validateEnvFrom(
  errors: FieldErrors,
  path: string,
  sources: readonly EnvFromSource[] | undefined,
): void {
  for (const [index, source] of (sources ?? []).entries()) {
    const here = `${path}[${index}]`;
    if ((source.prefix ?? "") !== "" && !isEnvName(source.prefix ?? "")) {
      errors.invalid(`${here}.prefix`, source.prefix, nameText);
    }
    const set = (["configMapRef", "secretRef"] as const).filter((name) => source[name] !== undefined);
    for (const name of set) {
      const target = source[name]?.name ?? "";
      if (target === "") errors.required(`${here}.${name}.name`);
      else invalidEach(errors, `${here}.${name}.name`, target, dnsSubdomain(target));
    }
    // Kubernetes names no index here.
    if (set.length > 1) errors.invalid(path, "", "may not have more than one field specified at a time");
    else if (set.length === 0) errors.invalid(path, "", "must specify one of: `configMapRef` or `secretRef`");
  }
}
