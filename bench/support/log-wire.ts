/**
 * How a client of `log-member` talks to it: length (4), id (4), kind (1), payload; back come id (4) and
 * whether it was done (1). All of a turn leaves together, on both sides.
 */
import { connect, type Socket } from "node:net";
import { once } from "node:events";

export const kinds = { write: 0, read: 1, whoLeads: 2 } as const;
export const requestHeadBytes = 9;
export const replyBytes = 5;

/** Joins what is written in one turn. */
export class TurnWriter {
  readonly #socket: Socket;
  #isCorked = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  write(bytes: Uint8Array): void {
    if (this.#socket.destroyed) return;
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#socket.cork();
      process.nextTick(() => {
        this.#isCorked = false;
        this.#socket.uncork();
      });
    }
    this.#socket.write(bytes);
  }
}

export class LogConnection {
  readonly #socket: Socket;
  readonly #out: TurnWriter;
  readonly #calls: Map<number, (isDone: boolean) => void> = new Map();
  #rest: Buffer = Buffer.alloc(0);
  #lastId = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#out = new TurnWriter(socket);
    socket.setNoDelay(true);
    socket.on("data", (bytes) => this.#take(bytes));
    socket.on("error", () => this.close());
    socket.on("close", () => this.close());
  }

  static async open(port: number): Promise<LogConnection> {
    const socket = connect({ host: "127.0.0.1", port });
    await once(socket, "connect");
    return new LogConnection(socket);
  }

  /** False if the member did not do it, or is gone. */
  call(kind: keyof typeof kinds, payload: Uint8Array): Promise<boolean> {
    return new Promise((done) => {
      if (this.#socket.destroyed) return done(false);
      this.#lastId = (this.#lastId + 1) >>> 0;
      this.#calls.set(this.#lastId, done);
      const bytes = Buffer.allocUnsafe(requestHeadBytes + payload.length);
      bytes.writeUInt32BE(bytes.length - 4, 0);
      bytes.writeUInt32BE(this.#lastId, 4);
      bytes[8] = kinds[kind];
      bytes.set(payload, requestHeadBytes);
      this.#out.write(bytes);
    });
  }

  close(): void {
    this.#socket.destroy();
    for (const done of this.#calls.values()) done(false);
    this.#calls.clear();
  }

  #take(bytes: Buffer): void {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let at = 0;
    for (; at + replyBytes <= all.length; at += replyBytes) {
      const id = all.readUInt32BE(at);
      this.#calls.get(id)?.(all[at + 4] === 1);
      this.#calls.delete(id);
    }
    this.#rest = all.subarray(at);
  }
}
