/** Numbers of the probes, with their units. */

/** Exec probes cost a process start each. */
export const execProbesMaxCount = 8;
/** An agent younger than this spreads the first probes. */
export const quietStartMs = 30_000;
export const proberTriesMaxCount = 3;
export const probeBodyMaxBytes = 10_240;
