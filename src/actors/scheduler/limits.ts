/** Limits and constants of the scheduler, with units. */

/** Highest score of one plugin. */
export const scoreMax = 100;

/** What a container without a request counts with in the score of free resources. */
export const assumedCpuMilli = 100;
export const assumedMemoryBytes = 209_715_200;

/** Rows whose facts are kept decoded beyond those that the last scan needed. */
export const spareFactsMax = 1_000;
