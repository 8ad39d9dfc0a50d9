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
  /** Tells when masters or authority have changed, until the answer is called. */
  readonly onChange?: (run: () => void) => () => void;
  /** Address of Service `kubernetes`: the first of the Services' range. */
  readonly serviceAddress: string;
  /** PEM of the serving authorities: what pods trust. Asked at every plan. */
  readonly authority: () => string;
  /** Faults are served. */
  readonly faults?: boolean;
}

/** A node that is silent this long is Unknown (Kubernetes' node-monitor-grace-period). */
const nodeGraceMs: Millis = 50_000;
const servicePort = 443;

export function masterControllers(options: MasterControllersOptions): readonly Controller[] {
  const { nodes, podCidr, serviceCidr, masters, onChange, serviceAddress, authority, faults = false } = options;
  return [
    ...createControllers({
      kinds: servedKinds({ faults }),
      api: {
        clusterIp: serviceAddress,
        servicePort,
        masters,
        ...(onChange === undefined ? {} : { onMasters: onChange }),
      },
      certificate: authority,
      ...(onChange === undefined ? {} : { onCertificate: onChange }),
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
