import { jsonEqual } from "../util/equal.ts";
import { ipProblems, parseIp } from "../util/ip.ts";
import { qualifiedName } from "../util/names.ts";
import { unifiedDiff } from "../util/text-diff.ts";
import { invalidEach } from "./errors.ts";
import type { FieldErrors } from "./field-errors.ts";
import type { Container, NodeAffinity, NodeSelectorTerm, Pod, PodSpec } from "./generated/types.ts";
import { validatePod } from "./pod-validate.ts";
import { int32Max, rangeText } from "./pod-validate-context.ts";
import { validateImage } from "./pod-validate-container.ts";
import { validateTolerations } from "./pod-validate-scheduling.ts";

/** What may change in a pod that exists: a few fields of its spec, and its status by its node. */

const changeable = [
  "`spec.containers[*].image`",
  "`spec.initContainers[*].image`",
  "`spec.activeDeadlineSeconds`",
  "`spec.tolerations` (only additions to existing tolerations)",
  "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
];

export function validatePodUpdate(pod: Pod, old: Pod, errors: FieldErrors): void {
  validatePod(pod, errors);
  validateAnnotations(errors, pod, old);
  for (const list of ["containers", "initContainers"] as const) {
    if (!validateImages(errors, `spec.${list}`, pod.spec[list], old.spec[list])) return;
  }
  if (!validateDeadline(errors, pod.spec.activeDeadlineSeconds, old.spec.activeDeadlineSeconds)) return;
  validateAddedTolerations(errors, pod.spec, old.spec);
  validateRemovedGates(errors, pod.spec, old.spec);
  if (jsonEqual(pod.spec, old.spec)) return;
  const rest = { ...withOldFields(pod.spec, old.spec) };
  if ((old.spec.schedulingGates ?? []).length > 0) allowGated(errors, rest, old.spec);
  if (jsonEqual(rest, old.spec)) return;
  const difference = unifiedDiff(prettyJson(old.spec), prettyJson(rest));
  errors.forbidden("spec", `pod updates may not change fields other than ${changeable.join(",")}\n${difference}`);
}

function prettyJson(value: unknown): string {
  return JSON.stringify(value, null, 2);
}

const appArmorPrefix = "container.apparmor.security.beta.kubernetes.io/";
const mirrorKey = "kubernetes.io/config.mirror";

function validateAnnotations(errors: FieldErrors, pod: Pod, old: Pod): void {
  const now = pod.metadata.annotations ?? {};
  const before = old.metadata.annotations ?? {};
  for (const key of [...new Set([...Object.keys(before), ...Object.keys(now)])].sort()) {
    const what = key.startsWith(appArmorPrefix)
      ? "AppArmor annotations"
      : key === mirrorKey
        ? "mirror pod annotation"
        : undefined;
    if (what === undefined || now[key] === before[key]) continue;
    const verb = before[key] === undefined ? "may not add" : "may not remove or update";
    errors.forbidden(`metadata.annotations[${key}]`, `${verb} ${what}`);
  }
}

/** Answers false where nothing else needs a look. */
function validateImages(
  errors: FieldErrors,
  path: string,
  now: readonly Container[] | undefined,
  before: readonly Container[] | undefined,
): boolean {
  if ((now ?? []).length !== (before ?? []).length) {
    errors.forbidden(path, "pod updates may not add or remove containers");
    return false;
  }
  for (const [index, container] of (now ?? []).entries()) {
    if ((container.image ?? "") === "") errors.required(`${path}[${index}].image`);
    validateImage(errors, `${path}[${index}]`, container);
  }
  return true;
}

function validateDeadline(errors: FieldErrors, now: number | undefined, before: number | undefined): boolean {
  const path = "spec.activeDeadlineSeconds";
  if (now === undefined) {
    if (before !== undefined) {
      errors.invalid(path, null, "must not update from a positive integer to nil value");
    }
    return true;
  }
  if (now < 0 || now > int32Max) {
    errors.invalid(path, now, rangeText(0, int32Max));
    return false;
  }
  if (before === undefined || before >= now) return true;
  errors.invalid(path, now, "must be less than or equal to previous value");
  return false;
}

