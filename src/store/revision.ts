/** The store's own counter: +1 a row write; it is what clients see as `resourceVersion`. 0 = none. */
export type Revision = number;

/** Position of an entry in the Raft log; no relation to revisions. */
export type LogIndex = number;

export type Term = number;

/** Sum of all rows' hashes in two 32-bit lanes; equal state has an equal digest (docs/formats.md). */
export interface Digest {
  readonly a: number;
  readonly b: number;
}
