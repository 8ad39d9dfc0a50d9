import { refuse, type StatusError } from "../../util/errors.ts";
import { goQuote } from "../../util/gojson.ts";
import { pathText, type FieldPath } from "./field-path.ts";
import { identityOf, type Manager } from "./managers.ts";

/** A field that an apply wants to change and somebody else owns. */
export interface Conflict {
  readonly manager: Manager;
  readonly path: FieldPath;
}

/** All conflicts of one apply, ordered by manager. */
export class ApplyConflicts extends Error {
  readonly conflicts: readonly Conflict[];

  constructor(conflicts: readonly Conflict[]) {
    super(`apply meets ${conflicts.length} conflicts`);
    this.name = "ApplyConflicts";
    this.conflicts = conflicts.toSorted((left, right) => {
      const [a, b] = [identityOf(left.manager), identityOf(right.manager)];
      return a === b ? 0 : a < b ? -1 : 1;
    });
  }
}

/** 409 with one cause a field. */
export function conflictStatus(conflicts: readonly Conflict[]): StatusError {
  const causes = conflicts.map(({ manager, path }) => ({
    reason: "FieldManagerConflict",
    message: `conflict with ${managerText(manager)}`,
    field: pathText(path),
  }));
  return refuse({ code: 409, reason: "Conflict", message: messageOf(conflicts), details: { causes } });
}

function messageOf(conflicts: readonly Conflict[]): string {
  const [only] = conflicts;
  if (conflicts.length === 1 && only !== undefined) {
    return `Apply failed with 1 conflict: conflict with ${managerText(only.manager)}: ${pathText(only.path)}`;
  }
  const lines: string[] = [];
  let previous: Manager | undefined;
  for (const { manager, path } of conflicts) {
    if (manager !== previous) lines.push(`conflicts with ${managerText(manager)}:`);
    previous = manager;
    lines.push(`- ${pathText(path)}`);
  }
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join("\n")}`;
}

function managerText({ name, subresource, operation, apiVersion }: Manager): string {
  const through = subresource === "" ? "" : ` with subresource ${goQuote(subresource)}`;
  const version = operation === "Update" ? ` using ${apiVersion}` : "";
  return `${goQuote(name)}${through}${version}`;
}
