import type { Kind, KubeObject, Verb } from "./kind.ts";

/** All verbs, in discovery's order. */
export const allVerbs: readonly Verb[] = [
  "create",
  "delete",
  "deletecollection",
  "get",
  "list",
  "patch",
  "update",
  "watch",
];

/**
 * Declares a kind with its own object type. The rest of the program holds kinds as `Kind` of any
 * object and only ever hands a kind its own objects: that is what the assertion states.
 */
export function defineKind<O extends KubeObject>(kind: Kind<O>): Kind {
  return kind as unknown as Kind;
}
