/** Bounds of the proxy. */
export const proxyLimits = {
  /** Above either of these a change goes through a process of its own: the long-lived child reads byte by byte. */
  lineElementsMax: 500,
  lineBytes: 32_768,
  /** Elements in one command of a full load. */
  chunkElementsMax: 1_000,
  answerMs: 10_000,
  loadMs: 60_000,
  childTransactionsMax: 100_000,
  retryMinMs: 200,
  retryMaxMs: 10_000,
  /** Someone else may flush the ruleset (a firewall restart): look whether our table is there. */
  checkMs: 30_000,
  /** More removed UDP flows than this in one change are looked up once instead of one by one. */
  conntrackEachMax: 20,
} as const;
