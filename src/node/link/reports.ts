import type { Report, ReportResult } from "../../api/link/messages.ts";
import type { Clock } from "../../env/env.ts";
import type { KubeObject } from "../../kinds/kind.ts";
import type { Status } from "../../util/errors.ts";
import { StatusError, TransientError } from "../../util/errors.ts";
import type { NodeWrite, Reporter } from "../desired.ts";
import { pendingEventsMax, pendingReportsMax, reportRetryMs } from "./limits.ts";

/**
 * Writes of the node: sent again on every new link until they are answered. A newer status of the
 * same object takes the place of one that has not been sent yet. Refusals that mean "not now" are
 * tried again here; all others are the caller's.
 */
interface Waiter {
  readonly resolve: (object: KubeObject) => void;
  readonly reject: (error: Error) => void;
}

interface Pending {
  readonly id: number;
  readonly key: string | undefined;
  readonly isEvent: boolean;
  write: NodeWrite;
  sent: boolean;
  readonly waiters: Waiter[];
}

export class Reports implements Reporter {
  readonly #clock: Clock;
  readonly #pending = new Map<number, Pending>();
  #send: ((report: Report) => void) | undefined;
  #next = 1;
  #events = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#pending.size;
  }

  async report(write: NodeWrite): Promise<KubeObject> {
    const isEvent = write.kind === "events";
    if (this.#pending.size >= pendingReportsMax || (isEvent && this.#events >= pendingEventsMax)) {
      throw new TransientError("too many reports wait for the masters");
    }
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject };
      const key = keyOf(write);
      const unsent =
        key === undefined ? undefined : [...this.#pending.values()].find((each) => each.key === key && !each.sent);
      if (unsent !== undefined) {
        unsent.write = write;
        unsent.waiters.push(waiter);
        return;
      }
      const pending: Pending = { id: this.#next, key, isEvent, write, sent: false, waiters: [waiter] };
      this.#next += 1;
      this.#pending.set(pending.id, pending);
      if (isEvent) this.#events += 1;
      this.#transmit(pending);
    });
  }

  /** A link is up: everything unanswered goes out again, in order. */
  connect(send: (report: Report) => void): void {
    this.#send = send;
    for (const pending of this.#pending.values()) this.#transmit(pending);
  }

  disconnect(): void {
    this.#send = undefined;
    for (const pending of this.#pending.values()) pending.sent = false;
  }

  answer(result: ReportResult): void {
    const pending = this.#pending.get(result.id);
    if (pending === undefined) return;
    if (isNotNow(result.code)) {
      pending.sent = false;
      this.#clock.after(reportRetryMs, () => {
        if (this.#pending.has(pending.id) && !pending.sent) this.#transmit(pending);
      });
      return;
    }
    this.#pending.delete(result.id);
    if (pending.isEvent) this.#events -= 1;
    const body = JSON.parse(result.body) as unknown;
    for (const { resolve, reject } of pending.waiters) {
      if (result.code < 400) resolve(body as KubeObject);
      else reject(new StatusError({ ...(body as Status), code: result.code }));
    }
  }

  #transmit(pending: Pending): void {
    if (this.#send === undefined) return;
    pending.sent = true;
    this.#send({ id: pending.id, request: JSON.stringify(pending.write) });
  }
}

/** Too many requests, no leader, outcome unknown: the same write may be handed in again. */
function isNotNow(code: number): boolean {
  return code === 429 || code === 503 || code === 504;
}

/** Only whole-state writes replace each other. */
function keyOf(write: NodeWrite): string | undefined {
  if (write.verb !== "update" || write.subresource !== "status") return undefined;
  return `${write.kind}/${write.namespace}/${write.name}`;
}