function validateAddedTolerations(errors: FieldErrors, spec: PodSpec, before: PodSpec): void {
  const tolerations = spec.tolerations ?? [];
  for (const old of before.tolerations ?? []) {
    const { tolerationSeconds: _, ...rest } = old;
    const kept = tolerations.some(({ tolerationSeconds: __, ...item }) => jsonEqual(item, rest));
    if (kept) continue;
    const text = "existing toleration can not be modified except its tolerationSeconds";
    errors.forbidden("spec.tolerations", text);
    return;
  }
  validateTolerations(errors, "spec.tolerations", spec.tolerations);
}

function validateRemovedGates(errors: FieldErrors, spec: PodSpec, before: PodSpec): void {
  const known = new Set((before.schedulingGates ?? []).map((gate) => gate.name));
  for (const [index, { name }] of (spec.schedulingGates ?? []).entries()) {
    if (known.has(name)) continue;
    const text = `only deletion is allowed, but found new scheduling gate '${name}'`;
    errors.forbidden(`spec.schedulingGates[${index}].name`, text);
  }
}

type SpecDraft = { -readonly [K in keyof PodSpec]: PodSpec[K] };

/** The new spec with the old values of all that may change: what still differs may not. */
function withOldFields(spec: PodSpec, before: PodSpec): SpecDraft {
  const rest: SpecDraft = { ...spec };
  const withOldImages = (
    now: readonly Container[] | undefined,
    old: readonly Container[] | undefined,
  ): readonly Container[] | undefined =>
    now?.map((container, index) => ({ ...container, image: old?.[index]?.image ?? "" }));
  rest.containers = withOldImages(spec.containers, before.containers) ?? [];
  const init = withOldImages(spec.initContainers, before.initContainers);
  if (init !== undefined) rest.initContainers = init;
  for (const name of ["activeDeadlineSeconds", "schedulingGates", "tolerations"] as const) {
    restore(rest, before, name);
  }
  if ((before.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1) {
    restore(rest, before, "terminationGracePeriodSeconds");
  }
  return rest;
}

function restore<Name extends keyof PodSpec>(rest: SpecDraft, before: PodSpec, name: Name): void {
  const value = before[name];
  if (value === undefined) delete rest[name];
  else rest[name] = value;
}

/** A pod that is held back by gates may still be narrowed to fewer nodes. */
function allowGated(errors: FieldErrors, rest: SpecDraft, before: PodSpec): void {
  const selector = rest.nodeSelector ?? {};
  if (!jsonEqual(selector, before.nodeSelector ?? {})) {
    const kept = Object.entries(before.nodeSelector ?? {}).every(([key, value]) => selector[key] === value);
    if (!kept) {
      const text = "only additions to spec.nodeSelector are allowed (no mutations or deletions)";
      errors.invalid("spec.nodeSelector", selector, text);
    }
    restore(rest, before, "nodeSelector");
  }
  const now = rest.affinity?.nodeAffinity;
  const old = before.affinity?.nodeAffinity;
  if (jsonEqual(now, old)) return;
  validateNarrowed(errors, now, old);
  const { nodeAffinity: _, ...others } = rest.affinity ?? {};
  if (old !== undefined) rest.affinity = { ...others, nodeAffinity: old };
  else if (before.affinity === undefined && Object.keys(others).length === 0) delete rest.affinity;
  else rest.affinity = others;
}

function validateNarrowed(errors: FieldErrors, now: NodeAffinity | undefined, old: NodeAffinity | undefined): void {
  const path = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms";
  const before = old?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const after = now?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  if (before.length === 0) return;
  if (before.length !== after.length) {
    const text = "no additions/deletions to non-empty NodeSelectorTerms list are allowed";
    errors.invalid(path, after, text);
    return;
  }
  for (const [index, term] of before.entries()) {
    if (onlyAdds(after[index] ?? {}, term)) continue;
    const text = "only additions are allowed (no mutations or deletions)";
    errors.invalid(`${path}[${index}]`, after[index], text);
  }
}

function onlyAdds(now: NodeSelectorTerm, old: NodeSelectorTerm): boolean {
  const empty = (old.matchExpressions ?? []).length === 0 && (old.matchFields ?? []).length === 0;
  // A term without conditions matches nothing; any addition would widen it.
  if (empty) return jsonEqual(now, old);
  return (["matchExpressions", "matchFields"] as const).every((name) =>
    (old[name] ?? []).every((item, index) => jsonEqual(now[name]?.[index], item)),
  );
}

/** What the node (or a user) may not say in `/status`. */
export function validatePodStatus(pod: Pod, old: Pod, errors: FieldErrors): void {
  const { status } = pod;
  validateAnnotations(errors, pod, old);
  for (const [index, { type }] of (status?.conditions ?? []).entries()) {
    invalidEach(errors, `status.conditions[${index}].Type`, type, qualifiedName(type));
  }
  const nominated = status?.nominatedNodeName ?? "";
  if (nominated !== "" && nominated !== old.status?.nominatedNodeName && (old.spec.nodeName ?? "") !== "") {
    const text = "may not be set on pods that are already bound to a node";
    errors.forbidden("status.nominatedNodeName", text);
  }
  if (old.status?.qosClass !== undefined && status?.qosClass !== old.status.qosClass) {
    errors.invalid("status.qosClass", status?.qosClass ?? "", "field is immutable");
  }
  validateTransitions(errors, pod, old);
  validateAddresses(
    errors,
    "podIPs",
    (status?.podIPs ?? []).map(({ ip }) => ip),
    old.status?.podIPs,
  );
  const first = status?.hostIPs?.[0]?.ip;
  if (first !== undefined && first !== status?.hostIP) {
    errors.invalid("status.hostIPs[0].ip", first, "must be equal to `hostIP`");
  }
  validateAddresses(
    errors,
    "hostIPs",
    (status?.hostIPs ?? []).map(({ ip }) => ip),
    old.status?.hostIPs,
  );
}

/** A container that must not be started again stays terminated. */
function validateTransitions(errors: FieldErrors, pod: Pod, old: Pod): void {
  const policy = pod.spec.restartPolicy;
  if (policy === "Always") return;
  const restartable = new Set(
    pod.spec.containers.filter((item) => (item.restartPolicy ?? "") !== "").map((item) => item.name),
  );
  const now = new Map((pod.status?.containerStatuses ?? []).map((item) => [item.name, item]));
  for (const [index, before] of (old.status?.containerStatuses ?? []).entries()) {
    const terminated = before.state?.terminated;
    if (terminated === undefined || restartable.has(before.name)) continue;
    if (policy === "OnFailure" && terminated.exitCode !== 0) continue;
    const after = now.get(before.name);
    if (after === undefined || after.state?.terminated !== undefined) continue;
    const text = "may not be transitioned to non-terminated state";
    errors.forbidden(`status.containerStatuses[${index}].state`, text);
  }
}

function validateAddresses(
  errors: FieldErrors,
  name: "podIPs" | "hostIPs",
  ips: readonly string[],
  old: readonly { readonly ip: string }[] | undefined,
): void {
  const known = new Set((old ?? []).map(({ ip }) => ip));
  for (const [index, ip] of ips.entries()) {
    if (!known.has(ip)) invalidEach(errors, `status.${name}[${index}]`, ip, ipProblems(ip));
  }
  const families = ips.map((ip) => parseIp(ip)?.family);
  if (new Set(families).size < families.length) {
    errors.invalid(`status.${name}`, ips, "may specify no more than one IP for each IP family");
  }
}
