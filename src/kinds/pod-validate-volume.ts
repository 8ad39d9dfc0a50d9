import { byteLength, dnsLabel, dnsSubdomain } from "../util/names.ts";
import { compareQuantities } from "../util/quantity.ts";
import { invalidEach } from "./errors.ts";
import type { FieldErrors } from "./field-errors.ts";
import type {
  DownwardAPIVolumeFile,
  HostPathVolumeSource,
  KeyToPath,
  PodSpec,
  Volume,
  VolumeProjection,
} from "./generated/types.ts";
import { validateDescendingPath } from "./pod-validate-context.ts";
import { fieldPathProblem } from "./pod-validate-env.ts";

/** Volumes of a pod. Kubernetes looks at them in a fixed order, and at the first source only. */

export interface VolumeRules {
  readonly errors: FieldErrors;
  readonly podName: string;
  readonly template: boolean;
  readonly serviceAccountName: string;
}

/** Answers the volumes without errors, by name. `path` is that of the list. */
export function validateVolumes(
  rules: VolumeRules,
  path: string,
  volumes: PodSpec["volumes"],
): ReadonlyMap<string, Volume> {
  const good = new Map<string, Volume>();
  for (const [index, volume] of (volumes ?? []).entries()) {
    const here = `${path}[${index}]`;
    // Errors of one volume are gathered apart: a volume with any is unknown to mounts.
    const before = rules.errors.causes.length;
    validateSource(rules, here, volume);
    if (volume.name === "") rules.errors.required(`${here}.name`);
    else invalidEach(rules.errors, `${here}.name`, volume.name, dnsLabel(volume.name));
    if (good.has(volume.name)) rules.errors.duplicate(`${here}.name`, volume.name);
    if (rules.errors.causes.length === before) good.set(volume.name, volume);
  }
  return good;
}

type Check = (rules: VolumeRules, path: string, volume: Volume) => void;

/** Requires members of a source not to be empty. */
function needs(...names: readonly string[]): Check {
  return ({ errors }, path, volume) => {
    const source = (volume as unknown as Readonly<Record<string, unknown>>)[path.split(".").at(-1) ?? ""];
    for (const name of names) {
      const value = (source as Readonly<Record<string, unknown>> | undefined)?.[name];
      const empty = value === undefined || value === "" || (Array.isArray(value) && value.length === 0);
      if (empty) errors.required(`${path}.${name}`);
    }
  };
}

/** In Kubernetes' order, which decides about the "second" of two sources. */
const sources: readonly (readonly [name: keyof Volume, check: Check])[] = [
  ["emptyDir", validateEmptyDir],
  ["hostPath", ({ errors }, path, volume) => validateHostPath(errors, path, volume.hostPath)],
  ["gitRepo", needs("repository")],
  ["gcePersistentDisk", validateDisk],
  ["awsElasticBlockStore", needs("volumeID")],
  ["secret", validateSecret],
  ["nfs", validateNfs],
  ["iscsi", needs("targetPortal", "iqn")],
  ["glusterfs", needs("endpoints", "path")],
  ["flocker", () => {}],
  ["persistentVolumeClaim", needs("claimName")],
  ["rbd", needs("monitors", "image")],
  ["cinder", needs("volumeID")],
  ["cephfs", needs("monitors")],
  ["quobyte", needs("registry", "volume")],
  ["downwardAPI", validateDownward],
  ["fc", () => {}],
  ["flexVolume", needs("driver")],
  ["configMap", validateConfigMap],
  ["azureFile", needs("secretName", "shareName")],
  ["vsphereVolume", needs("volumePath")],
  ["photonPersistentDisk", needs("pdID")],
  ["portworxVolume", needs("volumeID")],
  ["azureDisk", needs("diskName", "diskURI")],
  ["storageos", () => {}],
  ["projected", validateProjected],
  ["scaleIO", needs("gateway", "system", "volumeName")],
  ["csi", validateCsi],
  ["ephemeral", validateEphemeral],
  ["image", validateImage],
];

function validateSource(rules: VolumeRules, path: string, volume: Volume): void {
  let found = 0;
  for (const [name, check] of sources) {
    if (volume[name] === undefined) continue;
    found += 1;
    // Kubernetes misspells this one path.
    const shown = name === "downwardAPI" ? "downwarAPI" : name;
    if (found > 1) rules.errors.forbidden(`${path}.${shown}`, "may not specify more than 1 volume type");
    else check(rules, `${path}.${name}`, volume);
  }
  if (found === 0) rules.errors.required(path, "must specify a volume type");
}

