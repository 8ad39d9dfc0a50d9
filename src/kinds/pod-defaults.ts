import { compareQuantities, roundUpToMilli } from "../util/quantity.ts";
import type {
  Container,
  LifecycleHandler,
  PodSpec,
  PodTemplateSpec,
  Probe,
  ResourceRequirements,
  Volume,
} from "./generated/types.ts";
import { containerResources } from "./pod-resources.ts";

/** Defaults of a pod's spec, for pods and for every template of pods. */

/** What this file fills: the generated types, but writable. */
type Writable<T> = T extends readonly (infer Item)[]
  ? Writable<Item>[]
  : T extends object
    ? { -readonly [K in keyof T]: Writable<T[K]> }
    : T;

type SpecDraft = Writable<PodSpec>;
type ContainerDraft = Writable<Container>;

/** `template`: rules that hold for pods alone are left out. Mutates. */
export function defaultPodSpec(spec: PodSpec, template: boolean): void {
  const draft = spec as SpecDraft;
  if ((draft.restartPolicy ?? "") === "") draft.restartPolicy = "Always";
  if ((draft.dnsPolicy ?? "") === "") draft.dnsPolicy = "ClusterFirst";
  if ((draft.schedulerName ?? "") === "") draft.schedulerName = "default-scheduler";
  draft.terminationGracePeriodSeconds ??= 30;
  draft.securityContext ??= {};
  if (!template) draft.enableServiceLinks ??= true;
  defaultAccount(draft);
  for (const volume of draft.volumes ?? []) defaultVolume(volume);
  const containers = [...(draft.initContainers ?? []), ...(draft.containers ?? [])];
  for (const container of containers) {
    defaultContainer(container, template);
    if (!template && draft.hostNetwork === true) {
      for (const port of container.ports ?? []) {
        if ((port.hostPort ?? 0) === 0) port.hostPort = port.containerPort;
      }
    }
  }
  for (const container of draft.ephemeralContainers ?? []) {
    // Ephemeral containers share the fields, but not the requests that follow from limits.
    defaultContainer(container as ContainerDraft, true);
  }
  if (draft.overhead !== undefined) roundList(draft.overhead);
  if (draft.resources !== undefined) {
    roundResources(draft.resources);
    if (!template) defaultPodResources(draft);
  }
}

/** The template inside a Deployment and the like. Mutates. */
export function defaultTemplate(template: PodTemplateSpec): void {
  const draft = template as Writable<PodTemplateSpec>;
  draft.spec ??= { containers: [] };
  defaultPodSpec(draft.spec, true);
}

/** The old name of the field always says the same as the new one. */
function defaultAccount(draft: SpecDraft): void {
  if ((draft.serviceAccountName ?? "") === "" && (draft.serviceAccount ?? "") !== "") {
    draft.serviceAccountName = draft.serviceAccount ?? "";
  }
  if ((draft.serviceAccountName ?? "") === "") delete draft.serviceAccount;
  else draft.serviceAccount = draft.serviceAccountName ?? "";
}

function defaultContainer(container: ContainerDraft, template: boolean): void {
  container.resources ??= {};
  if ((container.terminationMessagePath ?? "") === "") {
    container.terminationMessagePath = "/dev/termination-log";
  }
  if ((container.terminationMessagePolicy ?? "") === "") container.terminationMessagePolicy = "File";
  if ((container.imagePullPolicy ?? "") === "") {
    container.imagePullPolicy = pullPolicyOf(container.image ?? "");
  }
  roundResources(container.resources);
  if (!template) requestLimits(container.resources);
  for (const variable of container.env ?? []) {
    const { fieldRef, fileKeyRef } = variable.valueFrom ?? {};
    if (fieldRef !== undefined && (fieldRef.apiVersion ?? "") === "") fieldRef.apiVersion = "v1";
    if (fileKeyRef !== undefined) fileKeyRef.optional ??= false;
  }
  for (const name of ["livenessProbe", "readinessProbe", "startupProbe"] as const) {
    const probe = container[name];
    if (probe !== undefined) defaultProbe(probe);
  }
  for (const name of ["postStart", "preStop"] as const) {
    const handler = container.lifecycle?.[name];
    if (handler !== undefined) defaultHttpGet(handler);
  }
}

/** A container that has a limit and no request asks for its limit. */
function requestLimits(resources: Writable<ResourceRequirements>): void {
  for (const [key, value] of Object.entries(resources.limits ?? {})) {
    resources.requests ??= {};
    resources.requests[key] ??= value;
  }
}

