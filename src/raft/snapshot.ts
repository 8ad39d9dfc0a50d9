import type { Crypto, Disk, DiskFile, Log } from "../env/env.ts";
import type { Digest } from "../store/revision.ts";
import { Reader, Writer } from "../util/bytes.ts";
import { messageOf, UserError } from "../util/errors.ts";
import { decodeConfig, encodeConfig } from "./core/config.ts";
import type { Config } from "./core/types.ts";
import { viewOf } from "./format.ts";
import { raftLimits } from "./limits.ts";
import type { SnapshotId } from "./transport-api.ts";

/**
 * Snapshot files (docs/formats.md, "Snapshot"): blocks of at most 256 KiB, each with its number and
 * crc; the first holds what the snapshot is, the last counts and digests it. A file has its name
 * only once it is whole and synced. What lies in the blocks between is the state machine's affair.
 */
export interface SnapshotMeta {
  /** The last entry that the state contains. */
  readonly index: number;
  readonly term: number;
  readonly config: Config;
  /** Of the state at `index`. */
  readonly digest: Digest;
}

export interface OpenedSnapshot {
  readonly meta: SnapshotMeta;
  /** The content, in pieces as it was given; can be read once more by calling again. */
  chunks(): AsyncIterable<Uint8Array>;
}

export interface SnapshotFiles {
  /**
   * Resolves once the file is there whole, also after a power loss. Throws the disk's error; nothing
   * is left then. A chunk is not changed once it is handed over.
   */
  write(meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void>;
  /** The newest file that is sound from end to end; broken ones are told and passed over. */
  openNewest(): Promise<OpenedSnapshot | undefined>;
  /**
   * Removes all but the newest files. Answers the index up to which the log may go: that of the
   * older file kept, so that the log still reaches back to it; 0 while there is only one.
   */
  prune(): Promise<number>;
  /** The newest file, opened for a transfer; its blocks are not checked here, the receiver does it. */
  openToSend(): Promise<SnapshotToSend | undefined>;
  /** Where an incoming file grows until it is whole. */
  incomingPath(id: SnapshotId): string;
  /** Removes what came in of any other file than this one; of every one if undefined. */
  dropIncoming(keep: SnapshotId | undefined): Promise<void>;
  /** Checks a file that has come in whole, and gives it its name. Throws `UserError` TRP-0204. */
  adopt(id: SnapshotId): Promise<SnapshotMeta>;
}

export interface SnapshotToSend {
  readonly id: SnapshotId;
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

const FOLDER = "snap";
const INCOMING = ".incoming";
const FOOTER_BYTES = 22;
const SUFFIX = ".snap";
const BLOCK_MAGIC = 0x5452534e; // TRSN
const FORMAT_VERSION = 1;

export const BLOCK_HEADER_BYTES = 20;

type BlockKind = "meta" | "data" | "footer";
const KINDS: readonly BlockKind[] = ["meta", "data", "footer"];

export function createSnapshotFiles(env: {
  readonly disk: Disk;
  readonly crypto: Crypto;
  readonly log: Log;
}): SnapshotFiles {
  const { disk, crypto, log } = env;
  return {
    write: (meta, chunks) => writeSnapshot(disk, crypto, meta, chunks),
    async openNewest() {
      for (const path of (await listPaths(disk)).toReversed()) {
        try {
          return await openSnapshot(disk, crypto, path);
        } catch (error) {
          log("error", "snapshot-broken", { path, reason: messageOf(error) });
        }
      }
      return undefined;
    },
    async prune() {
      const paths = await listPaths(disk);
      const kept = paths.slice(-raftLimits.snapshotFilesCount);
      for (const path of paths.slice(0, -raftLimits.snapshotFilesCount)) await disk.remove(path);
      const [oldest] = kept;
      return oldest === undefined || kept.length < raftLimits.snapshotFilesCount ? 0 : indexOf(oldest);
    },
    openToSend: () => openToSend(disk),
    incomingPath,
    async dropIncoming(keep) {
      if (!(await disk.exists(FOLDER))) await disk.makeFolder(FOLDER);
      for (const name of await disk.list(FOLDER)) {
        const path = `${FOLDER}/${name}`;
        if (name.endsWith(INCOMING) && (keep === undefined || path !== incomingPath(keep))) await disk.remove(path);
      }
    },
    async adopt(id) {
      const { meta } = await openSnapshot(disk, crypto, incomingPath(id));
      if (meta.index !== id.index || meta.term !== id.term) throw broken("it is not the one that was offered");
      await disk.rename(incomingPath(id), pathOf(meta));
      await disk.syncFolder(FOLDER);
      return meta;
    },
  };
}

function incomingPath({ index, term, sizeBytes, crc }: SnapshotId): string {
  return `${FOLDER}/${index}-${term}-${sizeBytes}-${crc.toString(16)}${INCOMING}`;
}

async function openToSend(disk: Disk): Promise<SnapshotToSend | undefined> {
  const path = (await listPaths(disk)).at(-1);
  if (path === undefined) return undefined;
  const file = await disk.open(path, "read");
  const sizeBytes = await file.size();
  const footer = await file.read(sizeBytes - BLOCK_HEADER_BYTES - FOOTER_BYTES, BLOCK_HEADER_BYTES);
  const crc = footer.length === BLOCK_HEADER_BYTES ? viewOf(footer).getUint32(16) : 0;
  const [index = 0, term = 0] = path
    .slice(FOLDER.length + 1, -SUFFIX.length)
    .split("-")
    .map(Number);
  return {
    id: { index, term, sizeBytes, crc },
    read: (at, length) => file.read(at, length),
    close: () => file.close(),
  };
}

/** Names sort as (index, term) do. */
function pathOf(meta: SnapshotMeta): string {
  const digits = (value: number): string => String(value).padStart(15, "0");
  return `${FOLDER}/${digits(meta.index)}-${digits(meta.term)}${SUFFIX}`;
}

function indexOf(path: string): number {
  return Number(path.slice(FOLDER.length + 1).split("-")[0]);
}

async function listPaths(disk: Disk): Promise<readonly string[]> {
  if (!(await disk.exists(FOLDER))) return [];
  const names = await disk.list(FOLDER);
  return names.filter((name) => name.endsWith(SUFFIX)).map((name) => `${FOLDER}/${name}`);
}

async function writeSnapshot(
  disk: Disk,
  crypto: Crypto,
  meta: SnapshotMeta,
  chunks: AsyncIterable<Uint8Array>,
): Promise<void> {
  await disk.makeFolder(FOLDER);
  const path = pathOf(meta);
  const part = `${path}.part`;
  try {
    const file = await disk.open(part, "create");
    try {
      await writeBlocks(new BlockWriter(file, crypto), meta, chunks);
      await file.sync();
    } finally {
      await file.close();
    }
    await disk.rename(part, path);
  } catch (error) {
    await disk.remove(part);
    throw error;
  }
  await disk.syncFolder(FOLDER);
}

async function writeBlocks(out: BlockWriter, meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  await out.block("meta", [encodeMeta(meta)]);
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let contentBytes = 0;
  for await (const chunk of chunks) {
    contentBytes += chunk.length;
    for (let at = 0; at < chunk.length;) {
      const room = raftLimits.snapshotBlockBytes - waitingBytes;
      const piece = chunk.subarray(at, at + room);
      waiting.push(piece);
      waitingBytes += piece.length;
      at += piece.length;
      if (waitingBytes < raftLimits.snapshotBlockBytes) continue;
      await out.block("data", waiting);
      waiting = [];
      waitingBytes = 0;
    }
  }
  if (waitingBytes > 0) await out.block("data", waiting);
  await out.block("footer", [encodeFooter(out.blockCount, contentBytes, out.crcOfCrcs, meta.digest)]);
}

class BlockWriter {
  readonly #file: DiskFile;
  readonly #crypto: Crypto;
  #at = 0;
  blockCount = 0;
  /** Over the crcs of all blocks so far: blocks of two files cannot be mixed. */
  crcOfCrcs = 0;

