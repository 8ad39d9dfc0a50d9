/**
 * The bytes of a backup file (docs/formats.md, "Backup"): a manifest, then the store's snapshot as it
 * stands, each block with its crc, and at the end a digest over all blocks. Rows of sealed kinds are
 * in it as they lie on disk: without the cluster's sealing keys nobody reads them.
 *
 * A file without its end, with a block changed, left out or put elsewhere is refused whole.
 */
import type { Crypto } from "../../env/env.ts";
import type { Digest } from "../../store/revision.ts";
import { concatBytes, textOf, toHex, utf8 } from "../../util/bytes.ts";
import { messageOf, UserError } from "../../util/errors.ts";

/** The cluster as its data directory describes it, so that a restore needs nothing else but the keys. */
export interface BackupCluster {
  readonly name: string;
  /** Of this life of the cluster; a restore gives it another one. */
  readonly id: string;
  /** How many restores lie behind it. */
  readonly epoch: number;
  /** What the data directory says of it, for the program that makes a new one. */
  readonly file: Readonly<Record<string, unknown>>;
}

export interface BackupManifest {
  readonly format: 1;
  /** RFC 3339. */
  readonly takenAt: string;
  readonly cluster: BackupCluster;
  readonly member: string;
  readonly revision: number;
  /** Index of the newest log entry that is in it, and the term in which it was taken. */
  readonly index: number;
  readonly term: number;
  readonly digest: Digest;
  /** Name of the key that sealed Secrets when it was taken. */
  readonly sealingKey: string;
}

const MAGIC = "TRBK";
const FORMAT = 1;
const HEAD_BYTES = 8;
const BLOCK_HEADER_BYTES = 8;
const DIGEST_BYTES = 32;
/** No block is longer: a broken length must not ask for gigabytes. */
const BLOCK_BYTES_MAX = 4 * 1024 * 1024;

export type BackupCrypto = Pick<Crypto, "crc32" | "sha256">;

/** `content`: the chunks of a store's snapshot. */
export async function* encodeBackup(
  crypto: BackupCrypto,
  manifest: BackupManifest,
  content: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  const head = concatBytes([utf8(MAGIC), new Uint8Array([FORMAT, 0, 0, 0])]);
  let digest = crypto.sha256(head);
  const block = (bytes: Uint8Array): Uint8Array => {
    digest = crypto.sha256(concatBytes([digest, bytes]));
    return concatBytes([blockHeader(bytes.length, crypto.crc32(bytes)), bytes]);
  };
  yield concatBytes([head, block(utf8(JSON.stringify(manifest)))]);
  for await (const chunk of content) if (chunk.length > 0) yield block(chunk);
  yield concatBytes([blockHeader(0, crypto.crc32(digest)), digest]);
}

function blockHeader(length: number, crc: number): Uint8Array {
  const header = new Uint8Array(BLOCK_HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint32(0, length);
  view.setUint32(4, crc);
  return header;
}

/** Reads exactly `length` bytes at `at`, fewer at the end of the file. */
export type ReadAt = (at: number, length: number) => Promise<Uint8Array>;

export interface OpenedBackup {
  readonly manifest: BackupManifest;
  /** The store's snapshot. Its end has been checked when it ends; it may be read several times. */
  content(): AsyncIterable<Uint8Array>;
}

/** Only what stands before the content is read. Throws `UserError` TRP-0170. */
export async function openBackup(crypto: BackupCrypto, read: ReadAt, sizeBytes: number): Promise<OpenedBackup> {
  const head = await read(0, HEAD_BYTES);
  if (textOf(head.subarray(0, MAGIC.length)) !== MAGIC) throw broken("it is no snapshot of Troupe");
  if (head[MAGIC.length] !== FORMAT) throw broken(`format ${String(head[MAGIC.length])} is unknown`);
  const first = await readBlock(crypto, read, { at: HEAD_BYTES, number: 0, sizeBytes });
  const manifest = parseManifest(first.content);
  return { manifest, content: () => contentOf(crypto, read, { head, first, sizeBytes }) };
}

async function* contentOf(
  crypto: BackupCrypto,
  read: ReadAt,
  place: { readonly head: Uint8Array; readonly first: Block; readonly sizeBytes: number },
): AsyncGenerator<Uint8Array, void> {
  const { head, first, sizeBytes } = place;
  let digest = crypto.sha256(concatBytes([crypto.sha256(head), first.content]));
  let at = first.nextAt;
  for (let number = 1; ; number += 1) {
    const block = await readBlock(crypto, read, { at, number, sizeBytes });
    if (block.isEnd) {
      if (toHex(block.content) !== toHex(digest)) throw broken("its blocks are not those that its end names");
      if (block.nextAt !== sizeBytes) throw broken("something follows its end");
      return;
    }
    digest = crypto.sha256(concatBytes([digest, block.content]));
    at = block.nextAt;
    yield block.content;
  }
}

interface Block {
  readonly content: Uint8Array;
  readonly isEnd: boolean;
  readonly nextAt: number;
}

async function readBlock(
  crypto: BackupCrypto,
  read: ReadAt,
  place: { readonly at: number; readonly number: number; readonly sizeBytes: number },
): Promise<Block> {
  const { at, number, sizeBytes } = place;
  const header = await read(at, BLOCK_HEADER_BYTES);
  if (header.length < BLOCK_HEADER_BYTES) throw broken(`it ends at byte ${at}, before its end mark`);
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const length = view.getUint32(0);
  const isEnd = length === 0;
  const bytes = isEnd ? DIGEST_BYTES : length;
  const nextAt = at + BLOCK_HEADER_BYTES + bytes;
  if (bytes > BLOCK_BYTES_MAX) throw broken(`block ${number} has no possible length`);
  if (nextAt > sizeBytes) throw broken(`block ${number} is cut short`);
  const content = await read(at + BLOCK_HEADER_BYTES, bytes);
  if (crypto.crc32(content) !== view.getUint32(4)) throw broken(`block ${number} does not match its crc`);
  return { content, isEnd, nextAt };
}

function parseManifest(bytes: Uint8Array): BackupManifest {
  try {
    return JSON.parse(textOf(bytes)) as BackupManifest;
  } catch (error) {
    throw broken(`its manifest cannot be read (${messageOf(error)})`);
  }
}

export function broken(why: string): UserError {
  return new UserError("TRP-0170", `the snapshot cannot be used: ${why}`, {
    hint: "take another one: troupe snapshot list",
  });
}
