import { jsonEqual } from "../util/equal.ts";
import type { Draft, Kind, KubeObject, PrepareContext } from "./kind.ts";

/**
 * What the server owns in an object, by verb: generation, status, spec. Called by the verbs after
 * decoding and defaults, before admission and validation.
 */

/** Create: generation, then the kind's own rules. */
export function prepareCreate(kind: Kind, draft: Draft, context: PrepareContext): void {
  if (kind.generation === "spec") draft.metadata.generation = 1;
  kind.prepareCreate?.(draft, context);
}

/** PUT or PATCH of the object itself: status of kinds with one is kept, generation counts up. */
export function prepareUpdate(kind: Kind, draft: Draft, old: KubeObject, context: PrepareContext): void {
  if (kind.subresources.status === true) keep(draft, old, "status");
  kind.prepareUpdate?.(draft, old, context);
  setGeneration(kind, draft, old);
}

/** A write of `/status`: everything but status and metadata stays as it is. */
export function prepareStatus(kind: Kind, draft: Draft, old: KubeObject, context: PrepareContext): void {
  const names = new Set([...Object.keys(draft), ...Object.keys(old)]);
  for (const name of names) {
    if (name !== "metadata" && name !== "status") keep(draft, old, name);
  }
  setOrDrop(draft.metadata, "generation", old.metadata.generation);
  kind.prepareStatus?.(draft, old, context);
}

/** Old generation, one more when the wanted state differs. Again after whatever changes the draft. */
export function setGeneration(kind: Kind, draft: Draft, old: KubeObject): void {
  const generation = old.metadata.generation;
  if (kind.generation === "none") {
    setOrDrop(draft.metadata, "generation", generation);
    return;
  }
  const changed = wantedDiffers(draft, old) || (kind.bumpsGeneration?.(draft, old) ?? false);
  draft.metadata.generation = (generation ?? 0) + (changed ? 1 : 0);
}

/** Does anything outside metadata and status differ? */
function wantedDiffers(draft: Draft, old: KubeObject): boolean {
  const before = old as unknown as Draft;
  const names = new Set([...Object.keys(draft), ...Object.keys(before)]);
  for (const name of names) {
    if (name === "metadata" || name === "status") continue;
    if (!jsonEqual(draft[name], before[name])) return true;
  }
  return false;
}

function keep(draft: Draft, old: KubeObject, name: string): void {
  const value = (old as unknown as Draft)[name];
  if (value === undefined) delete draft[name];
  else draft[name] = value;
}

function setOrDrop(meta: Draft["metadata"], name: "generation", value: number | undefined): void {
  if (value === undefined) delete meta[name];
  else meta[name] = value;
}
