import type { Down, Up } from "../../api/link/messages.ts";
import type { Clock } from "../../env/env.ts";
import type { FaultAction, FaultPort } from "../../env/faults.ts";
import type { Millis } from "../../util/time.ts";
import type { LinkCall, LinkHandlers, LinkTransport } from "./transport.ts";

/**
 * A node's link behind the seam `link`: each message passes at `/link/<node>/<up|down>/<field>`. A link
 * that hangs is a dead cable: nothing comes or goes, and both ends find out by themselves.
 */
export interface FaultyLinkOptions {
  readonly transport: LinkTransport;
  readonly node: string;
  readonly clock: Clock;
  readonly faults: FaultPort;
}

/** A message that was overtaken comes this much later, if no other comes before. */
const overtakenMs: Millis = 50;
/** What pings would take to notice a dead cable. */
const deadMs: Millis = 10_000;

export function faultyLink({ transport, node, clock, faults }: FaultyLinkOptions): LinkTransport {
  const at = (direction: "up" | "down", message: Up | Down): FaultAction =>
    faults.enabled
      ? faults.at({ seam: "link", path: `/link/${node}/${direction}/${fieldOf(message)}` })
      : { kind: "none" };
  return {
    ...transport,
    link(handlers) {
      const wire = new FaultyWire(clock, handlers);
      const call = transport.link({
        onDown: (down) => wire.pass(at("down", down), () => handlers.onDown(down)),
        onClose: (error) => wire.close(error),
      });
      wire.call = call;
      return {
        send: (up) => wire.pass(at("up", up), () => call.send(up)),
        close: () => wire.shut(),
      };
    },
  };
}

class FaultyWire {
  readonly #clock: Clock;
  readonly #handlers: LinkHandlers;
  call: LinkCall | undefined;
  #isOver = false;
  #isDead = false;
  #overtaken: (() => void)[] = [];
  /** Those that wait keep their order. */
  #waitsUntilMs: Millis = 0;

  constructor(clock: Clock, handlers: LinkHandlers) {
    this.#clock = clock;
    this.#handlers = handlers;
  }

  pass(action: FaultAction, carry: () => void): void {
    if (this.#isOver || this.#isDead) return;
    switch (action.kind) {
      case "drop":
        return;
      case "hang":
        return this.#die();
      case "crash":
      case "error":
        return this.#break(new Error("fault injected: connection reset"));
      case "delay":
        this.#waitsUntilMs = Math.max(this.#waitsUntilMs, this.#clock.mono() + action.ms);
        return this.#later(carry);
      case "reorder":
        this.#overtaken.push(carry);
        this.#clock.after(overtakenMs, () => this.#catchUp());
        return;
      case "duplicate":
        this.#carry(carry);
        return this.#carry(carry);
      case "none":
      // Only what a test steps through is held: mailboxes.
      case "hold":
      case "poison":
        this.#carry(carry);
        return this.#catchUp();
    }
  }

  #carry(carry: () => void): void {
    if (this.#waitsUntilMs > this.#clock.mono()) this.#later(carry);
    else carry();
  }

  #later(carry: () => void): void {
    this.#clock.after(this.#waitsUntilMs - this.#clock.mono(), () => {
      if (!this.#isOver && !this.#isDead) carry();
    });
  }

  #catchUp(): void {
    const overtaken = this.#overtaken.splice(0);
    if (this.#isOver || this.#isDead) return;
    for (const carry of overtaken) carry();
  }

  #die(): void {
    this.#isDead = true;
    this.#clock.after(deadMs, () => this.#break(new Error("fault injected: pings are not answered")));
  }

  #break(error: Error): void {
    if (this.#isOver) return;
    this.call?.close();
    this.close(error);
  }

  /** By this end. */
  shut(): void {
    this.call?.close();
  }

  close(error: Error | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#handlers.onClose(error);
  }
}

/** The field that is set: `report`, `heartbeat`, `rows`, `result` … */
function fieldOf(message: Up | Down): string {
  return Object.entries(message).find(([, value]) => value != null)?.[0] ?? "nothing";
}
