/**
 * Events of a watch, cut out of the stream that both doors share. The encoder of the REST door writes
 * `{"type":"ADDED","object":…}` and a line break; no line break stands inside an object's JSON, and
 * the head is one of five texts, so nothing is parsed and the object's bytes are passed on as a view.
 */
import { textOf } from "../../util/bytes.ts";
import { invariant, StatusError, type Status } from "../../util/errors.ts";
import { eventTypes, type EventTypeName } from "../../util/grpc.ts";
import type { WatchEvent } from "./messages.ts";

export interface Frames {
  readonly events: readonly WatchEvent[];
  /** The watch failed behind the events. */
  readonly failure: StatusError | undefined;
}

const newLine = 10;
const typeStart = '{"type":"'.length;
const quote = 34;
const objectMark = '","object":'.length;

/** `chunk` holds whole events. */
export function framesOf(chunk: Uint8Array): Frames {
  const events: WatchEvent[] = [];
  for (let start = 0; start < chunk.length;) {
    const end = chunk.indexOf(newLine, start);
    invariant(end > start, "events end with a line break");
    const typeEnd = chunk.indexOf(quote, start + typeStart);
    const type = textOf(chunk.subarray(start + typeStart, typeEnd));
    const object = chunk.subarray(typeEnd + objectMark, end - 1);
    if (type === "ERROR") return { events, failure: new StatusError(JSON.parse(textOf(object)) as Status) };
    events.push({ type: eventTypes[type as EventTypeName], object });
    start = end + 1;
  }
  return { events, failure: undefined };
}
