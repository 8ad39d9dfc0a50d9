/** Bounds of a node's DNS. */
export const dnsLimits = {
  cacheEntries: 10_000,
  cacheTtlMaxSeconds: 30,
  cacheDenialTtlMaxSeconds: 5,
  inFlightCount: 1_000,
  tryMs: 2_000,
  triesCount: 2,
  tcpConnectionsCount: 200,
  tcpIdleMs: 10_000,
  tcpMessageBytes: 65_535,
  queriesPerClientPerSecond: 5_000,
} as const;
