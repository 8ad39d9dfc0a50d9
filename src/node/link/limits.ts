/** Numbers of the agent's end of the link, with their units. */

export const reconnectFirstMs = 50;
export const reconnectMaxMs = 1_000;
/** So long one of several masters has to say its first word. */
export const connectMaxMs = 3_000;
export const heartbeatMs = 10_000;
/** Changes of what a heartbeat carries are joined this long. */
export const heartbeatJoinMs = 20;
export const actorsEveryMs = 1_000;
export const pingEveryMs = 5_000;
/** A report that the masters could not take now is sent again after this. */
export const reportRetryMs = 500;
/** Reports that wait for a link; Events beyond it are dropped. */
export const pendingReportsMax = 10_000;
export const pendingEventsMax = 1_000;
/** Unsent bytes of one stream at which its source is paused. */
export const streamPendingMaxBytes = 1_048_576;
export const streamDrainMs = 20;