/** Always for the tag `latest` or none at all; a digest or another tag never moves. */
export function pullPolicyOf(image: string): "Always" | "IfNotPresent" {
  const [reference = "", digest] = image.split("@");
  const last = reference.slice(reference.lastIndexOf("/") + 1);
  const tag = last.includes(":") ? last.slice(last.indexOf(":") + 1) : "";
  // An unparsable reference (capital letters, blanks) is not guessed about.
  if (!/^[a-z0-9][a-z0-9._/:-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?$/.test(reference)) {
    return "IfNotPresent";
  }
  if (tag === "latest") return "Always";
  return tag === "" && digest === undefined ? "Always" : "IfNotPresent";
}

function defaultHttpGet(handler: Writable<LifecycleHandler> | Writable<Probe>): void {
  const get = handler.httpGet;
  if (get === undefined) return;
  if ((get.path ?? "") === "") get.path = "/";
  if ((get.scheme ?? "") === "") get.scheme = "HTTP";
}

function defaultProbe(probe: Writable<Probe>): void {
  defaultHttpGet(probe);
  if ((probe.timeoutSeconds ?? 0) === 0) probe.timeoutSeconds = 1;
  if ((probe.periodSeconds ?? 0) === 0) probe.periodSeconds = 10;
  if ((probe.successThreshold ?? 0) === 0) probe.successThreshold = 1;
  if ((probe.failureThreshold ?? 0) === 0) probe.failureThreshold = 3;
  if (probe.grpc !== undefined) probe.grpc.service ??= "";
}

const defaultMode = 0o644;

function defaultVolume(volume: Writable<Volume>): void {
  if (Object.keys(volume).every((key) => key === "name")) volume.emptyDir = {};
  if (volume.secret !== undefined) volume.secret.defaultMode ??= defaultMode;
  if (volume.configMap !== undefined) volume.configMap.defaultMode ??= defaultMode;
  if (volume.hostPath !== undefined) volume.hostPath.type ??= "";
  if (volume.downwardAPI !== undefined) {
    volume.downwardAPI.defaultMode ??= defaultMode;
    defaultFieldRefs(volume.downwardAPI.items);
  }
  if (volume.projected !== undefined) {
    volume.projected.defaultMode ??= defaultMode;
    for (const source of volume.projected.sources ?? []) {
      if (source.serviceAccountToken !== undefined) {
        source.serviceAccountToken.expirationSeconds ??= 3_600;
      }
      defaultFieldRefs(source.downwardAPI?.items);
    }
  }
  if (volume.image !== undefined && (volume.image.pullPolicy ?? "") === "") {
    volume.image.pullPolicy = pullPolicyOf(volume.image.reference ?? "");
  }
  if (volume.azureDisk !== undefined) volume.azureDisk.readOnly ??= false;
  const claim = volume.ephemeral?.volumeClaimTemplate;
  if (claim !== undefined) claim.spec.volumeMode ??= "Filesystem";
}

function defaultFieldRefs(items: readonly { fieldRef?: { apiVersion?: string } }[] | undefined): void {
  for (const { fieldRef } of items ?? []) {
    if (fieldRef !== undefined && (fieldRef.apiVersion ?? "") === "") fieldRef.apiVersion = "v1";
  }
}

function roundResources(resources: Writable<ResourceRequirements>): void {
  if (resources.limits !== undefined) roundList(resources.limits);
  if (resources.requests !== undefined) roundList(resources.requests);
}

function roundList(list: Record<string, string>): void {
  for (const [key, value] of Object.entries(list)) list[key] = roundUpToMilli(value);
}

/** Pod-level requests follow from the containers, else from the pod's own limits. */
function defaultPodResources(draft: SpecDraft): void {
  const resources = draft.resources;
  if (resources === undefined || Object.keys(resources).length === 0) return;
  const ofContainers = containerResources(draft, "requests");
  for (const [key, value] of Object.entries(containerResources(draft, "limits"))) {
    if (!key.startsWith("hugepages-")) continue;
    if (resources.limits?.[key] !== undefined || resources.requests?.[key] !== undefined) continue;
    resources.limits = { ...resources.limits, [key]: value };
  }
  for (const [key, limit] of Object.entries(resources.limits ?? {})) {
    if (resources.requests?.[key] !== undefined) continue;
    const sum = key === "cpu" || key === "memory" ? ofContainers[key] : undefined;
    const request = sum !== undefined && compareQuantities(sum, undefined) > 0 ? sum : limit;
    resources.requests = { ...resources.requests, [key]: request };
  }
}
