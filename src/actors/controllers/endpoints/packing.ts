/**
 * How endpoints are spread over slices. What changes for clients is what is written, so slices are
 * changed in place and never rebalanced for their own sake: endpoints stay where they are, emptied
 * slices go, new endpoints fill slices that are written anyway, fullest first, then the unchanged
 * slice that they fit most tightly, then new slices.
 */
import type { Endpoint } from "../../../kinds/generated/types.ts";
import type { RowRef } from "../../../store/view.ts";

export interface ExistingSlice {
  readonly row: RowRef;
  readonly endpoints: readonly Endpoint[];
}

export interface Packing {
  /** Slices with their next endpoints, unchanged ones included. */
  readonly kept: readonly ExistingSlice[];
  readonly emptied: readonly RowRef[];
  readonly created: readonly (readonly Endpoint[])[];
}

/** `keyOf` tells whether two endpoints are the same; `isEqual` whether one must be written anew. */
export interface EndpointIdentity {
  readonly keyOf: (endpoint: Endpoint) => string;
  readonly isEqual: (a: Endpoint, b: Endpoint) => boolean;
}

export function pack(
  existing: readonly ExistingSlice[],
  desired: readonly Endpoint[],
  sizeMax: number,
  { keyOf, isEqual }: EndpointIdentity,
): Packing {
  const left = new Map(desired.map((endpoint) => [keyOf(endpoint), endpoint]));
  const slices = existing.map(({ row, endpoints }) => {
    const next: Endpoint[] = [];
    for (const endpoint of endpoints) {
      const wanted = left.get(keyOf(endpoint));
      if (wanted === undefined) continue;
      left.delete(keyOf(endpoint));
      next.push(isEqual(endpoint, wanted) ? endpoint : wanted);
    }
    const isChanged = next.length !== endpoints.length || next.some((each, at) => each !== endpoints[at]);
    return { row, endpoints: next, isChanged };
  });
  const full = slices.filter(({ endpoints }) => endpoints.length > 0);
  const added = [...left.values()];
  for (const slice of full.toSorted((a, b) => b.endpoints.length - a.endpoints.length)) {
    if (slice.isChanged) slice.endpoints.push(...added.splice(0, sizeMax - slice.endpoints.length));
  }
  const created: (readonly Endpoint[])[] = [];
  while (added.length >= sizeMax) created.push(added.splice(0, sizeMax));
  if (added.length > 0) {
    const tightest = full
      .filter(({ endpoints, isChanged }) => !isChanged && endpoints.length + added.length <= sizeMax)
      .toSorted((a, b) => b.endpoints.length - a.endpoints.length)[0];
    if (tightest === undefined) created.push(added);
    else tightest.endpoints.push(...added);
  }
  const emptied = slices.filter(({ endpoints }) => endpoints.length === 0).map(({ row }) => row);
  return { kept: full, emptied, created };
}
