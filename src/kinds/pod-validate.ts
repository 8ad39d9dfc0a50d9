import { ipProblems } from "../util/ip.ts";
import { byteLength, dnsLabel, dnsSubdomain, qualifiedName } from "../util/names.ts";
import { invalidEach } from "./errors.ts";
import type { FieldErrors } from "./field-errors.ts";
import type { Pod, PodDNSConfig, PodSpec } from "./generated/types.ts";
import { validateLabels } from "./metadata.ts";
import {
  validateContainers,
  validateEphemeralContainers,
  validateImage,
  validateInitContainers,
} from "./pod-validate-container.ts";
import { int32Max, oneOf, rangeText, type PodContext } from "./pod-validate-context.ts";
import { validatePodResources } from "./pod-validate-resources.ts";
import { validateAffinity, validateSpread, validateTolerations } from "./pod-validate-scheduling.ts";
import { validateHostUsers, validateOs, validatePodSecurity } from "./pod-validate-security.ts";
import { validateTokenAccount, validateVolumes, type VolumeRules } from "./pod-validate-volume.ts";
import { validateAmount, validateContainerResource } from "./resource-names.ts";

/** The rules of a pod's spec, in the order in which Kubernetes looks at it. */

/** A whole pod, new or changed. */
export function validatePod(pod: Pod, errors: FieldErrors): void {
  validateAnnotations(errors, pod);
  validatePodSpec(errors, "spec", pod.spec, { template: false, podName: pod.metadata.name });
  for (const list of ["containers", "initContainers"] as const) {
    for (const [index, container] of (pod.spec[list] ?? []).entries()) {
      validateImage(errors, `spec.${list}[${index}]`, container);
    }
  }
}

/** What only a new pod may not have. */
export function validateNewPod(pod: Pod, errors: FieldErrors): void {
  if ((pod.spec.ephemeralContainers ?? []).length > 0) {
    errors.forbidden("spec.ephemeralContainers", "cannot be set on create");
  }
  if ((pod.spec.nodeName ?? "") !== "" && (pod.spec.schedulingGates ?? []).length > 0) {
    errors.forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared");
  }
}

const mirrorAnnotation = "kubernetes.io/config.mirror";
const costAnnotation = "controller.kubernetes.io/pod-deletion-cost";

function validateAnnotations(errors: FieldErrors, pod: Pod): void {
  const annotations = pod.metadata.annotations ?? {};
  const mirror = annotations[mirrorAnnotation];
  if (mirror !== undefined && (pod.spec.nodeName ?? "") === "") {
    const text = "must set spec.nodeName if mirror pod annotation is set";
    errors.invalid(`metadata.annotations[${mirrorAnnotation}]`, mirror, text);
  }
  const cost = annotations[costAnnotation];
  if (cost === undefined) return;
  const valid = /^(0|-?[1-9][0-9]*)$/.test(cost) && Math.abs(Number(cost)) <= int32Max;
  if (!valid) {
    errors.invalid(`metadata.annotations[${costAnnotation}]`, cost, "must be a 32bit integer");
  }
}

export interface SpecRules {
  readonly template: boolean;
  readonly podName: string;
}

