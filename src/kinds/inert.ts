import type { Kind, KubeObject } from "./kind.ts";

/** Warnings for fields that are stored but not acted upon yet: silence would be a lie. */
export function inertWarnings(kind: Kind, object: KubeObject): readonly string[] {
  const warnings: string[] = [];
  for (const path of kind.inert ?? []) {
    const found = findPath(object, path.split("."), "");
    if (found !== undefined) warnings.push(`${found}: accepted, but not acted upon yet`);
  }
  return warnings;
}

/** The first place where the path holds something, with its indexes; undefined: nowhere. */
function findPath(value: unknown, steps: readonly string[], at: string): string | undefined {
  const [step, ...rest] = steps;
  if (step === undefined) return isSet(value) ? at : undefined;
  if (typeof value !== "object" || value === null) return undefined;
  const name = step.endsWith("[]") ? step.slice(0, -2) : step;
  const member = (value as Readonly<Record<string, unknown>>)[name];
  const here = at === "" ? name : `${at}.${name}`;
  if (!step.endsWith("[]")) return findPath(member, rest, here);
  if (!Array.isArray(member)) return undefined;
  for (const [index, item] of member.entries()) {
    const found = findPath(item, rest, `${here}[${index}]`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isSet(value: unknown): boolean {
  if (value === undefined || value === false || value === "") return false;
  return !(Array.isArray(value) && value.length === 0);
}