  constructor(file: DiskFile, crypto: Crypto) {
    this.#file = file;
    this.#crypto = crypto;
  }

  async block(kind: BlockKind, slices: readonly Uint8Array[]): Promise<void> {
    const length = slices.reduce((sum, slice) => sum + slice.length, 0);
    const header = encodeBlockHeader(this.#crypto, kind, this.blockCount, slices);
    await this.#file.write(this.#at, [header, ...slices]);
    this.#at += BLOCK_HEADER_BYTES + length;
    this.blockCount += 1;
    this.crcOfCrcs = this.#crypto.crc32(header.subarray(16, 20), this.crcOfCrcs);
  }
}

/** 20 bytes: magic, kind, block number, length, crc over the 12 bytes before it and the content. */
export function encodeBlockHeader(
  crypto: Crypto,
  kind: BlockKind,
  number: number,
  slices: readonly Uint8Array[],
): Uint8Array {
  const header = new Uint8Array(BLOCK_HEADER_BYTES);
  const view = viewOf(header);
  view.setUint32(0, BLOCK_MAGIC);
  view.setUint8(4, KINDS.indexOf(kind) + 1);
  view.setUint32(8, number);
  view.setUint32(
    12,
    slices.reduce((sum, slice) => sum + slice.length, 0),
  );
  let crc = crypto.crc32(header.subarray(4, 16));
  for (const slice of slices) crc = crypto.crc32(slice, crc);
  view.setUint32(16, crc);
  return header;
}

function encodeMeta(meta: SnapshotMeta): Uint8Array {
  return new Writer()
    .u8(FORMAT_VERSION)
    .u48(meta.index)
    .u48(meta.term)
    .u32(meta.digest.a)
    .u32(meta.digest.b)
    .bytes(encodeConfig(meta.config))
    .finish();
}

function decodeMeta(bytes: Uint8Array): SnapshotMeta {
  const reader = new Reader(bytes);
  const version = reader.u8();
  if (version !== FORMAT_VERSION) throw broken(`format ${version} is unknown`);
  const index = reader.u48();
  const term = reader.u48();
  const digest: Digest = { a: reader.u32(), b: reader.u32() };
  return { index, term, digest, config: decodeConfig(reader.bytes()) };
}

function encodeFooter(blocks: number, bytes: number, crc: number, digest: Digest): Uint8Array {
  return new Writer().u32(blocks).u48(bytes).u32(crc).u32(digest.a).u32(digest.b).finish();
}

/** Reads the whole file once before anything of it is used. */
async function openSnapshot(disk: Disk, crypto: Crypto, path: string): Promise<OpenedSnapshot> {
  let meta: SnapshotMeta | undefined;
  for await (const block of readBlocks(disk, crypto, path)) {
    if (block.kind === "meta") meta = decodeMeta(block.content);
  }
  if (meta === undefined) throw broken("it does not say what it is");
  return {
    meta,
    async *chunks() {
      for await (const { kind, content } of readBlocks(disk, crypto, path)) {
        if (kind === "data") yield content;
      }
    },
  };
}

interface Block {
  readonly kind: BlockKind;
  readonly content: Uint8Array;
}

/** Ends only at a sound footer; throws at the first block that does not fit. */
async function* readBlocks(disk: Disk, crypto: Crypto, path: string): AsyncGenerator<Block> {
  const file = await disk.open(path, "read");
  try {
    const size = await file.size();
    let at = 0;
    let crcOfCrcs = 0;
    let contentBytes = 0;
    for (let number = 0; ; number += 1) {
      const header = await file.read(at, BLOCK_HEADER_BYTES);
      const block = await readBlock(file, crypto, { header, number, at, size });
      at += BLOCK_HEADER_BYTES + block.content.length;
      if (block.kind === "footer") {
        checkFooter(block.content, number, contentBytes, crcOfCrcs);
        if (at !== size) throw broken("something follows the footer");
        return;
      }
      if (block.kind === "data") contentBytes += block.content.length;
      crcOfCrcs = crypto.crc32(header.subarray(16, 20), crcOfCrcs);
      yield block;
    }
  } finally {
    await file.close();
  }
}

async function readBlock(
  file: DiskFile,
  crypto: Crypto,
  place: { header: Uint8Array; number: number; at: number; size: number },
): Promise<Block> {
  const { header, number, at, size } = place;
  if (header.length < BLOCK_HEADER_BYTES) throw broken(`it ends at byte ${at}, without a footer`);
  const view = viewOf(header);
  const kind = KINDS[view.getUint8(4) - 1];
  const length = view.getUint32(12);
  if (view.getUint32(0) !== BLOCK_MAGIC || kind === undefined || view.getUint32(8) !== number) {
    throw broken(`there is no block ${number} at byte ${at}`);
  }
  if (at + BLOCK_HEADER_BYTES + length > size) throw broken(`block ${number} is cut short`);
  const content = await file.read(at + BLOCK_HEADER_BYTES, length);
  if (crypto.crc32(content, crypto.crc32(header.subarray(4, 16))) !== view.getUint32(16)) {
    throw broken(`block ${number} does not match its crc`);
  }
  return { kind, content };
}

function checkFooter(content: Uint8Array, blocks: number, bytes: number, crc: number): void {
  const reader = new Reader(content);
  if (reader.u32() !== blocks || reader.u48() !== bytes || reader.u32() !== crc) {
    throw broken("its blocks are not those that the footer counts");
  }
}

function broken(why: string): UserError {
  return new UserError("TRP-0204", `the snapshot cannot be used: ${why}`, {
    hint: "An older snapshot is used where the log reaches back to it.",
  });
}
