/** Numbers of the node's own status, with their units. */

export const statusEveryMs = 10_000;
/** Told at least this often, even unchanged. */
export const statusResendMs = 300_000;
export const podsMaxCount = 110;
export const memoryPressureBytes = 104_857_600;
export const diskPressurePercent = 10;
export const inodePressurePercent = 5;
/** A pressure stays told this long after it was last seen. */
export const pressureHoldMs = 300_000;
export const imagesMaxCount = 50;
export const registerRetryMs = 1_000;
/** The masters have changed the Node meanwhile; the link brings that change soon. */
export const conflictRetryMs = 50;
