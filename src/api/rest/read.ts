import type { Kind, KubeObject } from "../../kinds/kind.ts";
import { expired, notFound } from "../../kinds/status-errors.ts";
import type { RowRef } from "../../store/view.ts";
import type { Page } from "../../store/store-api.ts";
import { StatusError } from "../../util/errors.ts";
import { badRequest } from "../../kinds/status-errors.ts";
import { scaleOf, scaleView } from "../subresources/scale.ts";
import type { Call } from "./call.ts";
import { decodeContinue, encodeContinue } from "./continue-token.ts";
import { awaitFreshness } from "./freshness.ts";
import { parseListOptions, parseRevision, type ListOptions } from "./list-options.ts";
import { negotiate, type Accepted } from "./negotiate.ts";
import { respond } from "./respond.ts";
import { createSelection, type Selection } from "./selection.ts";
import { sendPieces } from "./send-pieces.ts";
import { contentTypeOf, inFormat, listPieces, objectText, type ListMeta, type ShapeContext } from "./shapes.ts";

/** Which object or collection a read is about. */
export interface ReadTarget {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
}

export function shapeContext(call: Call, kind: Kind, accepted: Accepted): ShapeContext {
  const include = call.target.query.get("includeObject");
  return {
    kind,
    shape: accepted.shape,
    now: call.door.env.clock.wall(),
    includeObject: include === "None" || include === "Object" ? include : "Metadata",
  };
}

/** GET of one object, its status or its scale. */
export async function serveGet(call: Call, target: ReadTarget): Promise<void> {
  const { door, exchange } = call;
  const { kind, namespace, name, subresource } = target;
  const accepted = negotiate(exchange.headers["accept"], ["table", "partial"]);
  await awaitFreshness(door, call.target.query.get("resourceVersion") ?? "");
  const row =
    kind.storage === "virtual"
      ? door.virtual.get(kind, name)
      : (door.store.committed.get(kind.id, namespace, name) ?? door.leases.get(kind.id, namespace, name));
  if (row === undefined) throw notFound(kind, name);
  const isPlain = accepted.shape.kind === "full" && accepted.format === "json";
  const body =
    isPlain && subresource !== "scale"
      ? row.bytes()
      : inFormat(accepted.format, shownText(call, { target, row, accepted }));
  respond(exchange, { code: 200, contentType: contentTypeOf(accepted.format), body });
}

function shownText(
  call: Call,
  shown: { readonly target: ReadTarget; readonly row: RowRef; readonly accepted: Accepted },
): string {
  const { target, row, accepted } = shown;
  const object: KubeObject = target.subresource === "scale" ? scaleOf(target.kind, row.object()) : row.object();
  return objectText(shapeContext(call, shownKind(target), accepted), object);
}

/** The kind by whose columns a table of the target is made. */
export function shownKind({ kind, subresource }: ReadTarget): Kind {
  return subresource === "scale" ? scaleView(kind) : kind;
}

/** GET of a collection. */
export async function serveList(call: Call, target: ReadTarget): Promise<void> {
  const { exchange } = call;
  const { kind, namespace, name } = target;
  const accepted = negotiate(exchange.headers["accept"], ["table", "partial"]);
  const options = parseListOptions(call.target.query, false);
  const selection = createSelection(kind, { namespace, name, ...options });
  const { rows, meta } = await readList(call, { kind, options, selection });
  const pieces = listPieces(shapeContext(call, kind, accepted), meta, rows);
  const contentType = contentTypeOf(accepted.format);
  if (accepted.format === "yaml") {
    const body = inFormat("yaml", Buffer.concat([...pieces]).toString("utf8"));
    respond(exchange, { code: 200, contentType, body });
  } else {
    await sendPieces(call, contentType, pieces);
  }
}

export interface ReadPage {
  readonly rows: readonly RowRef[];
  readonly meta: ListMeta;
}

