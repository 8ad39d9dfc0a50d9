/** Bounds of containerd's supervision. */

/** A unix socket's path has 107 bytes; containerd appends `.ttrpc` to ours. */
export const socketPathBytesMax: number = 107 - ".ttrpc".length;
export const readyTimeoutMs = 30_000;
export const readyPollMs = 50;
/** How often it is looked whether containerd still runs. */
export const watchMs = 500;
export const restartFirstMs = 100;
export const restartMaxMs = 30_000;
/** Having run for this long, the next death counts as the first. */
export const stableMs = 60_000;
export const stopTimeoutMs = 10_000;
export const stopPollMs = 50;
export const logBytesMax: number = 10 * 1024 * 1024;
