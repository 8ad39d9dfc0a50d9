/**
 * The `Calls` stream of the native door at the least cost to the caller: TLS is Node's, frames of HTTP/2 and
 * messages are written by hand, and all calls of a turn leave together. A client library on the same two cores
 * would take more of them than it leaves to the server that is measured.
 */
import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";
import { field } from "./etcd.ts";
import { firstHeaders, flag, frame, headBytes, head } from "./grpc-wire.ts";

export interface CallsAccess {
  readonly port: number;
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

const path = "/troupe.v1.Api/Calls";
const stream = 1;
const windowBytesMax = 2 ** 31 - 1;
const usualWindowBytes = 65_535;
const frameBytesMax = 16_384;
const initialWindowSetting = 4;
const prefixBytes = 5;

type Done = (code: number) => void;

export class CallsConnection {
  readonly #socket: TLSSocket;
  readonly #waiting: Map<number, Done> = new Map();
  #lastId = 0;
  /** What the server takes: on this connection, and on the stream. */
  #window = usualWindowBytes;
  #streamWindow = usualWindowBytes;
  #initialWindow = usualWindowBytes;
  #out: Buffer[] = [];
  #isFlushDue = false;
  #frames: Buffer = Buffer.alloc(0);
  #messages: Buffer = Buffer.alloc(0);

