import { yaml } from "../../env/packages.ts";
import type { Kind, KubeObject } from "../../kinds/kind.ts";
import type { RowRef } from "../../store/view.ts";
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
    case "table": {
      const meta = { resourceVersion: object.metadata.resourceVersion };
      return tableText(context, { meta, objects: [object], columns: true });
    }
    case "partial":
      return stringifyJson(partial(context.shape.version, object));
    default:
      return stringifyJson(object);
  }
}

/** The pieces of a list's JSON text, in order; full objects are the rows' bytes. */
export function listPieces(context: ShapeContext, meta: ListMeta, rows: readonly RowRef[]): readonly Uint8Array[] {
  const { kind, shape } = context;
  if (shape.kind === "table") {
    const objects = rows.map((row) => row.object());
    return [Buffer.from(tableText(context, { meta, objects, columns: true }))];
  }
  const isPartial = shape.kind === "partial";
  const head = isPartial
    ? { kind: "PartialObjectMetadataList", apiVersion: `meta.k8s.io/${shape.version}` }
    : { kind: `${kind.kind}List`, apiVersion: apiVersionOf(kind) };
  const opening = `${JSON.stringify({ ...head, metadata: meta }).slice(0, -1)},"items":[`;
  const pieces: Uint8Array[] = [Buffer.from(opening)];
  for (const [position, row] of rows.entries()) {
    if (position > 0) pieces.push(comma);
    pieces.push(isPartial ? Buffer.from(stringifyJson(partial(shape.version, row.object()))) : row.bytes());
  }
  pieces.push(listEnd);
  return pieces;
}

const comma = Buffer.from(",");
const listEnd = Buffer.from("]}\n");

interface TableContent {
  readonly meta: ListMeta;
  readonly objects: readonly KubeObject[];
  readonly columns: boolean;
}

export function tableText(context: ShapeContext, content: TableContent): string {
  const { kind, now, includeObject, shape } = context;
  const version = shape.kind === "table" ? shape.version : "v1";
  const rows = content.objects.map((object) => {
    const { cells, conditions } = kind.row(object, now);
    return {
      cells,
      ...(conditions === undefined || conditions.length === 0 ? {} : { conditions }),
      ...rowObject(includeObject, version, object),
    };
  });
  const columnDefinitions = content.columns
    ? kind.columns.map(({ name, type, format, description, priority }) => ({
        name,
        type,
        format: format ?? "",
        description,
        priority,
      }))
    : null;
  return stringifyJson({
    kind: "Table",
    apiVersion: `meta.k8s.io/${version}`,
    metadata: content.meta,
    columnDefinitions,
    rows,
  });
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

function rowObject(
  include: ShapeContext["includeObject"],
  version: string,
  object: KubeObject,
): { readonly object?: unknown } {
  if (include === "None") return { object: null };
  return { object: include === "Object" ? object : partial(version, object) };
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
