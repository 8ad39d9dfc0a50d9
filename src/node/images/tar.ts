import type { HostFiles } from "../../env/host.ts";
import { concatBytes } from "../../util/bytes.ts";

/**
 * Tar files: where each entry lies in one (an archive of images is never held in memory), and
 * writing small ones of our own. Written ones carry no time and no owner, so that the same content
 * has the same digest on every machine.
 */

export interface TarEntry {
  readonly offset: number;
  readonly size: number;
  /** Target of a symbolic or hard link. */
  readonly link: string | undefined;
}

const block = 512;
const text = new TextDecoder();
const bytes = new TextEncoder();

/** Entries by name without a leading `./`. Throws an error that says what is wrong with the file. */
export async function readTarIndex(files: HostFiles, path: string): Promise<ReadonlyMap<string, TarEntry>> {
  const entries = new Map<string, TarEntry>();
  let offset = 0;
  /** From the entry before, for this one: GNU's long name, or pax records. */
  let longName: string | undefined;
  let longLink: string | undefined;
  for (;;) {
    const header = await files.readRange(path, offset, block);
    if (header.length < block || header[0] === 0) return entries;
    if (!hasRightSum(header)) throw new Error(`${path} is not a tar file (at byte ${offset})`);
    const size = numberAt(header, 124, 12);
    const type = String.fromCharCode(header[156] ?? 0);
    const content = offset + block;
    offset = content + Math.ceil(size / block) * block;
    if (type === "L" || type === "K" || type === "x") {
      const body = text.decode(await files.readRange(path, content, size));
      if (type === "L") longName = untilZero(body);
      else if (type === "K") longLink = untilZero(body);
      else ({ path: longName = longName, linkpath: longLink = longLink } = paxRecords(body));
      continue;
    }
    const name = longName ?? nameOf(header);
    const isLink = type === "1" || type === "2";
    const target = longLink ?? textAt(header, 157, 100);
    longName = undefined;
    longLink = undefined;
    if (type !== "0" && type !== "\0" && !isLink) continue;
    const link = isLink ? resolveLink(name, target, type === "1") : undefined;
    entries.set(plainName(name), { offset: content, size, link });
  }
}

function nameOf(header: Uint8Array): string {
  const name = textAt(header, 0, 100);
  const isUstar = textAt(header, 257, 5) === "ustar";
  const prefix = isUstar ? textAt(header, 345, 155) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

function plainName(name: string): string {
  return name.replace(/^(?:\.?\/)+/, "");
}

function resolveLink(name: string, target: string, isHard: boolean): string {
  const parts = isHard || target.startsWith("/") ? [] : name.split("/").slice(0, -1);
  for (const part of target.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return plainName(parts.join("/"));
}

/** `<length> <key>=<value>\n`, the length in bytes; ASCII keys and paths are all that we look for. */
function paxRecords(body: string): { readonly path?: string; readonly linkpath?: string } {
  const found: Record<string, string> = {};
  for (const line of body.split("\n")) {
    const match = /^\d+ (path|linkpath)=(.*)$/.exec(line);
    if (match !== null) found[match[1]!] = match[2]!;
  }
  return found;
}

function untilZero(value: string): string {
  const end = value.indexOf("\0");
  return end < 0 ? value : value.slice(0, end);
}

function textAt(header: Uint8Array, offset: number, length: number): string {
  return untilZero(text.decode(header.subarray(offset, offset + length)));
}

/** Octal, or with the top bit set big-endian binary. */
function numberAt(header: Uint8Array, offset: number, length: number): number {
  const field = header.subarray(offset, offset + length);
  if (((field[0] ?? 0) & 0x80) === 0) {
    return Number.parseInt(textAt(header, offset, length).trim() || "0", 8);
  }
  return field.subarray(1).reduce((sum, byte) => sum * 256 + byte, 0);
}

function hasRightSum(header: Uint8Array): boolean {
  let sum = 0;
  for (let index = 0; index < block; index += 1) {
    sum += index >= 148 && index < 156 ? 32 : (header[index] ?? 0);
  }
  return sum === numberAt(header, 148, 8);
}

export type TarItem =
  | { readonly kind: "folder"; readonly name: string; readonly mode: number }
  | { readonly kind: "link"; readonly name: string; readonly target: string }
  | {
      readonly kind: "file";
      readonly name: string;
      readonly mode: number;
      readonly content: Uint8Array;
    };

/** A ustar archive; names of at most 100 bytes. */
export function writeTar(items: readonly TarItem[]): Uint8Array {
  const pieces = items.flatMap((item) => {
    const content = item.kind === "file" ? item.content : new Uint8Array(0);
    return [tarHeader(item, content.length), content, new Uint8Array(-content.length & (block - 1))];
  });
  return concatBytes([...pieces, new Uint8Array(2 * block)]);
}

function tarHeader(item: TarItem, size: number): Uint8Array {
  const header = new Uint8Array(block);
  const put = (offset: number, value: string): void => header.set(bytes.encode(value), offset);
  const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, "0")}\0`;
  put(0, item.name);
  put(100, octal(item.kind === "link" ? 0o777 : item.mode, 8));
  put(108, octal(0, 8));
  put(116, octal(0, 8));
  put(124, octal(size, 12));
  put(136, octal(0, 12));
  put(148, "        ");
  put(156, { file: "0", link: "2", folder: "5" }[item.kind]);
  if (item.kind === "link") put(157, item.target);
  put(257, "ustar\0");
  put(263, "00");
  const sum = header.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return header;
}
