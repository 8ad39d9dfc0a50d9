import { TransientError } from "../util/errors.ts";
import type { LogIndex } from "../store/revision.ts";
import { isJoint } from "./core/config.ts";
import { adviceOn } from "./core/membership.ts";
import type { State } from "./core/state.ts";
import { refusedError } from "./member-status.ts";
import type { ConfigChanged } from "./raft-api.ts";

/** Who waits for a change of the members or for a hand-over, and how it ends for them. */
interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

export class Pending {
  readonly #changes: (Waiter<ConfigChanged> & { readonly index: LogIndex })[] = [];
  readonly #asking: Waiter<ConfigChanged>[] = [];
  #transfer: Waiter<void> | undefined;

  get isTransferring(): boolean {
    return this.#transfer !== undefined;
  }

  /** `ask` hands the wish to the core, which answers through `onChange`, in the order of asking. */
  change(ask: () => void): Promise<ConfigChanged> {
    return new Promise((resolve, reject) => {
      this.#asking.push({ resolve, reject });
      ask();
    });
  }

  onChange(state: State, index: LogIndex, refusal: string): void {
    const waiter = this.#asking.shift();
    if (waiter === undefined) return;
    if (refusal === "") this.#changes.push({ ...waiter, index });
    else if (state.role === "leader") waiter.reject(refusedError(refusal));
    else waiter.reject(new TransientError(refusal, { retryAfterMs: 50 }));
  }

  /** Called when something was committed: a change is over once no joint configuration is left. */
  settle({ configs, commit }: State): void {
    if (this.#changes.length === 0 || isJoint(configs.current) || configs.currentIndex > commit) return;
    const config = configs.current;
    for (const { resolve } of this.#changes.splice(0)) resolve({ config, advice: adviceOn(config) });
  }

  transfer(ask: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#transfer = { resolve, reject };
      ask();
    });
  }

  transferFailed(why: string): void {
    this.#transfer?.reject(new TransientError(`no hand-over: ${why}`, { retryAfterMs: 100 }));
    this.#transfer = undefined;
  }

  /** What was handed over is handed over; what was not committed may come about or not. */
  leadNoMore(): void {
    this.#transfer?.resolve();
    this.#transfer = undefined;
    const error = new TransientError("this member no longer leads", { retryAfterMs: 50 });
    for (const { reject } of this.#changes.splice(0)) reject(error);
  }

  end(why: string): void {
    const error = new TransientError(why, { retryAfterMs: 50 });
    for (const { reject } of [...this.#changes.splice(0), ...this.#asking.splice(0)]) reject(error);
    this.#transfer?.reject(error);
    this.#transfer = undefined;
  }
}