function validateDisk({ errors }: VolumeRules, path: string, volume: Volume): void {
  if ((volume.gcePersistentDisk?.pdName ?? "") === "")
    errors.required(`${path.slice(0, path.lastIndexOf("."))}.persistentDisk.pdName`);
}

function validateEmptyDir({ errors }: VolumeRules, path: string, { emptyDir }: Volume): void {
  if (emptyDir?.sizeLimit === undefined || compareQuantities(emptyDir.sizeLimit, undefined) >= 0) return;
  errors.forbidden(`${path}.sizeLimit`, "SizeLimit field must be a valid resource quantity");
}

const hostPathTypes = [
  "",
  "BlockDevice",
  "CharDevice",
  "Directory",
  "DirectoryOrCreate",
  "File",
  "FileOrCreate",
  "Socket",
];

function validateHostPath(errors: FieldErrors, path: string, source: HostPathVolumeSource | undefined): void {
  const target = source?.path ?? "";
  if (target === "") {
    errors.required(`${path}.path`);
    return;
  }
  if (target.split("/").includes("..")) errors.invalid(`${path}.path`, target, "must not contain '..'");
  const type = source?.type ?? "";
  if (!hostPathTypes.includes(type)) errors.notSupported(`${path}.type`, type, hostPathTypes);
}

const modeText = "must be a number between 0 and 0777 (octal), both inclusive";

function validateMode(errors: FieldErrors, path: string, mode: number | undefined): void {
  if (mode !== undefined && (mode < 0 || mode > 0o777)) errors.invalid(path, mode, modeText);
}

/** A file's place inside a volume: below it, and not hidden by the writer's own files. */
function validateFilePath(errors: FieldErrors, path: string, value: string): void {
  validateDescendingPath(errors, path, value);
  if (value.startsWith("..") && !value.startsWith("../") && value !== "..") {
    errors.invalid(path, value, "must not start with '..'");
  }
}

function validateItems(errors: FieldErrors, path: string, items: readonly KeyToPath[] | undefined): void {
  for (const [index, item] of (items ?? []).entries()) {
    const here = `${path}.items[${index}]`;
    if (item.key === "") errors.required(`${here}.key`);
    if (item.path === "") errors.required(`${here}.path`);
    validateFilePath(errors, `${here}.path`, item.path);
    validateMode(errors, `${here}.mode`, item.mode);
  }
}

function validateSecret({ errors }: VolumeRules, path: string, { secret }: Volume): void {
  if ((secret?.secretName ?? "") === "") errors.required(`${path}.secretName`);
  validateMode(errors, `${path}.defaultMode`, secret?.defaultMode);
  validateItems(errors, path, secret?.items);
}

function validateConfigMap({ errors }: VolumeRules, path: string, { configMap }: Volume): void {
  if ((configMap?.name ?? "") === "") errors.required(`${path}.name`);
  validateMode(errors, `${path}.defaultMode`, configMap?.defaultMode);
  validateItems(errors, path, configMap?.items);
}

function validateNfs({ errors }: VolumeRules, path: string, { nfs }: Volume): void {
  if ((nfs?.server ?? "") === "") errors.required(`${path}.server`);
  if ((nfs?.path ?? "") === "") errors.required(`${path}.path`);
  else if (nfs?.path.startsWith("/") !== true) {
    errors.invalid(`${path}.path`, nfs?.path, "must be an absolute path");
  }
}

const downwardFields = [
  "metadata.annotations",
  "metadata.labels",
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
];

function validateDownward({ errors }: VolumeRules, path: string, { downwardAPI }: Volume): void {
  validateMode(errors, `${path}.defaultMode`, downwardAPI?.defaultMode);
  for (const item of downwardAPI?.items ?? []) validateDownwardFile(errors, path, item);
}

