/** Every controller but the scheduler, which has a room of its own. A new one is one file and one line here. */
import type { Controller } from "../runtime/controller.ts";
import type { ServedKind } from "./common/served-kinds.ts";
import { defaultNamespaces } from "./default-namespaces.ts";
import { deployment } from "./deployment.ts";
import { endpoints } from "./endpoints.ts";
import { endpointslice } from "./endpointslice.ts";
import { eventTtl } from "./event-ttl.ts";
import { createGarbageCollector } from "./garbage-collector.ts";
import { createKubernetesService, type ApiAddresses } from "./kubernetes-service.ts";
import { createNamespaceController } from "./namespace.ts";
import { createNodeIpam, type PodRanges } from "./node-ipam.ts";
import { createNodeLifecycle, type NodeHealth } from "./node-lifecycle.ts";
import { podGc } from "./pod-gc.ts";
import { replicaset } from "./replicaset.ts";
import { createRootCa } from "./root-ca.ts";
import { serviceaccount } from "./serviceaccount.ts";
import { taintEviction } from "./taint-eviction.ts";

/** What controllers must know of the cluster beyond its objects. */
export interface ControllerFacts {
  /** All kinds that are served: `kinds/catalogue.ts`. */
  readonly kinds: readonly ServedKind[];
  readonly api: ApiAddresses;
  /** PEM of the authority that signs the API's certificate. */
  readonly certificate: () => string;
  /** Calls `run` when it has changed, until the answer is called. */
  readonly onCertificate?: (run: () => void) => () => void;
  readonly pods: PodRanges;
  readonly nodes: NodeHealth;
}

export function createControllers(facts: ControllerFacts): readonly Controller[] {
  return [
    defaultNamespaces,
    createKubernetesService(facts.api),
    createRootCa(facts.certificate, facts.onCertificate),
    serviceaccount,
    createNodeIpam(facts.pods),
    createNodeLifecycle(facts.nodes),
    deployment,
    replicaset,
    endpointslice,
    endpoints,
    taintEviction,
    podGc,
    createGarbageCollector(facts.kinds),
    createNamespaceController(facts.kinds),
    eventTtl,
  ];
}
