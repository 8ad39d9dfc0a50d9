import { StatusError } from "../../../util/errors.ts";
import type { StreamChunk } from "../../node-streams.ts";
import type { Call } from "../call.ts";
import { statusOf } from "../respond.ts";

/** Channels of a remote command, as WebSocket messages name them; `close` ends the channel that follows it. */
export const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

export const noBytes: Uint8Array = new Uint8Array(0);

/** The client's end of a remote command, whatever protocol it speaks. */
export interface CommandClient {
  send(channel: number, bytes: Uint8Array): void;
  /** The last word, as JSON of a Status; then the connection ends. */
  finish(status: string): void;
  /** Bytes that the client has not taken. */
  readonly pending: number;
  pause(): void;
  resume(): void;
  /** What came before is handed over at once. */
  onChunk(run: (chunk: StreamChunk) => void): void;
  onClose(run: () => void): void;
}

/** What a command ends with where its node said nothing: success, or why the stream broke. */
export function finalStatus(error: unknown): string {
  if (error === undefined) return JSON.stringify({ metadata: {}, status: "Success" });
  return JSON.stringify(error instanceof StatusError ? error.status : statusOf(error));
}

/**
 * How the protocols before v4 tell the end: nothing for a success, else a text. What is no Status is
 * told as it came.
 */
export function statusAsText(status: string): string {
  try {
    const { status: result, message = "" } = JSON.parse(status) as { status?: string; message?: string };
    return result === "Success" ? "" : message;
  } catch (error) {
    if (error instanceof SyntaxError) return status;
    throw error;
  }
}

/** Counts the stream while it is open; answers what ends the counting. */
export function track(call: Call): () => void {
  const { metrics } = call.door;
  metrics.longRunning("CONNECT", 1);
  return () => metrics.longRunning("CONNECT", -1);
}

/** Keeps what comes before somebody listens. */
export class Early<T> {
  #waiting: T[] = [];
  #run: ((item: T) => void) | undefined;

  push(item: T): void {
    if (this.#run === undefined) this.#waiting.push(item);
    else this.#run(item);
  }

  listen(run: (item: T) => void): void {
    this.#run = run;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const item of waiting) run(item);
  }
}
