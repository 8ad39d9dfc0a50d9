/** Limits of the controllers' room, with units. */

/** Creations or deletions of pods in one plan of a ReplicaSet. */
export const burstReplicasMax = 500;

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