  private constructor(socket: TLSSocket, authority: string) {
    this.#socket = socket;
    socket.setNoDelay(true);
    const window = Buffer.alloc(6);
    window.writeUInt16BE(initialWindowSetting, 0);
    window.writeUInt32BE(windowBytesMax, 2);
    const more = Buffer.alloc(4);
    more.writeUInt32BE(windowBytesMax - usualWindowBytes);
    const fields = firstHeaders(authority, path, "https");
    socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    socket.write(
      Buffer.concat([
        head(window.length, frame.settings, 0, 0),
        window,
        head(more.length, frame.windowUpdate, 0, 0),
        more,
        head(fields.length, frame.headers, flag.endHeaders, stream),
        fields,
      ]),
    );
    socket.on("data", (bytes) => this.#take(bytes));
    socket.on("error", () => this.close());
    socket.on("close", () => this.close());
  }

  static async open({ port, authority, certificate, key }: CallsAccess): Promise<CallsConnection> {
    const socket = connect({
      host: "127.0.0.1",
      port,
      ca: authority,
      cert: certificate,
      key,
      ALPNProtocols: ["h2"],
      // The bench knows whom it calls by the port; what the certificate is for is another test's.
      checkServerIdentity: () => undefined,
    });
    await once(socket, "secureConnect");
    return new CallsConnection(socket, `127.0.0.1:${port}`);
  }

  /** `call`: a member of the oneof of `CallRequest`. Answers the code of the reply; 0: it failed. */
  call(call: Uint8Array): Promise<number> {
    return new Promise((done) => {
      if (this.#socket.destroyed) return done(0);
      this.#lastId += 1;
      this.#waiting.set(this.#lastId, done);
      const id = varint(this.#lastId);
      const prefix = Buffer.alloc(prefixBytes + 1);
      prefix.writeUInt32BE(1 + id.length + call.length, 1);
      prefix[prefixBytes] = 0x08;
      this.#out.push(prefix, id, call as Buffer);
      if (this.#isFlushDue) return;
      this.#isFlushDue = true;
      setImmediate(() => {
        this.#isFlushDue = false;
        this.#flush();
      });
    });
  }

  close(): void {
    this.#socket.destroy();
    for (const done of this.#waiting.values()) done(0);
    this.#waiting.clear();
  }

  #flush(): void {
    if (this.#out.length === 0 || this.#socket.destroyed) return;
    const bytes = Buffer.concat(this.#out);
    this.#out = [];
    let at = 0;
    this.#socket.cork();
    while (at < bytes.length) {
      const length = Math.min(bytes.length - at, frameBytesMax, this.#window, this.#streamWindow);
      if (length <= 0) break;
      this.#socket.write(head(length, frame.data, 0, stream));
      this.#socket.write(bytes.subarray(at, at + length));
      this.#window -= length;
      this.#streamWindow -= length;
      at += length;
    }
    this.#socket.uncork();
    if (at < bytes.length) this.#out.push(bytes.subarray(at));
  }

  #take(bytes: Buffer): void {
    const all = this.#frames.length === 0 ? bytes : Buffer.concat([this.#frames, bytes]);
    let at = 0;
    const data: Buffer[] = [];
    while (at + headBytes <= all.length) {
      const end = at + headBytes + all.readUIntBE(at, 3);
      if (end > all.length) break;
      const body = all.subarray(at + headBytes, end);
      if (all[at + 3] === frame.data) data.push(body);
      else this.#onFrame(all[at + 3]!, all[at + 4]!, all.readUInt32BE(at + 5) & windowBytesMax, body);
      at = end;
    }
    this.#frames = all.subarray(at);
    if (data.length > 0) this.#read(Buffer.concat([this.#messages, ...data]));
  }

  #onFrame(type: number, flags: number, of: number, body: Buffer): void {
    const isAck = (flags & flag.ack) !== 0;
    if (type === frame.reset || type === frame.goAway) this.close();
    if (type === frame.headers && (flags & flag.endStream) !== 0) this.close();
    if (type === frame.settings && !isAck) {
      for (let at = 0; at + 6 <= body.length; at += 6) {
        if (body.readUInt16BE(at) !== initialWindowSetting) continue;
        this.#streamWindow += body.readUInt32BE(at + 2) - this.#initialWindow;
        this.#initialWindow = body.readUInt32BE(at + 2);
      }
      this.#socket.write(head(0, frame.settings, flag.ack, 0));
    }
    if (type === frame.ping && !isAck) {
      this.#socket.write(Buffer.concat([head(body.length, frame.ping, flag.ack, 0), body]));
    }
    if (type === frame.windowUpdate) {
      if (of === 0) this.#window += body.readUInt32BE(0);
      else this.#streamWindow += body.readUInt32BE(0);
    }
    this.#flush();
  }

  /** CallReply: id (1); reply (2), whose code (1) stands first. Anything else is a failure. */
  #read(bytes: Buffer): void {
    let at = 0;
    while (at + prefixBytes <= bytes.length) {
      const begin = at + prefixBytes;
      const end = begin + bytes.readUInt32BE(at + 1);
      if (end > bytes.length) break;
      const [id, afterId] = readVarint(bytes, begin + 1);
      let code = 0;
      if (bytes[afterId] === 0x12) {
        const [, inner] = readVarint(bytes, afterId + 1);
        if (bytes[inner] === 0x08) [code] = readVarint(bytes, inner + 1);
      }
      const done = this.#waiting.get(id);
      this.#waiting.delete(id);
      done?.(code);
      at = end;
    }
    this.#messages = Buffer.from(bytes.subarray(at));
  }
}

/** `create` of an object, given as JSON. */
export function createCall(ref: Uint8Array, object: Uint8Array): Uint8Array {
  return field(3, Buffer.concat([field(1, ref), field(2, object)]));
}

export function getCall(ref: Uint8Array): Uint8Array {
  return field(2, field(1, ref));
}

export function refBytes(ref: {
  readonly version: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name?: string;
}): Uint8Array {
  const { version, resource, namespace, name = "" } = ref;
  const texts = [version, resource, namespace, name];
  return Buffer.concat(texts.flatMap((text, at) => (text === "" ? [] : [field(at + 2, Buffer.from(text))])));
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}

function readVarint(bytes: Buffer, at: number): readonly [value: number, end: number] {
  let value = 0;
  let scale = 1;
  for (let next = at; ; next += 1, scale *= 128) {
    const byte = bytes[next]!;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return [value, next + 1];
  }
}
