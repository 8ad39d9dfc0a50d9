import type { User } from "../actors/runtime/command.ts";
import type { Attributes } from "../auth/auth-api.ts";
import { limits } from "./limits.ts";

/**
 * Who waits for whom when there is more to do than can be done: each request belongs to a level, which
 * has seats of its own, and within it to a flow, which gets its turn.
 */
export const priorityLevels = ["system", "leader", "node", "controllers", "workload", "catch-all"] as const;
export type PriorityLevel = (typeof priorityLevels)[number];

export interface Priority {
  readonly level: PriorityLevel;
  /** Requests of one flow wait behind each other, flows take turns. */
  readonly flow: string;
}

const accountPrefix = "system:serviceaccount:";
const controlPlane: ReadonlySet<string> = new Set([
  "system:kube-controller-manager",
  "system:kube-scheduler",
  "system:apiserver",
]);

/**
 * `leader`: leases, which must be renewed whatever else goes on. `controllers`: what runs in kube-system.
 * `workload`: all others with a name. Health checks need no seat (`undefined`). A request of several parts
 * has no attributes.
 */
export function priorityOf(user: User, attributes: Attributes | undefined): Priority | undefined {
  const { name, groups } = user;
  if (attributes?.resource === false && /^\/(?:healthz|livez|readyz)(?:\/|$)/.test(attributes.path)) return undefined;
  if (!groups.includes("system:authenticated")) return { level: "catch-all", flow: "" };
  if (attributes?.resource === true && attributes.group === "coordination.k8s.io" && attributes.plural === "leases") {
    return { level: "leader", flow: name };
  }
  if (groups.includes("system:masters")) return { level: "system", flow: name };
  if (groups.includes("system:nodes")) return { level: "node", flow: name };
  if (controlPlane.has(name)) return { level: "controllers", flow: name };
  if (!name.startsWith(accountPrefix)) return { level: "workload", flow: name };
  const namespace = name.slice(accountPrefix.length).split(":")[0] ?? "";
  return namespace === "kube-system" ? { level: "controllers", flow: name } : { level: "workload", flow: namespace };
}

/** How many seats a request takes: lists by their rows, writes by the bytes that were announced. */
export function widthOf(
  attributes: Attributes | undefined,
  sizes: { readonly limit: number; readonly bodyBytes: number },
): number {
  if (attributes?.resource === false) return 1;
  if (attributes?.verb === "list" || attributes?.verb === "deletecollection") {
    const rows = sizes.limit > 0 ? sizes.limit : limits.unlimitedListRows;
    return Math.min(limits.seatWidthMax, Math.max(1, Math.ceil(rows / limits.seatRows)));
  }
  return Math.min(limits.seatWidthMax, 1 + Math.floor(sizes.bodyBytes / limits.seatBodyBytes));
}
