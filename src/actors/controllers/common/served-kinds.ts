/** What controllers over many kinds need to know of each. */
import type { Kind } from "../../../kinds/kind.ts";

export type ServedKind = Pick<Kind, "id" | "group" | "version" | "kind" | "plural" | "scope" | "storage">;

/** Kinds that have rows. */
export function rowKinds(kinds: readonly ServedKind[]): readonly ServedKind[] {
  return kinds.filter((kind) => kind.storage === "rows");
}
