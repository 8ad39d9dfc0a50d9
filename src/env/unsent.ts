/**
 * Bytes that were written to a transport and have not left it. A transport of messages counts
 * messages, however large they are; a bound in bytes needs this count beside it.
 */
export class Unsent {
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** Counts one message; call the answer once, when the transport has taken it or given it up. */
  add(bytes: number): () => void {
    this.#bytes += bytes;
    return () => {
      this.#bytes -= bytes;
    };
  }
}
