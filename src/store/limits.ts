import type { Millis } from "../util/time.ts";

/** Limits of the store, with their units. Tests give smaller ones. */
export interface StoreLimits {
  /** Slabs grow up to this size; a larger row gets one of its own. */
  readonly slabBytesMax: number;
  readonly slabBytesMin: number;
  /** A full slab whose live bytes fall below this share is emptied. */
  readonly slabLiveShareMin: number;
  /** Rows that one commit moves out of a mostly dead slab. */
  readonly slabMovesPerCommitMax: number;
  /** Parsed objects that are kept for the next reader. */
  readonly parsedObjectsMax: number;
  /** Age and number of events that a kind's history keeps at least, resp. at most. */
  readonly historyMs: Millis;
  readonly historyEventsMax: number;
  /** Events that one move of a floor drops, so that its apply stays a short turn. */
  readonly floorStepEventsMax: number;
  readonly snapshotChunkBytesMax: number;
  /** Keys that a snapshot takes out of an ordered map at once. */
  readonly snapshotBatchKeysMax: number;
  /** Parsed objects are frozen all the way down: a planner that changes one fails at once. */
  readonly freezeObjects: boolean;
}

export const storeLimits: StoreLimits = {
  slabBytesMax: 16 * 1024 * 1024,
  slabBytesMin: 64 * 1024,
  slabLiveShareMin: 0.4,
  slabMovesPerCommitMax: 32,
  parsedObjectsMax: 2_048,
  historyMs: 10 * 60 * 1_000,
  historyEventsMax: 200_000,
  floorStepEventsMax: 1_000,
  snapshotChunkBytesMax: 256 * 1024,
  snapshotBatchKeysMax: 512,
  freezeObjects: false,
};
