import type { KindId, KubeObject } from "../kinds/kind.ts";
import type { Draft } from "../kinds/kind.ts";
import { Reader, textOf, utf8, utf8Length, Writer } from "../util/bytes.ts";
import { invariant, InvariantError } from "../util/errors.ts";
import type { Revision } from "./revision.ts";

/**
 * A row: the bytes that one version of one object is in the log, in a slab and in a snapshot. An
 * object is encoded once, here; every reader passes the body on.
 *
 * Layout (docs/formats.md): format `u8` · flags `u8` · revision varint · offset of the first digit
 * of `resourceVersion` in the plain body varint · body. The number of digits is that of the
 * revision. With the sealed flag the body is what the `Sealer` made of the plain JSON.
 */

/** Encrypts rows of sealed kinds. `context` names the row and its revision, and must be equal to open it. */
export interface Sealer {
  seal(plain: Uint8Array, context: string): Uint8Array;
  /** Throws `InvariantError` if bytes or context are not those that were sealed. */
  open(sealed: Uint8Array, context: string): Uint8Array;
}

const rowFormat = 1;
const sealedFlag = 1;
const headerBytesMax = 18;

export interface RowHeader {
  readonly sealed: boolean;
  readonly revision: Revision;
  /** Offset of the first digit of `resourceVersion` in the plain body. */
  readonly digitsAt: number;
  /** Offset of the body in the row. */
  readonly bodyAt: number;
}

/**
 * Encodes the object with `metadata.resourceVersion` set to `revision`; `draft` is not changed.
 * `sealed` is given for kinds that are encrypted at rest.
 */
export function encodeRow(
  draft: Draft | KubeObject,
  revision: Revision,
  sealed?: { readonly sealer: Sealer; readonly kind: KindId },
): Uint8Array {
  const { text, digitsAt } = encodeBody(draft, revision);
  const row = new Writer(headerBytesMax + text.length)
    .u8(rowFormat)
    .u8(sealed === undefined ? 0 : sealedFlag)
    .varint(revision)
    .varint(digitsAt);
  if (sealed === undefined) return row.text(text).finish();
  const { namespace, name } = draft.metadata;
  const context = sealContext(sealed.kind, namespace ?? "", name ?? "", revision);
  return row.raw(sealed.sealer.seal(utf8(text), context)).finish();
}

/** What a sealed row is bound to: bytes moved to another key or revision do not open. */
export function sealContext(kind: KindId, namespace: string, name: string, revision: Revision): string {
  return `${kind}/${namespace}/${name}@${revision}`;
}

export function headerOf(row: Uint8Array): RowHeader {
  const reader = new Reader(row);
  invariant(reader.u8() === rowFormat, "a row has a known format");
  const flags = reader.u8();
  invariant((flags & ~sealedFlag) === 0, "a row has known flags only");
  const revision = reader.varint();
  const digitsAt = reader.varint();
  return { sealed: (flags & sealedFlag) !== 0, revision, digitsAt, bodyAt: reader.at };
}

/** The plain JSON of a row: a view on it, or what the sealer opened. */
export function bodyOf(row: Uint8Array, open: (sealed: Uint8Array) => Uint8Array): Uint8Array {
  const { sealed, bodyAt } = headerOf(row);
  const body = row.subarray(bodyAt);
  return sealed ? open(body) : body;
}

/**
 * The body with another revision in the place of its own, in three slices, without a copy of the
 * rest: what a DELETED event carries. The two revisions may differ in their number of digits.
 */
export function bodyWithRevision(
  body: Uint8Array,
  header: RowHeader,
  revision: Revision,
): readonly [before: Uint8Array, digits: Uint8Array, after: Uint8Array] {
  const end = header.digitsAt + String(header.revision).length;
  invariant(
    textOf(body.subarray(header.digitsAt, end)) === String(header.revision),
    "the header says where the digits of resourceVersion stand",
  );
  return [body.subarray(0, header.digitsAt), utf8(String(revision)), body.subarray(end)];
}

/**
 * apiVersion, kind and metadata come first, and nothing but text stands before resourceVersion in
 * metadata. A quote inside text is escaped, so the first unescaped `"resourceVersion":"` is the one.
 */
function encodeBody(
  draft: Draft | KubeObject,
  revision: Revision,
): { readonly text: string; readonly digitsAt: number } {
  invariant(Number.isSafeInteger(revision) && revision > 0, "a row's revision is positive");
  const text = JSON.stringify(isInOrder(draft, revision) ? draft : inOrder(draft, revision));
  const at = text.indexOf(digitsMark);
  invariant(at > 0, "resourceVersion stands in every encoded object");
  return { text, digitsAt: utf8Length(text, at + digitsMark.length) };
}

