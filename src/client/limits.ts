/** Bounds of the client. */
export const clientLimits = {
  messageBytes: 16_777_216,
  pingEveryMs: 10_000,
  pingTimeoutMs: 5_000,
  reconnectMinMs: 50,
  reconnectMaxMs: 2_000,
  /** Tries of a request that may be repeated, the first included. */
  triesMax: 8,
  backoffMs: 50,
  backoffMaxMs: 5_000,
  /** A call with one answer is given up after this long: a little more than the server's own deadline. */
  callMs: 65_000,
} as const;