/** `path` is that of the spec (`spec`, `spec.template.spec`). */
export function validatePodSpec(errors: FieldErrors, path: string, spec: PodSpec, rules: SpecRules): void {
  const volumeRules: VolumeRules = {
    errors,
    ...rules,
    serviceAccountName: spec.serviceAccountName ?? "",
  };
  const volumes = validateVolumes(volumeRules, `${path}.volumes`, spec.volumes);
  const claims = (spec.resourceClaims ?? []).map((claim) => claim.name);
  const context: PodContext = { errors, spec, template: rules.template, volumes, claims };
  validateClaims(errors, `${path}.resourceClaims`, spec);
  validateContainers(context, `${path}.containers`);
  validateInitContainers(context, `${path}.initContainers`);
  validateEphemeralContainers(context, `${path}.ephemeralContainers`);
  validatePodResources(errors, path, spec);
  validateHostNetworkPorts(context, path);
  oneOf(errors, `${path}.restartPolicy`, spec.restartPolicy, ["Always", "OnFailure", "Never"]);
  oneOf(errors, `${path}.dnsPolicy`, spec.dnsPolicy, ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"]);
  validateLabels(errors, `${path}.nodeSelector`, spec.nodeSelector);
  validatePodSecurity(errors, `${path}.securityContext`, spec);
  validateAffinity(errors, `${path}.affinity`, spec.affinity);
  validateDns(errors, `${path}.dnsConfig`, spec);
  validateGates(errors, path, spec);
  validateSpread(errors, `${path}.topologySpreadConstraints`, spec);
  validateHostUsers(errors, path, spec);
  validateHostnameOverride(errors, path, spec);
  validateNames(errors, path, spec);
  validateTolerations(errors, `${path}.tolerations`, spec.tolerations);
  validateAliases(errors, `${path}.hostAliases`, spec);
  validateClasses(errors, path, spec);
  validateOs(errors, path, spec);
  validateTokenAccount(volumeRules, `${path}.volumes`, spec.volumes);
}

function validateClaims(errors: FieldErrors, path: string, spec: PodSpec): void {
  const seen = new Set<string>();
  for (const [index, claim] of (spec.resourceClaims ?? []).entries()) {
    const here = `${path}[${index}]`;
    if (claim.name === "") errors.required(`${here}.name`);
    else {
      if (seen.has(claim.name)) errors.duplicate(`${here}.name`, claim.name);
      invalidEach(errors, `${here}.name`, claim.name, dnsLabel(claim.name));
    }
    seen.add(claim.name);
    const { resourceClaimName, resourceClaimTemplateName } = claim;
    if (resourceClaimName !== undefined && resourceClaimTemplateName !== undefined) {
      const text = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified";
      errors.invalid(here, claim, text);
    }
    if (resourceClaimName === undefined && resourceClaimTemplateName === undefined) {
      const text = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`";
      errors.invalid(here, claim, text);
    }
  }
}

function validateHostNetworkPorts({ errors, spec, template }: PodContext, path: string): void {
  if (spec.hostNetwork !== true) return;
  for (const [index, container] of (spec.containers ?? []).entries()) {
    for (const [at, { hostPort = 0, containerPort }] of (container.ports ?? []).entries()) {
      if (hostPort === containerPort || (template && hostPort === 0)) continue;
      const text = "must match `containerPort` when `hostNetwork` is true";
      errors.invalid(`${path}.containers[${index}].ports[${at}].hostPort`, hostPort, text);
    }
  }
}

const dnsLimits = { nameserversMax: 3, searchesMax: 32, searchesBytesMax: 2_048 };

function validateDns(errors: FieldErrors, path: string, spec: PodSpec): void {
  const config = spec.dnsConfig;
  if (spec.dnsPolicy === "None") {
    if (config === undefined) {
      errors.required(path, "must provide `dnsConfig` when `dnsPolicy` is None");
      return;
    }
    if ((config.nameservers ?? []).length === 0) {
      const text = "must provide at least one DNS nameserver when `dnsPolicy` is None";
      errors.required(`${path}.nameservers`, text);
      return;
    }
  }
  if (config !== undefined) validateDnsConfig(errors, path, config);
}

function validateDnsConfig(errors: FieldErrors, path: string, config: PodDNSConfig): void {
  const { nameservers = [], searches = [], options = [] } = config;
  const { nameserversMax, searchesMax, searchesBytesMax } = dnsLimits;
  if (nameservers.length > nameserversMax) {
    const text = `must not have more than ${nameserversMax} nameservers`;
    errors.invalid(`${path}.nameservers`, nameservers, text);
  }
  for (const [index, ip] of nameservers.entries()) {
    invalidEach(errors, `${path}.nameservers[${index}]`, ip, ipProblems(ip));
  }
  if (searches.length > searchesMax) {
    errors.invalid(`${path}.searches`, searches, `must not have more than ${searchesMax} search paths`);
  }
  if (byteLength(searches.join(" ")) > searchesBytesMax) {
    const text = `must not have more than ${searchesBytesMax} characters (including spaces) in the search list`;
    errors.invalid(`${path}.searches`, searches, text);
  }
  for (const [index, search] of searches.entries()) {
    if (search === ".") continue;
    const name = search.endsWith(".") ? search.slice(0, -1) : search;
    // Underscores are allowed here, as in names of SRV records.
    invalidEach(errors, `${path}.searches[${index}]`, name, dnsSubdomain(name.replaceAll("_", "a")));
  }
  for (const [index, option] of options.entries()) {
    if ((option.name ?? "") === "") errors.required(`${path}.options[${index}]`, "must not be empty");
  }
}

function validateGates(errors: FieldErrors, path: string, spec: PodSpec): void {
  for (const [index, { conditionType }] of (spec.readinessGates ?? []).entries()) {
    const here = `${path}.readinessGates[${index}].conditionType`;
    invalidEach(errors, here, conditionType, qualifiedName(conditionType));
  }
  const seen = new Set<string>();
  for (const [index, { name }] of (spec.schedulingGates ?? []).entries()) {
    const here = `${path}.schedulingGates[${index}]`;
    invalidEach(errors, here, name, qualifiedName(name));
    if (seen.has(name)) errors.duplicate(here, name);
    seen.add(name);
  }
}

const hostnameBytesMax = 64;

function validateHostnameOverride(errors: FieldErrors, path: string, spec: PodSpec): void {
  const name = spec.hostnameOverride;
  if (name === undefined) return;
  const here = `${path}.hostnameOverride`;
  if (spec.setHostnameAsFQDN === true) {
    errors.forbidden(here, "may not be specified when setHostnameAsFQDN is true");
  }
  if (spec.hostNetwork === true) errors.forbidden(here, "may not be specified when hostNetwork is true");
  if (byteLength(name) > hostnameBytesMax) errors.tooLong(here, hostnameBytesMax);
  invalidEach(errors, here, name, dnsSubdomain(name));
}

function validateNames(errors: FieldErrors, path: string, spec: PodSpec): void {
  for (const name of ["serviceAccountName", "nodeName"] as const) {
    const value = spec[name] ?? "";
    if (value !== "") invalidEach(errors, `${path}.${name}`, value, dnsSubdomain(value));
  }
  const deadline = spec.activeDeadlineSeconds;
  if (deadline !== undefined && (deadline < 1 || deadline > int32Max)) {
    errors.invalid(`${path}.activeDeadlineSeconds`, deadline, rangeText(1, int32Max));
  }
  for (const name of ["hostname", "subdomain"] as const) {
    const value = spec[name] ?? "";
    if (value !== "") invalidEach(errors, `${path}.${name}`, value, dnsLabel(value));
  }
}

function validateAliases(errors: FieldErrors, path: string, spec: PodSpec): void {
  for (const [index, alias] of (spec.hostAliases ?? []).entries()) {
    invalidEach(errors, `${path}[${index}].ip`, alias.ip, ipProblems(alias.ip));
    for (const [at, name] of (alias.hostnames ?? []).entries()) {
      invalidEach(errors, `${path}[${index}].hostnames[${at}]`, name, dnsSubdomain(name));
    }
  }
}

function validateClasses(errors: FieldErrors, path: string, spec: PodSpec): void {
  const { priorityClassName = "", runtimeClassName, preemptionPolicy } = spec;
  if (priorityClassName !== "") {
    invalidEach(errors, `${path}.priorityClassName`, priorityClassName, dnsSubdomain(priorityClassName));
  }
  if (runtimeClassName !== undefined) {
    invalidEach(errors, `${path}.runtimeClassName`, runtimeClassName, dnsSubdomain(runtimeClassName));
  }
  if (preemptionPolicy !== undefined) {
    oneOf(errors, `${path}.preemptionPolicy`, preemptionPolicy, ["PreemptLowerPriority", "Never"]);
  }
  for (const [name, amount] of Object.entries(spec.overhead ?? {})) {
    const here = `${path}.overhead.limits[${name}]`;
    validateContainerResource(errors, here, name);
    validateAmount(errors, here, name, amount);
  }
}