/** Kubernetes names no index here. */
function validateDownwardFile(errors: FieldErrors, path: string, item: DownwardAPIVolumeFile): void {
  if (item.path === "") errors.required(`${path}.path`);
  validateFilePath(errors, `${path}.path`, item.path);
  if (item.fieldRef !== undefined) {
    fieldPathProblem(errors, `${path}.fieldRef`, item.fieldRef, downwardFields);
    if (item.resourceFieldRef !== undefined) {
      errors.invalid(path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously");
    }
  } else if (item.resourceFieldRef === undefined) {
    errors.required(path, "one of fieldRef and resourceFieldRef is required");
  } else if ((item.resourceFieldRef.containerName ?? "") === "") {
    errors.required(`${path}.resourceFieldRef.containerName`);
  }
  validateMode(errors, `${path}.mode`, item.mode);
}

function validateProjected(rules: VolumeRules, path: string, { projected }: Volume): void {
  const { errors } = rules;
  validateMode(errors, `${path}.defaultMode`, projected?.defaultMode);
  const paths = new Set<string>();
  const claim = (file: string): void => {
    if (file === "") return;
    if (paths.has(file)) errors.invalid(path, file, "conflicting duplicate paths");
    paths.add(file);
  };
  for (const [index, source] of (projected?.sources ?? []).entries()) {
    validateProjection(rules, { path, here: `${path}.sources[${index}]`, source, claim });
  }
}

interface Projection {
  readonly path: string;
  readonly here: string;
  readonly source: VolumeProjection;
  readonly claim: (file: string) => void;
}

/** A token that would not outlive its first minutes, or would outlive everything. */
const tokenSeconds = { least: 600, most: 2 ** 32 };

function validateProjection(rules: VolumeRules, projection: Projection): void {
  const { errors } = rules;
  const { path, here, source, claim } = projection;
  let found = 0;
  const first = (name: string): boolean => {
    found += 1;
    if (found === 1) return true;
    errors.forbidden(`${here}.${name}`, "may not specify more than 1 volume type per source");
    return false;
  };
  for (const name of ["secret", "configMap"] as const) {
    const part = source[name];
    if (part === undefined || !first(name)) continue;
    if ((part.name ?? "") === "") errors.required(`${here}.${name}.name`);
    validateItems(errors, `${here}.${name}`, part.items);
    for (const item of part.items ?? []) claim(item.path);
  }
  if (source.downwardAPI !== undefined && first("downwardAPI")) {
    for (const item of source.downwardAPI.items ?? []) {
      validateDownwardFile(errors, `${here}.downwardAPI`, item);
      claim(item.path);
    }
  }
  const token = source.serviceAccountToken;
  if (token !== undefined && first("serviceAccountToken")) {
    const at = `${here}.serviceAccountToken.expirationSeconds`;
    const seconds = token.expirationSeconds ?? 3_600;
    if (seconds < tokenSeconds.least) {
      errors.invalid(at, seconds, "may not specify a duration less than 10 minutes");
    } else if (seconds > tokenSeconds.most) {
      errors.invalid(at, seconds, "may not specify a duration larger than 2^32 seconds");
    }
    if (token.path === "") errors.required(`${path}.path`);
    else {
      validateFilePath(errors, `${here}.serviceAccountToken.path`, token.path);
      claim(token.path);
    }
  }
}

function validateCsi({ errors }: VolumeRules, path: string, { csi }: Volume): void {
  const driver = csi?.driver ?? "";
  if (driver === "") errors.required(`${path}.driver`);
  else {
    if (byteLength(driver) > 63) errors.tooLong(`${path}.driver`, 63);
    invalidEach(errors, `${path}.driver`, driver, dnsSubdomain(driver.toLowerCase()));
  }
}

function validateEphemeral(rules: VolumeRules, path: string, volume: Volume): void {
  const { errors, podName } = rules;
  if (volume.ephemeral?.volumeClaimTemplate === undefined) errors.required(`${path}.volumeClaimTemplate`);
  if (podName === "" || volume.name === "") return;
  const claim = `${podName}-${volume.name}`;
  const problems = dnsSubdomain(claim).map((text) => `PVC name "${claim}": ${text}`);
  invalidEach(errors, `${path.slice(0, path.lastIndexOf("."))}.name`, volume.name, problems);
}

function validateImage({ errors, template }: VolumeRules, path: string, { image }: Volume): void {
  if (!template && (image?.reference ?? "") === "") errors.required(`${path}.reference`);
}

/** Tokens in volumes need an account to stand for. */
export function validateTokenAccount(rules: VolumeRules, path: string, volumes: PodSpec["volumes"]): void {
  if (rules.template || rules.serviceAccountName !== "") return;
  for (const [index, volume] of (volumes ?? []).entries()) {
    for (const [at, source] of (volume.projected?.sources ?? []).entries()) {
      if (source.serviceAccountToken === undefined) continue;
      const here = `${path}[${index}].projected.sources[${at}].serviceAccountToken`;
      rules.errors.forbidden(here, "must not be specified when serviceAccountName is not set");
    }
  }
}
