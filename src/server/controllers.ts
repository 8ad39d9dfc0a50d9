/** Controllers and scheduler of a master with the facts that they need. */
import { createControllers } from "../actors/controllers/catalogue.ts";
import { faultCourse } from "../actors/controllers/fault.ts";
import type { Controller } from "../actors/runtime/controller.ts";
import { createScheduler } from "../actors/scheduler/scheduler.ts";
import type { NodeTable } from "../api/link/nodes.ts";
import { servedKinds } from "../kinds/catalogue.ts";
import type { Millis } from "../util/time.ts";

export interface MasterControllersOptions {
  readonly nodes: Pick<NodeTable, "lastHeard" | "listeningSinceMs">;
  readonly podCidr: string;
  readonly serviceCidr: string;
  /** Where the masters answer: the endpoints of Service `kubernetes`. */
  readonly masters: () => readonly { readonly address: string; readonly port: number }[];
  /** Tells when they have changed, until the answer is called. */
  readonly onMasters?: (run: () => void) => () => void;
  /** Address of Service `kubernetes`: the first of the Services' range. */
  readonly serviceAddress: string;
  /** PEM of the serving authority: what pods trust. */
  readonly authority: string;
  /** Faults are served. */
  readonly faults?: boolean;
}

/** A node that is silent this long is Unknown (Kubernetes' node-monitor-grace-period). */
const nodeGraceMs: Millis = 50_000;
const servicePort = 443;

export function masterControllers(options: MasterControllersOptions): readonly Controller[] {
  const { nodes, podCidr, serviceCidr, masters, onMasters, serviceAddress, authority, faults = false } = options;
  return [
    ...createControllers({
      kinds: servedKinds({ faults }),
      api: { clusterIp: serviceAddress, servicePort, masters, ...(onMasters === undefined ? {} : { onMasters }) },
      certificate: () => authority,
      pods: { clusterCidr: podCidr, serviceCidr },
      nodes: {
        lastHeard: (node) => nodes.lastHeard(node),
        listeningSinceMs: () => nodes.listeningSinceMs,
        graceMs: nodeGraceMs,
      },
    }),
    createScheduler(),
    ...(faults ? [faultCourse] : []),
  ];
}
