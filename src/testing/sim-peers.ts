import type { ForwardPort } from "../actors/runtime/forwarding.ts";
import type { Clock, Rng } from "../env/env.ts";
import { noFaults, type FaultAction, type FaultPort } from "../env/faults.ts";
import { isCall, type CallMessage, type PeerMessage, type Transport } from "../raft/transport-api.ts";

/**
 * The cables between the masters of a virtual cluster, in process. Messages keep their order and take
 * a moment. A cut is silent, as a partition is; a process that dies resets its connections, which the
 * others see. Each message passes the seam `net` at `/peer/<from>/<to>/<type>` (`/peer/m1/m2/append`).
 */
export interface PeerEnd {
  receive(from: number, message: PeerMessage): void;
  call(from: number, message: CallMessage): void;
  link(peer: number, isUp: boolean): void;
}

export class SimPeers {
  readonly #clock: Clock;
  readonly #rng: Rng;
  readonly #ends = new Map<number, PeerEnd>();
  readonly #cut = new Set<string>();
  readonly #lastAt = new Map<string, number>();
  /** Between two members, one way; on top of the ordinary. */
  readonly delaysMs: Map<string, number> = new Map();
  /** Above 0: every command and answer arrives a second time, up to this much later. */
  doubledWithinMs = 0;

  readonly #faults: FaultPort;

  constructor(clock: Clock, rng: Rng, faults: FaultPort = noFaults) {
    this.#clock = clock;
    this.#rng = rng;
    this.#faults = faults;
  }

  /** A member's process is up. */
  attach(id: number, end: PeerEnd): void {
    this.#ends.set(id, end);
    for (const other of this.#ends.keys()) if (other !== id) this.#meet(id, other);
  }

  /** It died. */
  detach(id: number): void {
    this.#ends.delete(id);
    for (const other of this.#ends.keys()) {
      if (!this.isCut(id, other)) this.#tell(other, id, false);
    }
  }

  /** Nothing passes from `from` to `to`, and nobody is told. */
  cut(from: number, to: number): void {
    this.#cut.add(pairOf(from, to));
  }

  mend(from: number, to: number): void {
    this.#cut.delete(pairOf(from, to));
  }

  heal(): void {
    this.#cut.clear();
    this.delaysMs.clear();
  }

  isCut(from: number, to: number): boolean {
    return this.#cut.has(pairOf(from, to));
  }

  /** What a member sends through. `faults`: its own, at the seam `net`; default: those of all. */
  transport(from: number, faults: FaultPort = this.#faults): Transport & ForwardPort {
    return { send: (to: number, message: PeerMessage | CallMessage) => this.#carry(from, to, message, faults) };
  }

  #carry(from: number, to: number, message: PeerMessage | CallMessage, faults: FaultPort): void {
    const sender = this.#ends.get(from);
    const receiver = this.#ends.get(to);
    if (receiver === undefined || sender === undefined || this.isCut(from, to)) return;
    const fault = faultAt(faults, [from, to], message);
    if (fault.kind === "drop" || fault.kind === "hang") return;
    const pair = pairOf(from, to);
    const moreMs = (this.delaysMs.get(pair) ?? 0) + (fault.kind === "delay" ? fault.ms : 0);
    const soonest = this.#clock.mono() + 0.2 + this.#rng.below(800) / 1_000 + moreMs;
    // Behind the one before: what is due at one moment comes in any order.
    let at = Math.max(soonest, (this.#lastAt.get(pair) ?? 0) + orderMs);
    // What comes behind a message out of order overtakes it.
    if (fault.kind === "reorder") at += 1 + this.#rng.below(reorderMsMax);
    else this.#lastAt.set(pair, at);
    const arrive = (): void => {
      if (this.#ends.get(to) !== receiver || this.#ends.get(from) !== sender || this.isCut(from, to)) return;
      if (isCall(message)) receiver.call(from, message);
      else receiver.receive(from, message);
    };
    // Heartbeats never end: they do not keep a cluster from being settled.
    const daemon = message.type === "heartbeat" || message.type === "heartbeatResp";
    this.#clock.after(at - this.#clock.mono(), arrive, { daemon });
    if (fault.kind === "duplicate") {
      this.#clock.after(at - this.#clock.mono() + this.#rng.below(duplicateMsMax), arrive, { daemon });
    }
    // Streams go over one connection: they lose nothing and double nothing.
    if (!isCall(message) || message.type === "relay" || this.doubledWithinMs === 0) return;
    this.#clock.after(at - this.#clock.mono() + this.#rng.below(this.doubledWithinMs), arrive);
  }

  #meet(one: number, other: number): void {
    if (this.isCut(one, other) || this.isCut(other, one)) return;
    this.#tell(one, other, true);
    this.#tell(other, one, true);
  }

  #tell(whom: number, about: number, isUp: boolean): void {
    const end = this.#ends.get(whom);
    this.#clock.after(1, () => {
      if (end !== undefined && this.#ends.get(whom) === end) end.link(about, isUp);
    });
  }
}

function faultAt(
  faults: FaultPort,
  [one, other]: readonly [number, number],
  { type }: PeerMessage | CallMessage,
): FaultAction {
  if (!faults.enabled) return none;
  const [from, to] = [`m${one}`, `m${other}`];
  return faults.at({ seam: "net", path: `/peer/${from}/${to}/${type}`, from, to });
}

function pairOf(from: number, to: number): string {
  return `${from}>${to}`;
}

const none: FaultAction = { kind: "none" };
const reorderMsMax = 10;
const orderMs = 1e-6;
const duplicateMsMax = 50;
