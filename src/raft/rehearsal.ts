import type { Crypto } from "../env/env.ts";
import { votersOnly } from "./core/config.ts";
import { createState, otherMembers } from "./core/state.ts";
import type { State } from "./core/state.ts";
import { step } from "./core/step.ts";
import type { Effect, Input, MemberId } from "./core/types.ts";
import { Encoder, FrameReader, decode } from "./wire.ts";
import type { Frame } from "./wire.ts";

/**
 * Three members in memory that lose their leader again and again, by a broken connection and by a hand-over, and
 * take writes in between. Most members do this once in their life, while clients wait, and code that has never run
 * is ten times as slow. Without disk, clock and peers; nothing of it is seen outside. Answers the last term: one for
 * the first leader and one for each round.
 */
export function rehearseElections(crypto: Crypto, rounds: number): number {
  const group = new Group(crypto);
  group.feed(voters[0], { type: "campaign" });
  for (let round = 0; round < rounds; round += 1) {
    group.work();
    if (round % 2 === 0) group.loseLeader();
    else group.handOver();
  }
  return group.term;
}

const voters = [1, 2, 3] as const;
const stepMs = 20;
const payload = new Uint8Array(512);

class Group {
  readonly #states: ReadonlyMap<MemberId, State>;
  readonly #encoder: Encoder;
  readonly #crypto: Crypto;
  readonly #inputs: { readonly to: MemberId; readonly input: Input }[] = [];
  #isBusy = false;
  #now = 0;
  #lost: MemberId = 0;
  #reads = 0;

  constructor(crypto: Crypto) {
    this.#crypto = crypto;
    this.#encoder = new Encoder(crypto);
    const snapshot = { index: 0, term: 0, config: votersOnly(voters) };
    const hardState = { term: 0, votedFor: 0 };
    this.#states = new Map(
      voters.map((id) => [id, createState({ id, hardState, snapshot, entries: [], now: 0, seed: id })]),
    );
  }

  feed(to: MemberId, input: Input): void {
    this.#inputs.push({ to, input });
    if (this.#isBusy) return;
    this.#isBusy = true;
    for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
      const state = this.#states.get(next.to);
      if (state === undefined || next.to === this.#lost) continue;
      for (const effect of step(state, next.input)) this.#do(next.to, effect);
    }
    this.#isBusy = false;
  }

  #do(from: MemberId, effect: Effect): void {
    if (effect.type === "persist") this.feed(from, { type: "persisted", seq: effect.persist.seq });
    if (effect.type !== "send") return;
    this.#carry(effect.message);
    this.feed(effect.to, { type: "message", from, message: effect.message });
  }

  /** To bytes and back, as between members. */
  #carry(frame: Frame): void {
    const frames = new FrameReader();
    frames.push(this.#encoder.encode([frame]), (body) => void decode(this.#crypto, body));
  }

  get #leader(): State | undefined {
    return [...this.#states.values()].find(({ role, id }) => role === "leader" && id !== this.#lost);
  }

  get term(): number {
    return this.#leader?.term ?? 0;
  }

  #pass(ms: number): void {
    this.#now += ms;
    for (const id of voters) this.feed(id, { type: "tick", now: this.#now });
  }

  work(): void {
    const leader = this.#leader;
    if (leader === undefined) return;
    this.feed(leader.id, { type: "propose", payloads: [payload, payload], kind: "normal" });
    for (const id of voters) {
      this.#reads += 1;
      this.feed(id, { type: "readIndex", id: this.#reads });
    }
    this.#pass(leader.settings.heartbeatMs);
  }

  handOver(): void {
    const leader = this.#leader;
    if (leader !== undefined) this.feed(leader.id, { type: "transfer", to: 0 });
    this.#pass(stepMs);
  }

  /** Its connections break; it is back, and hears of the next one, once that leads. */
  loseLeader(): void {
    const lost = this.#leader;
    if (lost === undefined) return;
    this.#lost = lost.id;
    const others = otherMembers(lost);
    for (const id of others) this.feed(id, { type: "link", peer: lost.id, isUp: false });
    for (let tries = 0; this.#leader === undefined && tries < triesMax; tries += 1) this.#pass(stepMs);
    this.work();
    this.#lost = 0;
    for (const id of others) this.feed(id, { type: "link", peer: lost.id, isUp: true });
    this.#pass(lost.settings.heartbeatMs);
  }
}

/** The longest election time and more. */
const triesMax = 200;
