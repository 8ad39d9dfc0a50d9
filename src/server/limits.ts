import type { Millis } from "../util/time.ts";

/** Limits of a master's housekeeping, with their units. Tests give smaller ones. */
export interface ServerLimits {
  /** A backup is made when the newest one is older than this. */
  readonly backupEveryMs: Millis;
  /** Backups made by the schedule that are kept; those that a person saved are not counted and stay. */
  readonly backupKeptCount: number;
  /** The master looks this often whether one is due; so soon a failed one is tried again. */
  readonly backupCheckEveryMs: Millis;
  /** A master that lags behind waits this long for what was committed when a backup is asked for. */
  readonly backupApplyMs: Millis;
  /** A restore leaps over this many revisions: more than any cluster writes between two backups. */
  readonly restoreLeapRevisions: number;
  /** Clocks of machines that join may differ this much: certificates and tokens end by the clock. */
  readonly joinSkewMs: Millis;
  /** A change of the members waits this long for another one that is under way. */
  readonly memberChangeMs: Millis;
  /** A joining master must take a connection at its peer port within this. */
  readonly joinReachMs: Millis;
  readonly joinBodyBytes: number;
}

export const serverLimits: ServerLimits = {
  backupEveryMs: 6 * 60 * 60 * 1_000,
  backupKeptCount: 8,
  backupCheckEveryMs: 5 * 60 * 1_000,
  backupApplyMs: 10_000,
  restoreLeapRevisions: 1_000_000_000,
  joinSkewMs: 60_000,
  memberChangeMs: 15_000,
  joinReachMs: 3_000,
  joinBodyBytes: 64 * 1024,
};
