/** Bounds of pulling. */

export const concurrentPullsMax = 3;
export const backoffFirstMs = 10_000;
export const backoffMaxMs = 300_000;
/** Back-off entries that have not been asked for in this time are forgotten. */
export const backoffForgetMs = 600_000;
/** An image that was here is not asked for again in this time; shorter than a failed start's retry. */
export const imagePresentMs = 5_000;
