/** Limits of the controllers' room, with units. */

/** Deletions of pods in one plan of a ReplicaSet, and creations in one second. */
export const burstReplicasMax = 500;

/** Creations in one second while a burst of the ReplicaSet's pods has found no node: the rate of Kubernetes' controllers. */
export const unplacedPodsPerSecond = 20;

/** Writes in one plan. */
export const planWritesMax = 500;

/** Characters of a ReplicaSet's list of former rollout numbers. */
export const revisionHistoryCharsMax = 2000;

/** Endpoints in one EndpointSlice. */
export const endpointsPerSliceMax = 100;

/** Addresses in one Endpoints object. */
export const endpointsCapacityMax = 1000;

/** Terminated pods that are kept. */
export const terminatedPodsMax = 12_500;

/** A pod on a node that is gone waits this long before it is deleted: the node may come back. */
export const orphanQuarantineMs = 40_000;

/** How long Events are kept. */
export const eventTtlMs = 3_600_000;

/** Events are looked at together by spans of this length. */
export const eventSpanMs = 300_000;

/** Between two nodes of a zone that are given up; and while most of a large zone is silent. */
export const evictionEveryMs = 10_000;
export const slowEvictionEveryMs = 100_000;

/** A zone is partly silent from this share and number of nodes on. */
export const partialZoneShareMin = 0.55;
export const partialZoneNodesMin = 3;

/** A partly silent zone with more nodes than these goes on slowly, a smaller one not at all. */
export const largeZoneNodesMin = 50;

/**
 * Rest of a Service between two plans of its endpoints, while they change one after the other. The
 * proxies follow the slices, and a terminating pod waits for them; few follow the older form.
 */
export const endpointSlicePaceMs = 200;
export const endpointsPaceMs = 500;

/** Rest between two plans that only count: statuses of ReplicaSets and Deployments. */
export const replicaSetPaceMs = 200;
export const deploymentPaceMs = 100;

/** A fault's targets end it by themselves; the masters say so this much later at the latest. */
export const faultSlackMs = 2_000;
/** When a rollout looks again at ReplicaSets whose statuses do not say yet what their pods do. */
export const rolloutLagMs = 1_000;