function inOrder(draft: Draft | KubeObject, revision: Revision): object {
  const { apiVersion, kind } = draft;
  const { name, generateName, namespace, uid } = draft.metadata;
  const resourceVersion = String(revision);
  // What stands first keeps its place, whatever value comes behind it.
  const leading: object = { name, generateName, namespace, uid, resourceVersion };
  const metadata = { ...leading, ...draft.metadata, resourceVersion };
  return { ...({ apiVersion, kind, metadata } as object), ...draft, metadata };
}

/** The members before this one, in the order in which `inOrder` puts them; each may be absent. */
const leading: readonly string[] = ["name", "generateName", "namespace", "uid"];

/** Whether printing the object as it is gives what `inOrder` would: writers that know of the order keep it. */
function isInOrder(draft: Draft | KubeObject, revision: Revision): boolean {
  const { metadata } = draft;
  if (metadata.resourceVersion !== String(revision)) return false;
  let at = 0;
  for (const name in draft) {
    if (name !== first[at]) return false;
    at += 1;
    if (at === first.length) break;
  }
  let place = 0;
  for (const name in metadata) {
    if (name === "resourceVersion") return at === first.length;
    const next = leading.indexOf(name);
    if (next < place) return false;
    place = next + 1;
  }
  return false;
}

const first: readonly string[] = ["apiVersion", "kind", "metadata"];

/** Where a body's metadata and, in it, its managedFields stand: the first byte and the one behind the last. */
export interface BodyParts {
  readonly metadata: Span;
  /** With the comma before it; undefined: there are none. */
  readonly managedFields: Span | undefined;
  /** Whether `ownerReferences` stands there. */
  readonly isOwned: boolean;
}

export type Span = readonly [from: number, to: number];

/**
 * Found without parsing, which for these two costs more than for all the rest. Undefined where the body does
 * not begin as `encodeRow` writes it; then it has to be parsed.
 */
export function partsOf(body: Uint8Array): BodyParts | undefined {
  if (!isAt(body, 0, apiVersionMark)) return undefined;
  const kindAt = endOfText(body, apiVersionMark.length - 1) + 1;
  if (!isAt(body, kindAt, kindMark)) return undefined;
  const metadataAt = endOfText(body, kindAt + kindMark.length - 1) + 1;
  if (!isAt(body, metadataAt, metadataMark)) return undefined;
  const from = metadataAt + metadataMark.length;
  let depth = 0;
  let managersFrom = 0;
  let managersTo = 0;
  let isOwned = false;
  for (let at = from; at < body.length; at++) {
    const byte = body[at]!;
    if (byte === quote) at = endOfText(body, at);
    else if (byte === openBrace || byte === openBracket) depth += 1;
    else if (byte === closeBrace || byte === closeBracket) {
      depth -= 1;
      if (depth === 0) {
        const managedFields: Span | undefined = managersFrom === 0 ? undefined : [managersFrom, managersTo];
        return { metadata: [from, at + 1], managedFields, isOwned };
      }
      if (depth === 1 && managersFrom > 0 && managersTo === 0) managersTo = at + 1;
    } else if (byte === comma && depth === 1) {
      if (isAt(body, at, managersMark)) managersFrom = at;
      else if (isAt(body, at, ownersMark)) isOwned = true;
    }
  }
  throw new InvariantError("a row's metadata is an object that ends");
}

function isAt(bytes: Uint8Array, at: number, mark: Uint8Array): boolean {
  for (let i = 0; i < mark.length; i++) if (bytes[at + i] !== mark[i]) return false;
  return true;
}

/** The place of the quote that ends the text whose first quote is at `from`. */
function endOfText(bytes: Uint8Array, from: number): number {
  for (let at = from + 1; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === quote) return at;
    if (byte === backslash) at += 1;
  }
  throw new InvariantError("a text of a row ends");
}

const [quote, comma, backslash] = [34, 44, 92];
const [openBracket, closeBracket, openBrace, closeBrace] = [91, 93, 123, 125];
const apiVersionMark = utf8('{"apiVersion":"');
const kindMark = utf8(',"kind":"');
const metadataMark = utf8(',"metadata":');
const managersMark = utf8(',"managedFields":[');
const ownersMark = utf8(',"ownerReferences":');
const digitsMark = '"resourceVersion":"';
