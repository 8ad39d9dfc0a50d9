import type { ByteStream } from "../../../../src/env/host.ts";
import type { Credentials, SecureConnection, SecureSockets } from "../../../../src/env/sockets.ts";

/** A network in memory: bytes arrive in odd pieces, in order; the certificate is a URI, the authority a word. */
export class MemorySockets {
  readonly #doors: Map<
    number,
    { readonly credentials: () => Credentials; readonly open: (one: SecureConnection) => void }
  > = new Map();
  readonly #streams: Set<MemoryStream> = new Set();
  #lastPort = 0;

  readonly sockets: SecureSockets = {
    listen: async (_at, credentials, open) => {
      this.#lastPort += 1;
      const port = this.#lastPort;
      this.#doors.set(port, { credentials, open });
      return { port, close: () => void this.#doors.delete(port) };
    },
    dial: async ({ port }, mine) => {
      const door = this.#doors.get(port);
      if (door === undefined) throw new Error("refused");
      const theirs = door.credentials();
      if (theirs.authority !== mine.authority) throw new Error("unknown authority");
      const [near, far] = [new MemoryStream(), new MemoryStream()];
      near.other = far;
      far.other = near;
      this.#streams.add(near).add(far);
      door.open({ stream: far, peerUris: [mine.certificate] });
      return { stream: near, peerUris: [theirs.certificate] };
    },
  };

  /** What is said on the connections that are open gets lost, and nothing tells. */
  swallow(): void {
    for (const stream of this.#streams) stream.isDeaf = true;
  }

  /** The newest connection breaks. */
  cutLast(): void {
    const last = [...this.#streams].at(-1);
    last?.destroy();
  }

  /** Every connection breaks. */
  cutAll(): void {
    for (const stream of this.#streams) stream.destroy();
    this.#streams.clear();
  }
}

class MemoryStream implements ByteStream {
  other: MemoryStream | undefined;
  isDeaf = false;
  readonly pending = 0;
  #onData: (bytes: Uint8Array) => void = () => undefined;
  #onClose: (error: Error | undefined) => void = () => undefined;
  #isClosed = false;

  write(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    const copy = bytes.slice();
    queueMicrotask(() => {
      for (let at = 0; at < copy.length; at += 7) this.other?.take(copy.subarray(at, at + 7));
    });
  }

  take(bytes: Uint8Array): void {
    if (!this.#isClosed && !this.isDeaf) this.#onData(bytes);
  }

  onData(run: (bytes: Uint8Array) => void): void {
    this.#onData = run;
  }

  onClose(run: (error: Error | undefined) => void): void {
    this.#onClose = run;
  }

  pause(): void {}

  resume(): void {}

  end(): void {
    queueMicrotask(() => this.destroy());
  }

  destroy(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    queueMicrotask(() => {
      this.#onClose(undefined);
      this.other?.destroy();
    });
  }
}
