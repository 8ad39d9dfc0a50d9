/** Bounds of containers' logs. */

/** Above this a log is rotated. */
export const logFileBytesMax: number = 10 * 1024 * 1024;
/** A container's files, the one being written included. */
export const logFilesMax = 5;
export const rotateIntervalMs = 10_000;
/** Read at a time. */
export const readBytesMax: number = 64 * 1024;
/** How often a followed log is looked at even if nobody tells of a change. */
export const followPollMs = 1_000;