function virtualPage(call: Call, kind: Kind, selection: Selection): ReadPage {
  const rows = call.door.virtual.list(kind).filter((row) => selection.filter?.(row) ?? true);
  return { rows, meta: { resourceVersion: String(call.door.store.revision) } };
}

/** The leases of nodes have no rows: they follow behind the last page. */
function withLeases(call: Call, { kind, selection }: ListAsked, page: ReadPage): ReadPage {
  const made = call.door.leases.list(kind.id, selection.namespace);
  if (made.length === 0 || page.meta.continue !== undefined) return page;
  return { meta: page.meta, rows: [...page.rows, ...made.filter((row) => selection.filter?.(row) ?? true)] };
}

export interface ListAsked {
  readonly kind: Kind;
  readonly options: ListOptions;
  readonly selection: Selection;
}

/** One page of what a client sees: rows, and objects that are made when they are read. */
export async function readList(call: Call, asked: ListAsked): Promise<ReadPage> {
  const { kind, selection } = asked;
  if (kind.storage === "virtual") return virtualPage(call, kind, selection);
  return withLeases(call, asked, await readPage(call, asked));
}

/** One page of rows by all rules of `resourceVersion`, `resourceVersionMatch`, `limit` and `continue`. */
export async function readPage(call: Call, asked: ListAsked): Promise<ReadPage> {
  const { door } = call;
  const { kind, options, selection } = asked;
  const start = await startOf(call, options);
  const filter = pageFilter(selection);
  const page = pageAt(
    () =>
      door.store.page(kind.id, {
        ...(selection.namespace === "" ? {} : { namespace: selection.namespace }),
        ...(start.at === undefined ? {} : { at: start.at }),
        ...(start.after === undefined ? {} : { after: start.after }),
        ...(options.limit > 0 ? { limit: options.limit } : {}),
        ...(filter === undefined ? {} : { filter }),
      }),
    start.after,
  );
  return { rows: page.rows, meta: metaOf(page) };
}

function pageFilter(selection: Selection): ((row: RowRef) => boolean) | undefined {
  const { filter, name } = selection;
  if (filter === undefined || name === undefined) return filter;
  // The name is compared first: it is the cheapest, and decides for almost every row.
  return (row) => row.name === name && filter(row);
}

async function startOf(call: Call, options: ListOptions): Promise<{ readonly at?: number; readonly after?: string }> {
  const { resourceVersion, match, continueToken, limit } = options;
  const isNamed = resourceVersion !== "" && resourceVersion !== "0";
  if (continueToken !== "") {
    if (isNamed) {
      throw badRequest("specifying resource version is not allowed when using continue");
    }
    const token = decodeContinue(continueToken);
    if (token.revision < 0) {
      await call.door.host.readBarrier();
      return { after: token.after };
    }
    await awaitFreshness(call.door, String(token.revision));
    return { at: token.revision, after: token.after };
  }
  await awaitFreshness(call.door, resourceVersion);
  const isExact = match === "Exact" || (match === "" && limit > 0 && isNamed);
  return isExact ? { at: parseRevision(resourceVersion) } : {};
}

const continueExpired =
  "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";

/** A compacted continue token is answered with one that goes on at the newest state. */
function pageAt(read: () => Page, after: string | undefined): Page {
  try {
    return read();
  } catch (error) {
    if (after === undefined || !(error instanceof StatusError) || error.status.code !== 410) {
      throw error;
    }
    const { status } = expired(continueExpired);
    const metadata = { continue: encodeContinue({ revision: -1, after }) };
    throw new StatusError({ ...status, metadata }, { cause: error });
  }
}

function metaOf(page: Page): ListMeta {
  const { revision, next, remaining } = page;
  if (next === undefined) return { resourceVersion: String(revision) };
  return {
    resourceVersion: String(revision),
    continue: encodeContinue({ revision, after: next }),
    ...(remaining === undefined ? {} : { remainingItemCount: remaining }),
  };
}
