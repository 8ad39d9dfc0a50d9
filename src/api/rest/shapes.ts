import { yaml } from "../../env/packages.ts";
import type { Kind, KubeObject, TableRow } from "../../kinds/kind.ts";
import { glance } from "../../store/row-version.ts";
import { partsOf } from "../../store/row.ts";
import type { RowRef } from "../../store/view.ts";
import { textOf } from "../../util/bytes.ts";
import { stringifyJson } from "../../util/json-text.ts";
import type { Millis } from "../../util/time.ts";
import { apiVersionOf } from "../../kinds/catalogue.ts";
import type { Accepted, Shape } from "./negotiate.ts";

/**
 * The forms in which an object, a list or an event goes out. A full object is the row's own bytes;
 * tables and metadata are derived.
 */
export interface ShapeContext {
  readonly kind: Kind;
  readonly shape: Shape;
  readonly now: Millis;
  readonly includeObject: "None" | "Metadata" | "Object";
}

export interface ListMeta {
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

/** One object in its shape, as JSON text. */
export function objectText(context: ShapeContext, object: KubeObject): string {
  switch (context.shape.kind) {
    case "table":
      return tableText(context, object, true);
    case "partial":
      return stringifyJson(partial(context.shape.version, object));
    default:
      return stringifyJson(object);
  }
}

/** The pieces of a list's JSON text, in order, each made when it is asked for; full objects are the rows' bytes. */
export function* listPieces(context: ShapeContext, meta: ListMeta, rows: readonly RowRef[]): Generator<Uint8Array> {
  const { kind, shape } = context;
  if (shape.kind === "table") return yield* tablePieces(context, meta, rows);
  const isPartial = shape.kind === "partial";
  const head = isPartial
    ? { kind: "PartialObjectMetadataList", apiVersion: `meta.k8s.io/${shape.version}` }
    : { kind: `${kind.kind}List`, apiVersion: apiVersionOf(kind) };
  yield Buffer.from(`${JSON.stringify({ ...head, metadata: meta }).slice(0, -1)},"items":[`);
  for (const [position, row] of rows.entries()) {
    if (position > 0) yield comma;
    if (isPartial) yield* partialPieces(shape.version, row.bytes());
    else yield row.bytes();
  }
  yield listEnd;
}

const comma = Buffer.from(",");
const listEnd = Buffer.from("]}\n");
const objectEnd = Buffer.from("}");
const rowEnd = Buffer.from("}}");

/** The metadata is passed on as it is stored. */
function* partialPieces(version: string, body: Uint8Array): Generator<Uint8Array> {
  const parts = partsOf(body);
  if (parts === undefined) {
    yield Buffer.from(stringifyJson(partial(version, JSON.parse(textOf(body)) as KubeObject)));
    return;
  }
  yield Buffer.from(partialStart(version));
  yield body.subarray(...parts.metadata);
  yield objectEnd;
}

function partialStart(version: string): string {
  return `{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/${version}","metadata":`;
}

function* tablePieces(context: ShapeContext, meta: ListMeta, rows: readonly RowRef[]): Generator<Uint8Array> {
  yield Buffer.from(`${tableStart(context, meta, true)},"rows":[`);
  for (const [position, row] of rows.entries()) {
    if (position > 0) yield comma;
    yield* tableRowPieces(context, row);
  }
  yield listEnd;
}

/** One row of a Table from what is stored: only its cells need the object. */
function* tableRowPieces({ kind, now, includeObject, shape }: ShapeContext, row: RowRef): Generator<Uint8Array> {
  const version = shape.kind === "table" ? shape.version : "v1";
  const { object, metadata } = glance(row);
  const cells = stringifyJson(cellsOf(kind, object, now)).slice(0, -1);
  if (includeObject === "Metadata" && metadata !== undefined) {
    yield Buffer.from(`${cells},"object":${partialStart(version)}`);
    yield metadata;
    yield rowEnd;
    return;
  }
  yield Buffer.from(`${cells},"object":`);
  if (includeObject === "Object") yield row.bytes();
  else yield Buffer.from(stringifyJson(includeObject === "None" ? null : partial(version, object)));
  yield objectEnd;
}

function cellsOf(kind: Kind, object: KubeObject, now: Millis): TableRow {
  const { cells, conditions } = kind.row(object, now);
  return { cells, ...(conditions === undefined || conditions.length === 0 ? {} : { conditions }) };
}

/** Up to the rows, without the closing brace. */
function tableStart({ kind, shape }: ShapeContext, metadata: ListMeta, columns: boolean): string {
  const columnDefinitions = columns
    ? kind.columns.map(({ name, type, format, description, priority }) => ({
        name,
        type,
        format: format ?? "",
        description,
        priority,
      }))
    : null;
  const apiVersion = `meta.k8s.io/${shape.kind === "table" ? shape.version : "v1"}`;
  return stringifyJson({ kind: "Table", apiVersion, metadata, columnDefinitions }).slice(0, -1);
}

/** One object as a Table of one row. */
export function tableText(context: ShapeContext, object: KubeObject, columns: boolean): string {
  const { kind, now, includeObject, shape } = context;
  const version = shape.kind === "table" ? shape.version : "v1";
  const shown = includeObject === "Object" ? object : partial(version, object);
  const row = { ...cellsOf(kind, object, now), object: includeObject === "None" ? null : shown };
  const meta = { resourceVersion: object.metadata.resourceVersion };
  return `${tableStart(context, meta, columns)},"rows":[${stringifyJson(row)}]}`;
}

/**
 * A bookmark as a Table: one row of an object that has nothing but metadata. The one that says that the
 * state at the start is over carries it also where no objects were asked for.
 */
export function tableBookmark(
  { kind, shape, includeObject }: Omit<ShapeContext, "now">,
  metadata: { readonly resourceVersion: string; readonly annotations?: Readonly<Record<string, string>> },
): string {
  const version = shape.kind === "table" ? shape.version : "v1";
  const isShown = includeObject !== "None" || metadata.annotations !== undefined;
  const names =
    includeObject === "Object"
      ? { kind: kind.kind, apiVersion: apiVersionOf(kind) }
      : { kind: "PartialObjectMetadata", apiVersion: `meta.k8s.io/${version}` };
  const cells = kind.columns.map(({ type }) => (type === "integer" ? 0 : ""));
  return stringifyJson({
    kind: "Table",
    apiVersion: `meta.k8s.io/${version}`,
    metadata: { resourceVersion: metadata.resourceVersion },
    columnDefinitions: null,
    rows: [{ cells, object: isShown ? { ...names, metadata } : null }],
  });
}

function partial(version: string, object: KubeObject): unknown {
  return {
    kind: "PartialObjectMetadata",
    apiVersion: `meta.k8s.io/${version}`,
    metadata: object.metadata,
  };
}

/** JSON text to the bytes of the format that was asked for. */
export function inFormat(format: Accepted["format"], json: string): Uint8Array {
  if (format === "json") return Buffer.from(json.endsWith("\n") ? json : `${json}\n`);
  return Buffer.from(yaml().stringify(JSON.parse(json)));
}

export function contentTypeOf(format: Accepted["format"]): string {
  return format === "json" ? "application/json" : "application/yaml";
}
