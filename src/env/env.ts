import type { Millis } from "../util/time.ts";
import type { FaultPort } from "./faults.ts";

/**
 * The one seam to the world: time, randomness, disk, hashing and faults come from here, so the same
 * code runs in production (`env/real/`), in a virtual-time cluster and in the simulator (`sim/`).
 * Room-specific seams (HTTP doors, CRI, exec, host network) are interfaces in `env/` as well.
 */
export interface Env {
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly crypto: Crypto;
  readonly faults: FaultPort;
  readonly log: Log;
}

export interface Clock {
  /** Wall time, ms since the epoch; may step. */
  wall(): Millis;
  /** Monotonic time, ms from an arbitrary origin; never goes back. */
  mono(): Millis;
  /** Calls `run` once, not before `delayMs` have passed. A `daemon` timer does not keep a virtual cluster from being settled. */
  after(delayMs: Millis, run: () => void, options?: { readonly daemon?: boolean }): Timer;
}

export interface Timer {
  cancel(): void;
}

/** Named streams, so that a new draw in one room does not shift the draws of another. */
export interface Random {
  stream(name: string): Rng;
}

export interface Rng {
  /** Uniform in [0, 2^32). */
  u32(): number;
  /** Uniform in [0, bound); `bound` in 1..2^32. */
  below(bound: number): number;
  bytes(length: number): Uint8Array;
  /** RFC 4122 version 4, lower case. */
  uuid(): string;
}

/** Files under one root (the data directory). Paths are relative, `/`-separated, without `..`. */
export interface Disk {
  read(path: string): Promise<Uint8Array>;
  /** Writes `.part`, syncs, renames, syncs the folder: the file is there whole or not at all. */
  writeAtomic(path: string, bytes: Uint8Array): Promise<void>;
  /** The names in a folder, sorted. */
  list(folder: string): Promise<readonly string[]>;
  exists(path: string): Promise<boolean>;
  /** A missing file is no error. */
  remove(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  makeFolder(path: string): Promise<void>;
  syncFolder(path: string): Promise<void>;
  open(path: string, mode: OpenMode): Promise<DiskFile>;
}

/**
 * `create`: read and write, empty at first (what was there is cut off). `dsync`: read and write,
 * made if missing, contents kept; every write is on stable storage when its promise resolves
 * (O_DSYNC).
 */
export type OpenMode = "read" | "create" | "dsync";

export interface DiskFile {
  size(): Promise<number>;
  /** Reads up to `length` bytes at `offset`; shorter only at the end of the file. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Writes the slices one behind the other at `offset` with one system call where possible. */
  write(offset: number, slices: readonly Uint8Array[]): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface Crypto {
  /** CRC-32 (IEEE), chained by `seed`. */
  crc32(bytes: Uint8Array, seed?: number): number;
  sha256(bytes: Uint8Array): Uint8Array;
  /** AES-256-GCM; the result is nonce, ciphertext and tag in one buffer. */
  seal(key: Uint8Array, plain: Uint8Array, nonce: Uint8Array): Uint8Array;
  /** Throws `InvariantError` if the tag does not match. */
  open(key: Uint8Array, sealed: Uint8Array): Uint8Array;
}

export type LogLevel = "debug" | "info" | "warn" | "error";

/** One structured line: a stable `event`, then fields. Secrets never go here. */
export type Log = (level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>) => void;
