import type { Kind, KubeObject } from "../../kinds/kind.ts";
import { deletedBody } from "../../store/row-version.ts";
import type { RowRef } from "../../store/view.ts";
import { concatBytes } from "../../util/bytes.ts";
import type { Door } from "./call.ts";
import { objectText, tableText, type ShapeContext } from "./shapes.ts";

/** Events of a watch as the bytes that go out: one line of JSON each. */
export type EventType = "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";

/** How those who watch want to see objects. */
export type EventForm = Omit<ShapeContext, "now">;

type EventParts = Pick<Door, "env" | "events">;

/** What happened to one row, as one selection sees it. */
export interface RowEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  /** Of the change; a DELETED object shows it as its own. */
  readonly revision: number;
  /** The last state that was selected, where it is DELETED. */
  readonly row: RowRef;
}

const objectStart: Readonly<Record<EventType, Uint8Array>> = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
  BOOKMARK: Buffer.from('{"type":"BOOKMARK","object":'),
  ERROR: Buffer.from('{"type":"ERROR","object":'),
};
const objectEnd = Buffer.from("}\n");

export function eventBytes(type: EventType, object: Uint8Array | string): Uint8Array {
  return Buffer.concat([objectStart[type], typeof object === "string" ? Buffer.from(object) : object, objectEnd]);
}

/** The bytes of one row's event; made once for all who want the same form. `columns`: a Table describes them. */
export function rowEventBytes(door: EventParts, form: EventForm, event: RowEvent, columns: boolean): Uint8Array {
  const { shape, includeObject } = form;
  const { type, revision, row } = event;
  const version = "version" in shape ? shape.version : "";
  const described = shape.kind === "table" && columns ? "columns" : "";
  const key = `${row.kind}/${row.namespace}/${row.name}/${revision}/${type}`;
  return door.events.take(`${key} ${shape.kind} ${version} ${includeObject} ${described}`, () =>
    eventBytes(type, rowBytes(door, form, event, columns)),
  );
}

function rowBytes(door: EventParts, form: EventForm, event: RowEvent, columns: boolean): Uint8Array | string {
  const { type, revision, row } = event;
  const isFull = form.shape.kind === "full";
  if (type !== "DELETED") return isFull ? row.bytes() : shapedText(door, form, row.object(), columns);
  if (isFull) return concatBytes(deletedBody(row, revision));
  const last = row.object();
  const metadata = { ...last.metadata, resourceVersion: String(revision) };
  return shapedText(door, form, { ...last, metadata }, columns);
}

/** One object in the form, as JSON text. */
export function shapedText(door: EventParts, form: EventForm, object: KubeObject, columns: boolean): string {
  const context = { ...form, now: door.env.clock.wall() };
  return form.shape.kind === "table" ? tableText(context, object, columns) : objectText(context, object);
}

/** Two watches with equal keys want the same changes in the same form. */
export function groupKey(
  kind: Kind,
  { shape, includeObject }: EventForm,
  selected: { readonly namespace: string; readonly name: string; readonly labels: string; readonly fields: string },
): string {
  const { namespace, name, labels, fields } = selected;
  const version = "version" in shape ? shape.version : "";
  return JSON.stringify([kind.id, namespace, name, labels, fields, shape.kind, version, includeObject]);
}
