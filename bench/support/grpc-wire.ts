/**
 * One method of a plain gRPC server, called over and over at the least cost to the caller: frames of
 * HTTP/2 by hand, since a client library would take more CPU than the server that is measured. A call has
 * gone well if a message came back; what trailers say is not decoded.
 */
import { connect, type Socket } from "node:net";
import { once } from "node:events";

export const frame = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 } as const;
export const flag = { endStream: 1, ack: 1, endHeaders: 4 } as const;
export const headBytes = 9;
const initialWindowBytes = 65_535;

interface Call {
  message: Buffer | undefined;
  readonly done: (message: Buffer | undefined) => void;
}

export class GrpcConnection {
  readonly #socket: Socket;
  readonly #calls: Map<number, Call> = new Map();
  readonly #waiting: { readonly bytes: Buffer; readonly done: Call["done"] }[] = [];
  readonly #path: string;
  readonly #authority: string;
  #lastStream = -1;
  #windowBytes = initialWindowBytes;
  #rest: Buffer = Buffer.alloc(0);
  #isCorked = false;

  private constructor(socket: Socket, authority: string, path: string) {
    this.#socket = socket;
    this.#authority = authority;
    this.#path = path;
    const hugeWindow = Buffer.alloc(4);
    hugeWindow.writeUInt32BE(2 ** 31 - 1 - initialWindowBytes);
    socket.setNoDelay(true);
    socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    socket.write(Buffer.concat([head(0, frame.settings, 0, 0), head(4, frame.windowUpdate, 0, 0), hugeWindow]));
    socket.on("data", (bytes) => this.#take(bytes));
    socket.on("error", () => this.close());
    socket.on("close", () => this.close());
  }

  static async open(port: number, path: string): Promise<GrpcConnection> {
    const socket = connect({ host: "127.0.0.1", port });
    await once(socket, "connect");
    return new GrpcConnection(socket, `127.0.0.1:${port}`, path);
  }

  /** Resolves with the answer's message; undefined if the call failed or the connection is gone. */
  call(message: Uint8Array): Promise<Buffer | undefined> {
    return new Promise((done) => {
      const bytes = Buffer.allocUnsafe(5 + message.length);
      bytes[0] = 0;
      bytes.writeUInt32BE(message.length, 1);
      bytes.set(message, 5);
      if (this.#socket.destroyed) done(undefined);
      else if (bytes.length > this.#windowBytes) this.#waiting.push({ bytes, done });
      else this.#send(bytes, done);
    });
  }

  close(): void {
    this.#socket.destroy();
    for (const { done } of [...this.#calls.values(), ...this.#waiting.splice(0)]) done(undefined);
    this.#calls.clear();
  }

  #send(bytes: Buffer, done: Call["done"]): void {
    this.#windowBytes -= bytes.length;
    this.#lastStream += 2;
    const stream = this.#lastStream;
    this.#calls.set(stream, { message: undefined, done });
    const fields = stream === 1 ? firstHeaders(this.#authority, this.#path) : laterHeaders;
    this.#write(head(fields.length, frame.headers, flag.endHeaders, stream));
    this.#write(fields);
    this.#write(head(bytes.length, frame.data, flag.endStream, stream));
    this.#write(bytes);
  }

  /** All of a turn leaves together. */
  #write(bytes: Buffer): void {
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

  #take(bytes: Buffer): void {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let at = 0;
    while (at + headBytes <= all.length) {
      const end = at + headBytes + all.readUIntBE(at, 3);
      if (end > all.length) break;
      const stream = all.readUInt32BE(at + 5) & 0x7fff_ffff;
      this.#onFrame(all[at + 3]!, all[at + 4]!, stream, all.subarray(at + headBytes, end));
      at = end;
    }
    this.#rest = all.subarray(at);
  }

  #onFrame(type: number, flags: number, stream: number, body: Buffer): void {
    const call = this.#calls.get(stream);
    if (type === frame.data && call !== undefined && body.length > 5) call.message = body.subarray(5);
    if ((type === frame.data || type === frame.headers) && (flags & flag.endStream) !== 0) this.#end(stream);
    if (type === frame.reset) this.#end(stream);
    if (type === frame.goAway) this.close();
    if (type === frame.settings && (flags & flag.ack) === 0) this.#write(head(0, frame.settings, flag.ack, 0));
    if (type === frame.ping && (flags & flag.ack) === 0) {
      this.#write(head(body.length, frame.ping, flag.ack, 0));
      this.#write(Buffer.from(body));
    }
    if (type === frame.windowUpdate && stream === 0) {
      this.#windowBytes += body.readUInt32BE(0);
      while (this.#waiting.length > 0 && this.#waiting[0]!.bytes.length <= this.#windowBytes) {
        const { bytes, done } = this.#waiting.shift()!;
        this.#send(bytes, done);
      }
    }
  }

  #end(stream: number): void {
    const call = this.#calls.get(stream);
    this.#calls.delete(stream);
    call?.done(call.message);
  }
}

export function head(length: number, type: number, flags: number, stream: number): Buffer {
  const bytes = Buffer.allocUnsafe(headBytes);
  bytes.writeUIntBE(length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  return bytes;
}

/** POST and http by the static table; the others enter the server's table, path first. */
export function firstHeaders(authority: string, path: string, scheme: "http" | "https" = "http"): Buffer {
  const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  return Buffer.concat([
    Buffer.from([0x83, scheme === "http" ? 0x86 : 0x87, 0x44]),
    text(path),
    Buffer.from([0x41]),
    text(authority),
    Buffer.from([0x5f]),
    text("application/grpc"),
    Buffer.from([0x40]),
    text("te"),
    text("trailers"),
  ]);
}

const laterHeaders: Buffer = Buffer.from([0x83, 0x86, 0xc1, 0xc0, 0xbf, 0xbe]);
