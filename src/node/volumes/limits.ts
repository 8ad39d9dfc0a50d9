/** Numbers of volumes, with their units. */

/** A token is renewed at this share of its life, or after a day. */
export const tokenRenewPercent = 80;
export const tokenRenewMaxMs = 86_400_000;
/** A pod's step never waits longer than this for the masters. */
export const tokenWaitMs = 2_000;
export const tokenRetryMs = 10_000;
export const tokenLifeSeconds = 3_600;
export const mountTimeoutMs = 10_000;
/** Mounts that one process makes. */
export const mountsAtOnceCount = 32;
