/** Numbers of the pod half of the agent, with their units. */

export const crashBackOffFirstMs = 10_000;
export const crashBackOffMaxMs = 300_000;
/** A container that ran longer than this since its last restart starts its back-off anew. */
export const crashBackOffForgetMs = 600_000;
/** A failed start (create error, missing ConfigMap) is tried again after this. */
export const startRetryMs = 10_000;
/** `ErrImagePull` turns into `ImagePullBackOff` after this time. */
export const pullFailureShownMs = 1_000;
export const relistMs = 1_000;
/** Each pod is looked at anew at least this often. */
export const resyncMs = 60_000;
export const stepRetryFirstMs = 1_000;
export const stepRetryMaxMs = 15_000;
/** A wait up to this counts as work under way. */
export const stepPendingMaxMs = 2_000;
/** StopContainer never gets less than this. */
export const stopGraceMinSeconds = 2;
export const gateWaitMaxMs = 2_000;
export const gatePollMs = 50;
export const mountRetryFirstMs = 500;
export const mountRetryMaxMs = 122_000;
export const containerGcMs = 60_000;
/** Calls that start something, at once: each waits for processes half of its time. */
export const startsPerCpuCount = 4;
export const stopsAtOnceCount = 16;
/** A status that only says that a start goes on waits this long for what comes of it. */
export const statusJoinMs = 1_000;
export const statusRetryFirstMs = 100;
export const statusRetryMaxMs = 5_000;
export const eventWindowMs = 600_000;
export const eventKeysMaxCount = 4_096;
/** Events per object: a burst, then one each refill. */
export const eventBurstCount = 25;
export const eventRefillMs = 300_000;
/** Longest message that is written into an Event, in characters. */
export const eventMessageCharsMax = 1_024;
export const terminationMessageMaxBytes = 4_096;
export const terminationLogTailMaxBytes = 2_048;
export const terminationLogTailLinesMax = 80;
/** A step that a fault lets hang goes on after this: as long as a call of the runtime may take. */
export const stepHangMs = 120_000;
