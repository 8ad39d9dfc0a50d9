/**
 * A cluster as data, at a moment when nothing is under way: what its master has committed, what its nodes
 * run, and what time it is. Processes and connections are no part of it; they begin anew.
 */
import type { RuntimeRecords } from "../node/simulated/runtime.ts";
import type { AddressTable } from "../node/network/addresses.ts";
import type { DiskImage } from "../sim/disk.ts";
import { foundStore, forkStore } from "../store/fork.ts";
import { snapshotOf } from "../store/snapshot.ts";
import type { Store } from "../store/store.ts";
import type { StoreOptions } from "../store/store-state.ts";
import type { Millis } from "../util/time.ts";
import type { NodeOptions } from "./cluster-api.ts";

/** A machine without its agent. */
export interface NodeImage {
  readonly name: string;
  readonly options: NodeOptions;
  readonly runtime: RuntimeRecords;
  readonly addresses: AddressTable | undefined;
  readonly disk: DiskImage;
}

interface ImageFacts {
  readonly seed: number;
  readonly revision: number;
  /** No life of a master had a higher number: results of its commands must not be taken for those of a new one. */
  readonly incarnations: number;
  /** Virtual time of the moment, and how far the wall clock was stepped. */
  readonly atMs: Millis;
  readonly skewMs: Millis;
  readonly sealingKeys: readonly Uint8Array[];
  readonly nodes: readonly NodeImage[];
}

/** Plain data: `structuredClone` and `v8.serialize` take it. Its layout belongs to this version of the package. */
export interface ClusterSnapshot extends ImageFacts {
  readonly store: readonly Uint8Array[];
}

/** The same within a process: the store need not be read back from bytes. */
export interface ClusterImage extends ImageFacts {
  /** Never written to. */
  readonly base: Store;
}

export function snapshotOfImage({ base, nodes, ...facts }: ClusterImage): ClusterSnapshot {
  return { ...facts, nodes: nodes.map((node) => ({ ...node, disk: alone(node.disk) })), store: [...chunksOf(base)] };
}

/** With bytes of its own, which no larger buffer lies around. */
function alone({ files, folders }: DiskImage): DiskImage {
  return { files: new Map([...files].map(([path, bytes]) => [path, bytes.slice()])), folders };
}

export function imageOfSnapshot({ store, ...facts }: ClusterSnapshot, options: StoreOptions): ClusterImage {
  return { ...facts, base: foundStore(options, store) };
}

/** A store to write to, each time anew. */
export function storeOfImage({ base }: ClusterImage, options: StoreOptions): Store {
  return forkStore(base, options);
}

/**
 * Another seed than that of the cluster that it was: names and uids must not be drawn twice. The same
 * image and seed give the same one.
 */
export function seedOfImage({ revision }: ImageFacts, seed: number): number {
  return Math.imul(seed ^ Math.imul(revision + 1, 0x9e3779b1), 0x85ebca6b) >>> 0;
}

function* chunksOf(store: Store): Generator<Uint8Array> {
  const snapshot = snapshotOf(store);
  for (let chunk = snapshot.next(); chunk !== undefined; chunk = snapshot.next()) yield chunk.slice();
}
