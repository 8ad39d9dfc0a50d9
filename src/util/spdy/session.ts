import {
  createHeaderCompressor,
  createSpdyDecoder,
  dataFrames,
  goAwayFrame,
  pingFrame,
  resetFrame,
  SpdyError,
  synReply,
  synStream,
  windowFrame,
  type SpdyFrame,
  type SpdyHeaders,
} from "./frames.ts";

/**
 * One end of a SPDY/3.1 connection, without the connection: bytes in, bytes out, streams in between.
 *
 * Windows. What a server takes is given back to the client's windows at once; who cannot take more pauses
 * the transport. A client says nothing to a server that shows no windows: runtimes close a connection
 * whose last megabytes are still on their way, and a frame that arrives after that resets it. A peer that shows that it keeps windows (settings, a window update) is sent no more than
 * they allow, counted from the first byte. One that never does (every stock client: they rely on TCP) is
 * not made to wait for updates that would not come.
 *
 * A peer that breaks the rules gets a GOAWAY and is heard no more.
 */
export interface SpdyListener {
  /** The peer opened a stream; it has been accepted. */
  opened(stream: number, headers: SpdyHeaders): void;
  /** `isLast`: the peer says no more on this stream (the bytes may be none). A reset stream ends so too. */
  data(stream: number, bytes: Uint8Array, isLast: boolean): void;
  /** Rules were broken; GOAWAY is written, the transport is to be closed. */
  failed(error: SpdyError): void;
}

export interface SpdySession {
  /** Bytes from the transport. */
  receive(bytes: Uint8Array): void;
  /** Opens a stream of ours; answers its number. */
  open(headers: Readonly<Record<string, string>>): number;
  /** A stream that is over, or that there is not, takes nothing. */
  send(stream: number, bytes: Uint8Array, isLast: boolean): void;
  /** Ends a stream at once, both ways. */
  reset(stream: number, code: number): void;
  /** Says that no more streams are taken. */
  goAway(): void;
  /** Bytes that wait for the peer's windows. */
  readonly queued: number;
}

export interface SpdyOptions {
  readonly side: "client" | "server";
  readonly write: (bytes: Uint8Array) => void;
  /** Bytes that the transport has not taken. */
  readonly pending: () => number;
  readonly listener: SpdyListener;
  /** Streams of the peer that may be open at once; more are refused, one by one. */
  readonly streamsMax: number;
}

export const resetCodes = { protocolError: 1, invalidStream: 2, refused: 3, cancel: 5, flowControl: 7 } as const;
const protocolError = 1;
const initialWindowBytes = 64 * 1024;
const windowBytesMax = 0x7fffffff;
/** Unread answers to a peer that asks (pings, unknown streams) and does not read. */
const answerPendingBytesMax = 256 * 1024;

interface Stream {
  isLocalDone: boolean;
  isRemoteDone: boolean;
  /** What the peer's window still takes; below zero where it shrank. */
  window: number;
  readonly queue: { readonly bytes: Uint8Array; readonly isLast: boolean }[];
  /** Taken from the peer and not yet given back to its window. */
  taken: number;
}

export function createSpdySession(options: SpdyOptions): SpdySession {
  return new Session(options);
}

class Session implements SpdySession {
  queued = 0;
  readonly #options: SpdyOptions;
  readonly #decoder = createSpdyDecoder();
  readonly #compressor = createHeaderCompressor();
  readonly #streams = new Map<number, Stream>();
  #nextOwn: number;
  #lastOfPeer = 0;
  #isOver = false;
  #keepsWindows = false;
  #initialWindow = initialWindowBytes;
  #window = initialWindowBytes;
  #taken = 0;

  constructor(options: SpdyOptions) {
    this.#options = options;
    this.#nextOwn = options.side === "client" ? 1 : 2;
  }

