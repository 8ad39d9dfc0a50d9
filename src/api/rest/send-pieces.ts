import type { Clock } from "../../env/env.ts";
import type { HttpStream } from "../../env/http.ts";
import { limits } from "../limits.ts";
import type { Call } from "./call.ts";
import { packed, respond } from "./respond.ts";

/**
 * Sends a body whose pieces are made on the way. A small one goes out as one; of a large one no second copy
 * is made: it is made as fast as the client takes it, and in turns, so that everybody else is served between
 * them. A client that has not taken all of it after the time that a request has is cut.
 */
export async function sendPieces(call: Call, contentType: string, pieces: Iterator<Uint8Array>): Promise<void> {
  const { exchange } = call;
  const { clock } = call.door.env;
  let isGone = false;
  exchange.onClose(() => (isGone = true));
  const chunks = chunksOf(clock, pieces);
  const first = await chunks.next();
  const second = await chunks.next();
  if (second.done === true) {
    const body = first.done === true ? new Uint8Array() : first.value;
    respond(exchange, { code: 200, contentType, body });
    return;
  }
  const headers = { "content-type": contentType, "cache-control": "no-cache, private" };
  const stream = exchange.stream({ status: 200, ...packed(exchange, headers, Number.POSITIVE_INFINITY) });
  const deadlineMs = clock.mono() + limits.requestDeadlineMs;
  for (let chunk: IteratorResult<Uint8Array, unknown> = first; chunk.done !== true && !isGone;) {
    stream.write(chunk.value);
    await taken(clock, stream, () => isGone || clock.mono() > deadlineMs);
    if (clock.mono() > deadlineMs) return stream.cut();
    chunk = chunk === first ? second : await chunks.next();
  }
  stream.end();
}

/** Pieces joined to chunks; lets others have a turn when it has worked for long. */
async function* chunksOf(clock: Clock, pieces: Iterator<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let batch: Uint8Array[] = [];
  let bytes = 0;
  let beganMs = clock.mono();
  for (let next = pieces.next(); next.done !== true; next = pieces.next()) {
    batch.push(next.value);
    bytes += next.value.length;
    if (bytes >= limits.listChunkBytes) {
      yield Buffer.concat(batch, bytes);
      batch = [];
      bytes = 0;
    }
    if (clock.mono() - beganMs < limits.listTurnMs) continue;
    await turn(clock, 0);
    beganMs = clock.mono();
  }
  if (bytes > 0) yield Buffer.concat(batch, bytes);
}

async function taken(clock: Clock, stream: HttpStream, isOver: () => boolean): Promise<void> {
  while (stream.pending > limits.streamPendingBytesMax && !isOver()) await turn(clock, limits.streamLookMs);
}

function turn(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve));
}
