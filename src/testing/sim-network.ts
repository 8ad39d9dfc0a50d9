import type { Down, Up } from "../api/link/messages.ts";
import type { Clock, Rng } from "../env/env.ts";
import { noFaults, type FaultAction, type FaultPort } from "../env/faults.ts";
import type { LinkHandlers, LinkTransport } from "../node/link/transport.ts";
import { InvariantError } from "../util/errors.ts";
import type { Millis } from "../util/time.ts";
import type { SimLinkDoor, SimSession } from "./sim-links.ts";

/**
 * Cables between the nodes and the master, in process. Messages keep their order and take a moment.
 * A cut cable loses what is under way and tells nobody: both ends see a dead link only when their
 * pings time out, or when the cable is healed.
 */
export class SimNetwork {
  readonly #clock: Clock;
  readonly #rng: Rng;
  readonly #faults: FaultPort;
  readonly #cut = new Set<string>();
  readonly #wires = new Set<Wire>();
  /** Of the masters that run, and whether each leads: links lead to the leader. */
  readonly #doors = new Map<SimLinkDoor, () => boolean>();

  constructor(clock: Clock, rng: Rng, faults: FaultPort = noFaults) {
    this.#clock = clock;
    this.#rng = rng;
    this.#faults = faults;
  }

  /** A master listens. */
  listen(door: SimLinkDoor, isLeader: () => boolean): void {
    this.#doors.set(door, isLeader);
  }

  /** The master's process died: its connections are reset. */
  reset(door: SimLinkDoor): void {
    this.#doors.delete(door);
    for (const wire of this.#wires) {
      if (wire.door === door) wire.break(new Error("connection reset"), { masterLives: false });
    }
  }

  /** The master leads no more: it lets its nodes go. */
  release(door: SimLinkDoor): void {
    for (const wire of this.#wires) {
      if (wire.door === door) wire.break(new Error("this master does not lead"));
    }
  }

  get #door(): SimLinkDoor | undefined {
    for (const [door, isLeader] of this.#doors) if (isLeader()) return door;
    return undefined;
  }

  cut(node: string): void {
    this.#cut.add(node);
    for (const wire of this.#wires) if (wire.node === node) this.#halfOpen(wire);
  }

  #halfOpen(wire: Wire): void {
    wire.mute();
    this.#clock.after(pingsTimeOutMs, () => wire.break(new Error("pings are not answered")), { daemon: true });
  }

  heal(node: string): void {
    this.#cut.delete(node);
    for (const wire of this.#wires) {
      if (wire.node === node && wire.isMuted) wire.break(new Error("connection reset"));
    }
  }

  /** The agent's process died: its connections are reset. */
  unplug(node: string): void {
    for (const wire of this.#wires) if (wire.node === node) wire.break(new Error("connection reset"));
  }

  isLinked(node: string): boolean {
    return [...this.#wires].some((wire) => wire.node === node && !wire.isMuted);
  }

  /** `faults`: the node's own, at the seam `link`; default: those of all. */
  transport(node: string, faults: FaultPort = this.#faults): LinkTransport {
    return {
      link: (handlers) => this.#link(node, handlers, faults),
      stream: () => {
        throw new InvariantError("streams of simulated nodes are opened directly");
      },
      close: () => {
        for (const wire of this.#wires) if (wire.node === node) wire.break(undefined);
      },
    };
  }

  #link(node: string, handlers: LinkHandlers, faults: FaultPort): Wire {
    const wire = new Wire({
      node,
      handlers,
      door: this.#door,
      later: (run, moreMs = 0) => void this.#clock.after(1 + this.#rng.below(2) + moreMs, run),
      fault: (direction, message) => faults.at({ seam: "link", path: `/link/${node}/${direction}/${kindOf(message)}` }),
      halfOpen: () => this.#halfOpen(wire),
      onBroken: () => void this.#wires.delete(wire),
    });
    this.#wires.add(wire);
    if (this.#cut.has(node)) {
      wire.mute();
      this.#clock.after(connectTimeoutMs, () => wire.break(new Error("no route to the master")), { daemon: true });
    } else if (this.#door === undefined) {
      this.#clock.after(1, () => wire.break(new Error("connection refused")), { daemon: true });
    }
    return wire;
  }
}

const pingsTimeOutMs = 10_000;
const connectTimeoutMs = 1_000;

interface WireOptions {
  readonly node: string;
  readonly handlers: LinkHandlers;
  /** Of the master that led when the link was made. */
  readonly door: SimLinkDoor | undefined;
  readonly later: (run: () => void, moreMs?: Millis) => void;
  readonly fault: (direction: "up" | "down", message: Up | Down) => FaultAction;
  readonly halfOpen: () => void;
  readonly onBroken: () => void;
}

/** One link call, both directions. */
class Wire {
  readonly #options: WireOptions;
  readonly #up: Up[] = [];
  readonly #down: Down[] = [];
  #session: SimSession | undefined;
  #state: "open" | "muted" | "broken" = "open";

  constructor(options: WireOptions) {
    this.#options = options;
  }

  get node(): string {
    return this.#options.node;
  }

  get door(): SimLinkDoor | undefined {
    return this.#options.door;
  }

  get isMuted(): boolean {
    return this.#state === "muted";
  }

  send(up: Up): void {
    this.#faulty("up", this.#up, up, (next) => {
      this.#session ??= this.#options.door?.open(this.node, (down) => this.#answer(down));
      this.#session?.receive(next);
    });
  }

  close(): void {
    this.break(undefined);
  }

  mute(): void {
    if (this.#state === "open") this.#state = "muted";
  }

  break(error: Error | undefined, { masterLives = true }: { readonly masterLives?: boolean } = {}): void {
    if (this.#state === "broken") return;
    this.#state = "broken";
    this.#options.onBroken();
    if (masterLives) this.#session?.close();
    this.#options.handlers.onClose(error);
  }

  #answer(down: Down): void {
    this.#faulty("down", this.#down, down, (next) => this.#options.handlers.onDown(next));
  }

  /** Messages pass the seam `link`. */
  #faulty<Message extends Up | Down>(
    direction: "up" | "down",
    queue: Message[],
    message: Message,
    deliver: (message: Message) => void,
  ): void {
    if (this.#state !== "open") return;
    const action = this.#options.fault(direction, message);
    switch (action.kind) {
      case "drop":
        return;
      case "hang":
        return this.#options.halfOpen();
      case "crash":
      case "error":
        return this.break(new Error("connection reset"));
      case "delay":
        return this.#options.later(() => this.#carry(queue, message, deliver), action.ms);
      case "reorder":
        queue.unshift(message);
        return this.#schedule(queue, deliver);
      case "duplicate":
        this.#carry(queue, message, deliver);
        return this.#carry(queue, message, deliver);
      case "none":
      // Only what a test steps through is held: mailboxes.
      case "hold":
      case "poison":
        this.#carry(queue, message, deliver);
    }
  }

  /** Each message has a timer of its own; whichever fires first carries the oldest. */
  #carry<Message>(queue: Message[], message: Message, deliver: (message: Message) => void): void {
    if (this.#state !== "open") return;
    queue.push(message);
    this.#schedule(queue, deliver);
  }

  #schedule<Message>(queue: Message[], deliver: (message: Message) => void): void {
    this.#options.later(() => {
      const next = queue.shift();
      if (this.#state === "open" && next !== undefined) deliver(next);
    });
  }
}

/** The field that is set: `report`, `heartbeat`, `rows`, `result` … */
function kindOf(message: Up | Down): string {
  return Object.entries(message).find(([, value]) => value != null)?.[0] ?? "nothing";
}
