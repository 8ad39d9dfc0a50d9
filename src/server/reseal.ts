/**
 * Seals anew what an older key has sealed. The leader rewrites such rows in small transactions, each
 * with the same content at a new revision, when its term begins and when it is given a new key; so a
 * rotation that a crash interrupts is finished by the next leader.
 */
import type { ActorHost } from "../actors/runtime/actor-host.ts";
import type { Env, Timer } from "../env/env.ts";
import type { Draft, Kind } from "../kinds/kind.ts";
import { sealedBody } from "../store/row-version.ts";
import type { KeyRing } from "../store/sealer.ts";
import type { Store } from "../store/store.ts";
import type { RowRef } from "../store/view.ts";
import { messageOf } from "../util/errors.ts";

export interface ResealerOptions {
  readonly env: Env;
  readonly store: Store;
  readonly host: ActorHost;
  readonly ring: KeyRing;
  readonly kinds: readonly Kind[];
}

/** Rows of one transaction. */
const batchRows = 64;
/** The other masters take the new key first: a row that nobody else can open must not be written. */
const delayMs = 1_000;

export class Resealer {
  readonly #options: ResealerOptions;
  #timer: Timer | undefined;

  constructor(options: ResealerOptions) {
    this.#options = options;
    options.host.addLeaderPart({ start: () => this.begin(), stop: () => this.#timer?.cancel() });
  }

  /** Rows that another key than the newest has sealed, as last counted; undefined: not yet counted. */
  left: number | undefined;

  begin(): void {
    this.left = undefined;
    this.#timer?.cancel();
    this.#timer = this.#options.env.clock.after(delayMs, () => this.#next(), { daemon: true });
  }

  #next(): void {
    const { host, kinds, store, env } = this.#options;
    const rows = kinds
      .filter(({ sealed }) => sealed === true)
      .flatMap((kind) => store.committed.list(kind.id).filter((row) => this.#isOld(row)));
    this.left = rows.length;
    if (rows.length === 0 || !host.isLeader) return;
    host.submit({
      class: "system",
      cause: { origin: "system", actor: "/store", event: "reseal" },
      evaluate: (transaction) => {
        for (const { kind, namespace, name } of rows.slice(0, batchRows)) {
          const row = transaction.get(kind, namespace, name);
          if (row !== undefined) transaction.put(kind, row.object() as unknown as Draft, row.revision);
        }
        return [];
      },
      done: () => this.#next(),
      failed: (error) => env.log("warn", "reseal.failed", { left: rows.length, error: messageOf(error) }),
    });
  }

  #isOld(row: RowRef): boolean {
    const body = sealedBody(row);
    return body !== undefined && !this.#options.ring.isCurrent(body);
  }
}
