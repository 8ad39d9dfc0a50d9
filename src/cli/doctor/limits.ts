/** From where on `doctor` warns or fails, with units. */
export const doctorLimits = {
  warnFreeBytes: 2_147_483_648,
  failFreeBytes: 268_435_456,
  warnFreeRatio: 0.05,
  /** Of a write of one block and its sync: the slowest in a hundred. */
  warnSyncMs: 10,
  failSyncMs: 100,
  syncRoundsCount: 50,
  syncBlockBytes: 4_096,
  minOpenFilesCount: 65_536,
  minInotifyInstancesCount: 128,
  /** A file from further ahead than this was written before the clock was set back. */
  clockAheadMs: 5_000,
  authorityLeftMs: 7_776_000_000,
  backupAgeMs: 86_400_000,
} as const;
