import type { WriteReply } from "../../actors/runtime/command.ts";
import type { Draft } from "../../kinds/kind.ts";
import { formatTime } from "../../util/time-format.ts";
import { badRequest, conflict, notFound, plainRefusal } from "../../kinds/status-errors.ts";
import { success } from "../refusals.ts";
import { bodyOf, existing, type Evaluation } from "../verbs/evaluation.ts";
import { replace } from "../verbs/replace.ts";

/** POST on a pod's `/binding`: assigns it to a node, once. The node need not exist. */
export function bindPod(evaluation: Evaluation): WriteReply {
  const { kind, request, transaction } = evaluation;
  const binding = bodyOf(evaluation);
  const given = binding.metadata.name ?? "";
  if (given !== "" && given !== request.name) {
    throw badRequest("name in URL does not match name in Binding object");
  }
  const node = targetNode(binding);
  const row = existing(evaluation, request.name);
  if (row === undefined) throw notFound(kind, request.name);
  // What is not replaced below stays the stored object's own, and is not changed.
  const stored = row.object();
  const draft: Draft = { ...stored, metadata: { ...stored.metadata } };
  const spec = { ...(draft["spec"] as PodSpecPart | undefined) };
  const refuse = (why: string): Error => conflict({ group: kind.group, plural: "pods/binding" }, request.name, why);
  if (draft.metadata.deletionTimestamp !== undefined) {
    throw refuse(`pod ${request.name} is being deleted, cannot be assigned to a host`);
  }
  if ((spec.nodeName ?? "") !== "") {
    throw refuse(`pod ${request.name} is already assigned to node "${spec.nodeName}"`);
  }
  if ((spec.schedulingGates ?? []).length > 0) {
    throw refuse(`pod ${request.name} has non-empty .spec.schedulingGates`);
  }
  draft["spec"] = { ...spec, nodeName: node };
  draft.metadata.uid = binding.metadata.uid ?? "";
  draft.metadata.resourceVersion = binding.metadata.resourceVersion ?? "";
  mergeInto(draft, "labels", binding.metadata.labels);
  mergeInto(draft, "annotations", binding.metadata.annotations);
  draft["status"] = scheduled(draft, formatTime(transaction.now));
  const reply = replace(evaluation, { row, draft, rules: "checked" });
  const { revision, warnings } = reply;
  return { code: 201, revision, status: success(201), warnings };
}

interface PodSpecPart {
  readonly nodeName?: string;
  readonly schedulingGates?: readonly unknown[];
}

function targetNode(binding: Draft): string {
  const target = (binding["target"] ?? {}) as { kind?: string; name?: string };
  const kind = target.kind ?? "";
  if (kind !== "" && kind !== "Node") {
    const text = `target.kind: Unsupported value: "${kind}": supported values: "Node", "<empty>"`;
    throw plainRefusal(text);
  }
  if ((target.name ?? "") === "") throw plainRefusal("target.name: Required value");
  return target.name!;
}

function mergeInto(
  draft: Draft,
  field: "labels" | "annotations",
  added: Readonly<Record<string, string>> | undefined,
): void {
  if (added === undefined || Object.keys(added).length === 0) return;
  draft.metadata[field] = { ...draft.metadata[field], ...added };
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly lastTransitionTime?: string;
}

function scheduled(draft: Draft, now: string): Record<string, unknown> {
  const status = { ...(draft["status"] as Record<string, unknown> | undefined) };
  const conditions = [...((status["conditions"] as readonly Condition[] | undefined) ?? [])];
  const at = conditions.findIndex((condition) => condition.type === "PodScheduled");
  if (conditions[at]?.status !== "True") {
    const condition = { type: "PodScheduled", status: "True", lastTransitionTime: now };
    if (at < 0) conditions.push(condition);
    else conditions[at] = condition;
  }
  delete status["nominatedNodeName"];
  return { ...status, conditions };
}
