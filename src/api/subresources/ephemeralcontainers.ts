import type { WriteReply } from "../../actors/runtime/command.ts";
import type { Json } from "../../util/json.ts";
import type { Draft } from "../../kinds/kind.ts";
import { jsonEqual } from "../../util/equal.ts";
import { applyDefaults } from "../../kinds/defaults.ts";
import { qualifiedKind } from "../kind-index.ts";
import { notFound } from "../../kinds/status-errors.ts";
import { invalidOptions } from "../refusals.ts";
import { bodyOf, existing, settleName, settleNamespace, type Evaluation } from "../verbs/evaluation.ts";
import { patchedForm } from "../verbs/patch.ts";
import { draftOf, replace } from "../verbs/replace.ts";

interface Container {
  readonly name: string;
}

/** PUT and PATCH on a pod's `/ephemeralcontainers`: the list may grow, nothing else may change. */
export function changeEphemeralContainers(evaluation: Evaluation): WriteReply {
  const { kind, request } = evaluation;
  const row = existing(evaluation, request.name);
  if (row === undefined) throw notFound(kind, request.name);
  const body =
    request.verb === "patch" ? patchedForm(evaluation, kind, row.object() as unknown as Json) : bodyOf(evaluation);
  settleNamespace(evaluation, body);
  settleName(evaluation, body);
  applyDefaults(kind, body);
  const draft = draftOf(row);
  const before = listOf(draft);
  const after = listOf(body);
  checkKept(evaluation, before, after);
  draft["spec"] = { ...(draft["spec"] as object), ephemeralContainers: after };
  draft.metadata.uid = body.metadata.uid ?? "";
  draft.metadata.resourceVersion = body.metadata.resourceVersion ?? "";
  const isNewGeneration = !jsonEqual(before, after);
  return replace(evaluation, { row, draft, rules: "part", isNewGeneration });
}

function listOf(draft: Draft): readonly Container[] {
  const spec = draft["spec"] as { ephemeralContainers?: readonly Container[] } | undefined;
  return spec?.ephemeralContainers ?? [];
}

function checkKept(evaluation: Evaluation, before: readonly Container[], after: readonly Container[]): void {
  for (const old of before) {
    const now = after.find((container) => container.name === old.name);
    if (now !== undefined && jsonEqual(now, old)) continue;
    const what = now === undefined ? "removed" : "changed";
    throw invalidOptions(qualifiedKind(evaluation.kind), evaluation.request.name, [
      {
        reason: "FieldValueForbidden",
        field: "spec.ephemeralContainers",
        message: `Forbidden: existing ephemeral containers "${old.name}" may not be ${what}\n`,
      },
    ]);
  }
}