  receive(bytes: Uint8Array): void {
    if (this.#isOver) return;
    try {
      for (const frame of this.#decoder.push(bytes)) {
        this.#take(frame);
        if (this.#isOver) return;
      }
    } catch (error) {
      if (!(error instanceof SpdyError)) throw error;
      this.#fail(error);
    }
  }

  open(headers: Readonly<Record<string, string>>): number {
    const id = this.#nextOwn;
    this.#nextOwn += 2;
    this.#streams.set(id, this.#newStream(false));
    this.#options.write(synStream(id, headers, this.#compressor));
    return id;
  }

  send(id: number, bytes: Uint8Array, isLast: boolean): void {
    const stream = this.#streams.get(id);
    if (this.#isOver || stream === undefined || stream.isLocalDone) return;
    if (isLast) stream.isLocalDone = true;
    stream.queue.push({ bytes, isLast });
    this.queued += bytes.length;
    this.#flush(id, stream);
  }

  reset(id: number, code: number): void {
    if (this.#isOver || !this.#streams.has(id)) return;
    this.#drop(id);
    this.#options.write(resetFrame(id, code));
  }

  goAway(): void {
    if (!this.#isOver) this.#options.write(goAwayFrame(this.#lastOfPeer, 0));
  }

  #take(frame: SpdyFrame): void {
    const { listener } = this.#options;
    switch (frame.kind) {
      case "open":
        return this.#opened(frame.stream, frame.headers, frame.isLast);
      case "reply":
        if (frame.isLast) this.#remoteData(frame.stream, new Uint8Array(0), true);
        return;
      case "data":
        return this.#remoteData(frame.stream, frame.bytes, frame.isLast);
      case "reset": {
        const stream = this.#streams.get(frame.stream);
        if (stream === undefined) return;
        this.#drop(frame.stream);
        if (!stream.isRemoteDone) listener.data(frame.stream, new Uint8Array(0), true);
        return;
      }
      case "ping":
        return this.#answer(pingFrame(frame.id));
      case "window":
        return this.#widen(frame.stream, frame.bytes);
      case "initialWindow":
        return this.#setInitialWindow(frame.bytes);
      // The peer opens no more streams; those that are open go on.
      case "goAway":
      case "other":
        return;
    }
  }

  #opened(id: number, headers: SpdyHeaders, isLast: boolean): void {
    if (!this.#isOfPeer(id) || id <= this.#lastOfPeer) throw new SpdyError(`stream ${id} cannot be opened`);
    this.#lastOfPeer = id;
    if (this.#streams.size >= this.#options.streamsMax) return this.#answer(resetFrame(id, resetCodes.refused));
    this.#streams.set(id, this.#newStream(isLast));
    this.#options.write(synReply(id, this.#compressor));
    this.#options.listener.opened(id, headers);
    if (isLast) this.#options.listener.data(id, new Uint8Array(0), true);
  }

  #remoteData(id: number, bytes: Uint8Array, isLast: boolean): void {
    this.#giveBack(0, bytes.length);
    const stream = this.#streams.get(id);
    if (stream === undefined || stream.isRemoteDone) {
      // One that was open may have been on its way when the stream was ended here.
      const wasOpen = this.#isOfPeer(id) ? id <= this.#lastOfPeer : id < this.#nextOwn;
      if (!wasOpen) this.#answer(resetFrame(id, resetCodes.invalidStream));
      return;
    }
    if (isLast) stream.isRemoteDone = true;
    else this.#giveBack(id, bytes.length);
    this.#settle(id, stream);
    this.#options.listener.data(id, bytes, isLast);
  }

  /** Told in halves of a window, so that small pieces do not cost a frame each. */
  #giveBack(id: number, bytes: number): void {
    if (this.#options.side === "client" && !this.#keepsWindows) return;
    const stream = this.#streams.get(id);
    const taken = (id === 0 ? this.#taken : (stream?.taken ?? 0)) + bytes;
    const isDue = taken >= initialWindowBytes / 2;
    if (isDue) this.#options.write(windowFrame(id, taken));
    if (id === 0) this.#taken = isDue ? 0 : taken;
    else if (stream !== undefined) stream.taken = isDue ? 0 : taken;
  }

  #widen(id: number, bytes: number): void {
    this.#keepsWindows = true;
    if (id === 0) {
      this.#window += bytes;
      if (this.#window > windowBytesMax) throw new SpdyError("the connection's window is too large");
    } else {
      const stream = this.#streams.get(id);
      if (stream === undefined) return;
      stream.window += bytes;
      if (stream.window > windowBytesMax) {
        this.reset(id, resetCodes.flowControl);
        this.#options.listener.data(id, new Uint8Array(0), true);
        return;
      }
    }
    this.#flushAll();
  }

  #setInitialWindow(bytes: number): void {
    this.#keepsWindows = true;
    const change = bytes - this.#initialWindow;
    this.#initialWindow = bytes;
    for (const stream of this.#streams.values()) stream.window += change;
    this.#flushAll();
  }

  #flushAll(): void {
    for (const [id, stream] of this.#streams) this.#flush(id, stream);
  }

  #flush(id: number, stream: Stream): void {
    for (;;) {
      const next = stream.queue[0];
      if (next === undefined) break;
      const room = this.#keepsWindows ? Math.max(0, Math.min(stream.window, this.#window)) : next.bytes.length;
      if (room === 0 && next.bytes.length > 0) return;
      const piece = next.bytes.subarray(0, room);
      const rest = next.bytes.subarray(room);
      if (rest.length > 0) stream.queue[0] = { bytes: rest, isLast: next.isLast };
      else stream.queue.shift();
      stream.window -= piece.length;
      this.#window -= piece.length;
      this.queued -= piece.length;
      this.#options.write(dataFrames(id, piece, next.isLast && rest.length === 0));
    }
    this.#settle(id, stream);
  }

  /** A stream that both sides have ended is forgotten. */
  #settle(id: number, stream: Stream): void {
    if (stream.isLocalDone && stream.isRemoteDone && stream.queue.length === 0) this.#streams.delete(id);
  }

  #drop(id: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    for (const { bytes } of stream.queue) this.queued -= bytes.length;
    this.#streams.delete(id);
  }

  #answer(bytes: Uint8Array): void {
    if (this.#options.pending() > answerPendingBytesMax) throw new SpdyError("answers are asked for and not read");
    this.#options.write(bytes);
  }

  #fail(error: SpdyError): void {
    this.#options.write(goAwayFrame(this.#lastOfPeer, protocolError));
    this.#isOver = true;
    this.#streams.clear();
    this.queued = 0;
    this.#options.listener.failed(error);
  }

  /** Clients open streams with odd numbers, servers with even ones. */
  #isOfPeer(id: number): boolean {
    return id % 2 === (this.#options.side === "server" ? 1 : 0);
  }

  #newStream(isRemoteDone: boolean): Stream {
    return { isLocalDone: false, isRemoteDone, window: this.#initialWindow, queue: [], taken: 0 };
  }
}
