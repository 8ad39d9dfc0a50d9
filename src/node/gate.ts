import type { EndpointSlice } from "../kinds/generated/types.ts";
import type { Revision } from "../store/revision.ts";
import type { Desired } from "./desired.ts";
import type { TerminationGate } from "./pods/ports.ts";

/**
 * A terminating pod that stands in an EndpointSlice goes only when every proxy of the cluster has
 * programmed a slice that shows it terminating. Without a live link nobody could tell: it goes.
 */
export function createSliceGate(
  desired: Desired,
  link: { readonly isLive: () => boolean; readonly proxied: () => Revision },
): TerminationGate {
  return {
    passed(pod) {
      if (!link.isLive()) return true;
      let newest = 0;
      for (const slice of desired.list<EndpointSlice>("endpointslices.discovery.k8s.io")) {
        for (const { targetRef, conditions } of slice.endpoints ?? []) {
          if (targetRef?.uid !== pod.metadata.uid) continue;
          if (conditions?.terminating !== true) return false;
          newest = Math.max(newest, Number(slice.metadata.resourceVersion));
        }
      }
      return newest <= link.proxied();
    },
  };
}
