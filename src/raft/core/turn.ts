import type { Effect, Entry, MemberId, Message, SnapshotPoint } from "./types.ts";
import type { State } from "./state.ts";

/**
 * Collects what one step decides. At the end it becomes one persist, then the messages (those that
 * must wait name that persist), then the rest.
 */
export class Turn {
  readonly #state: State;
  readonly #entries: Entry[] = [];
  readonly #sends: { readonly to: MemberId; readonly message: Message; readonly isDurable: boolean }[] = [];
  readonly #rest: Effect[] = [];
  #truncateFrom = 0;
  #snapshot: { readonly index: number; readonly term: number } | undefined;
  #hasNewHardState = false;
  #hasNewRole = false;

  constructor(state: State) {
    this.#state = state;
  }

  /** Term or vote has changed. */
  noteHardState(): void {
    this.#hasNewHardState = true;
  }

  noteRole(): void {
    this.#hasNewRole = true;
  }

  append(entry: Entry): void {
    this.#state.log.append(entry);
    this.#entries.push(entry);
  }

  truncateFrom(index: number): void {
    const state = this.#state;
    state.log.truncateFrom(index);
    state.configs.truncateFrom(index);
    state.durable = Math.min(state.durable, index - 1);
    for (const waiting of state.unpersisted) waiting.upTo = Math.min(waiting.upTo, index - 1);
    this.#truncateFrom = index;
  }

  /** Everything in the log gives way to a snapshot that is on stable storage. */
  reset(snapshot: SnapshotPoint): void {
    const state = this.#state;
    const { index, term, config } = snapshot;
    state.log.reset({ index, term });
    state.configs.reset({ index, config });
    state.durable = index;
    for (const waiting of state.unpersisted) waiting.upTo = Math.min(waiting.upTo, index);
    this.#snapshot = { index, term };
  }

  send(to: MemberId, message: Message): void {
    this.#sends.push({ to, message, isDurable: false });
  }

  /** Leaves only once everything decided up to the end of this step is on stable storage. */
  sendDurably(to: MemberId, message: Message): void {
    this.#sends.push({ to, message, isDurable: true });
  }

  emit(effect: Effect): void {
    this.#rest.push(effect);
  }

  finish(): Effect[] {
    const state = this.#state;
    const effects: Effect[] = [];
    if (this.#hasNewHardState || this.#entries.length > 0 || this.#truncateFrom > 0 || this.#snapshot) {
      state.persistSeq += 1;
      effects.push({
        type: "persist",
        persist: {
          seq: state.persistSeq,
          hardState: { term: state.term, votedFor: state.votedFor },
          truncateFrom: this.#truncateFrom,
          entries: this.#entries,
          ...(this.#snapshot === undefined ? {} : { snapshot: this.#snapshot }),
        },
      });
      state.unpersisted.push({ seq: state.persistSeq, upTo: state.log.lastIndex });
    }
    const afterSeq = state.unpersisted.length > 0 ? state.persistSeq : 0;
    for (const { to, message, isDurable } of this.#sends) {
      effects.push({ type: "send", to, message, afterSeq: isDurable ? afterSeq : 0 });
    }
    effects.push(...this.#rest);
    if (this.#hasNewRole) {
      const { role, term, leader } = state;
      effects.push({ type: "role", role, term, leader });
    }
    return effects;
  }
}
