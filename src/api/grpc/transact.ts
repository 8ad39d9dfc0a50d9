/**
 * Several writes as one. Every operation runs through the pipeline as a request of its own: it is
 * authorised, decoded and checked there. Only its last step, the hand-over to the leader, is held
 * until all operations have come so far; then the leader gets them as one request.
 */
import type { WriteReply, WriteRequest } from "../../actors/runtime/command.ts";
import type { WriteHost, WriteOptions } from "../../actors/runtime/host-api.ts";
import { badRequest } from "../../kinds/status-errors.ts";
import { asError, invariant } from "../../util/errors.ts";

interface Held {
  readonly at: number;
  readonly request: WriteRequest;
  readonly options: WriteOptions;
  resolve(reply: WriteReply): void;
  reject(error: Error): void;
}

export class WriteGroup {
  /** Newest revision of the group, once it is written. */
  revision = 0;
  /** Why the leader refused the group as a whole, or one of it. */
  failure: Error | undefined;
  readonly #host: WriteHost;
  readonly #count: number;
  readonly #dryRun: boolean;
  readonly #held = new Map<number, Held>();
  #abandoned: Error | undefined;

  constructor(host: WriteHost, options: { readonly count: number; readonly dryRun: boolean }) {
    this.#host = host;
    this.#count = options.count;
    this.#dryRun = options.dryRun;
  }

  /** Whether operation `at` has handed in its write. */
  has(at: number): boolean {
    return this.#held.has(at);
  }

  /** The host that operation `at` writes to. */
  hostOf(at: number): WriteHost {
    return {
      actors: this.#host.actors,
      readBarrier: () => this.#host.readBarrier(),
      write: (request, options) =>
        new Promise((resolve, reject) => {
          if (this.#abandoned !== undefined) return reject(this.#abandoned);
          if (this.#held.has(at)) return reject(badRequest("an operation of a transaction is one write"));
          this.#held.set(at, { at, request, options, resolve, reject });
          if (this.#held.size === this.#count) void this.#write();
        }),
    };
  }

  /** An operation was refused: none of them is written. */
  abandon(error: Error): void {
    if (this.#abandoned !== undefined) return;
    this.#abandoned = error;
    for (const held of this.#held.values()) held.reject(error);
  }

  async #write(): Promise<void> {
    const held = [...this.#held.values()].toSorted((a, b) => a.at - b.at);
    const first = held[0];
    invariant(first !== undefined, "a transaction has an operation");
    const request: WriteRequest = {
      verb: "transact",
      kind: "",
      namespace: "",
      name: "",
      user: first.request.user,
      operations: held.map((each) => each.request),
      ...(this.#dryRun ? { dryRun: true } : {}),
    };
    try {
      const asked = held.flatMap(({ options }) => options.asked ?? []);
      const reply = await this.#host.write(request, { ...first.options, asked });
      this.revision = reply.revision;
      for (const [at, each] of held.entries()) {
        const part = reply.parts?.[at];
        invariant(part !== undefined, "every operation of a transaction is answered");
        each.resolve(part);
      }
    } catch (error) {
      this.failure = asError(error);
      for (const each of held) each.reject(this.failure);
    }
  }
}
