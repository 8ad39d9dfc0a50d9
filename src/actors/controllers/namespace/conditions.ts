/** What holds up the end of a namespace, in the five conditions that clients print. */
import type { NamespaceCondition } from "../../../kinds/generated/types.ts";
import type { RowRef } from "../../../store/view.ts";
import type { Millis } from "../../../util/time.ts";
import { formatTime } from "../../../util/time-format.ts";
import type { ServedKind } from "../common/served-kinds.ts";

/** Rows of one kind that are still there. */
export interface Remains {
  readonly served: ServedKind;
  readonly rows: readonly RowRef[];
}

type Text = Pick<NamespaceCondition, "type" | "status"> & { readonly reason: string; readonly message: string };

export function terminatingConditions(
  old: readonly NamespaceCondition[],
  contents: readonly Remains[],
  now: Millis,
): readonly NamespaceCondition[] {
  const texts: readonly Text[] = [
    ok("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
    ok(
      "NamespaceDeletionGroupVersionParsingFailure",
      "ParsedGroupVersions",
      "All legacy kube types successfully parsed",
    ),
    ok(
      "NamespaceDeletionContentFailure",
      "ContentDeleted",
      "All content successfully deleted, may be waiting on finalization",
    ),
    {
      type: "NamespaceContentRemaining",
      status: "True",
      reason: "SomeResourcesRemain",
      message: `Some resources are remaining: ${listed(
        contents.map(({ served, rows }) => `${served.plural}.${served.group} has ${rows.length} resource instances`),
      )}`,
    },
    finalizersRemaining(contents),
  ];
  return texts.map((text) => {
    const before = old.find(({ type }) => type === text.type);
    const isSame = before?.status === text.status;
    return { ...text, lastTransitionTime: (isSame ? before.lastTransitionTime : undefined) ?? formatTime(now) };
  });
}

function ok(type: string, reason: string, message: string): Text {
  return { type, status: "False", reason, message };
}

function finalizersRemaining(contents: readonly Remains[]): Text {
  const counts = new Map<string, number>();
  for (const row of contents.flatMap(({ rows }) => rows)) {
    for (const finalizer of row.object().metadata.finalizers ?? []) {
      counts.set(finalizer, (counts.get(finalizer) ?? 0) + 1);
    }
  }
  const type = "NamespaceFinalizersRemaining";
  if (counts.size === 0) return ok(type, "ContentHasNoFinalizers", "All content-preserving finalizers finished");
  const texts = [...counts].map(([finalizer, count]) => `${finalizer} in ${count} resource instances`);
  const message = `Some content in the namespace has finalizers remaining: ${listed(texts)}`;
  return { type, status: "True", reason: "SomeFinalizersRemain", message };
}

function listed(texts: readonly string[]): string {
  return texts.toSorted((a, b) => (a < b ? -1 : 1)).join(", ");
}
