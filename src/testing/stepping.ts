import { invariant } from "../util/errors.ts";
import type { Millis } from "../util/time.ts";
import { noFaults, type FaultAction, type FaultPort, type SeamPoint } from "../env/faults.ts";

/**
 * Mailboxes that a test has stopped. What would be handled next by a paused actor waits until the test lets it
 * go on, one message at a time or all of them; everybody else goes on meanwhile, and so does time.
 *
 * An object takes the requests about it; a controller and the scheduler take keys; a pod's actor on its node
 * takes steps. What waits twice for the same reason waits once.
 */
export interface PausedActor {
  /** `/ctl/deployment/default/web`. */
  readonly path: string;
  /** Oldest first. */
  readonly waiting: readonly WaitingMessage[];
  /**
   * Lets the oldest message go on and answers it, as soon as one waits; time passes until it is handled.
   * Rejects when none comes within two minutes.
   */
  step(): Promise<WaitingMessage>;
  /** Everything goes on, now and from now on. */
  resume(): void;
}

export interface WaitingMessage {
  /** Whose: of a paused controller, that of one of its keys. */
  readonly path: string;
  /** `update/status`, `plan`, `step`. */
  readonly event: string;
  /** User or controller that sent it; empty: nobody in particular. */
  readonly from: string;
  /** Virtual time at which it came. */
  readonly sinceMs: number;
}

interface Waiting {
  readonly message: WaitingMessage;
  readonly go: () => void;
}

export class Stepping implements FaultPort {
  readonly #paused = new Map<string, Waiting[]>();
  readonly #next: FaultPort;
  readonly #now: () => number;

  /** `next`: who is asked about everybody else. */
  constructor(next: FaultPort = noFaults, now: () => number) {
    this.#next = next;
    this.#now = now;
  }

  get enabled(): boolean {
    return this.#paused.size > 0 || this.#next.enabled;
  }

  at(point: SeamPoint): FaultAction {
    if (this.#paused.size > 0) {
      const held = this.#hold(point);
      if (held !== undefined) return held;
    }
    return this.#next.at(point);
  }

  watch(run: () => void): () => void {
    return this.#next.watch?.(run) ?? (() => {});
  }

  pause(path: string): void {
    if (!this.#paused.has(path)) this.#paused.set(path, []);
  }

  waiting(path: string): readonly WaitingMessage[] {
    return (this.#paused.get(path) ?? []).map(({ message }) => message);
  }

  /** Undefined: nothing waits. */
  release(path: string): WaitingMessage | undefined {
    const first = this.#paused.get(path)?.shift();
    if (first === undefined) return undefined;
    const { go, message } = first;
    this.#let(path, message.path, go);
    return message;
  }

  resume(path: string): void {
    const waiting = this.#paused.get(path) ?? [];
    this.#paused.delete(path);
    for (const { go } of waiting) go();
  }

  /** What was let go comes by once more where it is handled: it passes there. */
  readonly #passing = new Map<string, number>();

  #let(paused: string, path: string, go: () => void): void {
    if (!paused.startsWith("/obj/")) this.#passing.set(path, (this.#passing.get(path) ?? 0) + 1);
    go();
  }

  #hold({ seam, path, event = "", sender = "" }: SeamPoint): FaultAction | undefined {
    const message = messageOf(seam, path);
    if (message === undefined) return undefined;
    const paused = [...this.#paused.keys()].find(
      (each) => message.path === each || message.path.startsWith(`${each}/`),
    );
    if (paused === undefined) return undefined;
    const passing = this.#passing.get(message.path) ?? 0;
    if (passing > 0) {
      if (passing === 1) this.#passing.delete(message.path);
      else this.#passing.set(message.path, passing - 1);
      return undefined;
    }
    const waiting = this.#paused.get(paused) ?? [];
    const isObject = message.path.startsWith("/obj/");
    return {
      kind: "hold",
      until: (go) => {
        // A key is dirty or not: it waits once.
        if (!isObject && waiting.some((other) => other.message.path === message.path)) return;
        waiting.push({
          message: { path: message.path, event: event || message.event, from: sender, sinceMs: this.#now() },
          go,
        });
      },
    };
  }
}

/** `cluster`: whose time passes. */
export function pauseActor(
  stepping: Stepping,
  path: string,
  cluster: {
    readonly until: (condition: () => boolean, options: { readonly stepMs: Millis }) => Promise<void>;
    readonly advance: (span: Millis) => Promise<void>;
  },
): PausedActor {
  stepping.pause(path);
  return {
    path,
    get waiting() {
      return stepping.waiting(path);
    },
    async step() {
      await cluster.until(() => stepping.waiting(path).length > 0, { stepMs: 1 });
      const message = stepping.release(path);
      invariant(message !== undefined, "a message waits");
      await cluster.advance(handledMs);
      return message;
    },
    resume: () => stepping.resume(path),
  };
}

/** Evaluation, the disk, the answer. */
const handledMs: Millis = 10;

/** Where messages can wait. What an object's actor does about a write is part of that write. */
function messageOf(
  seam: SeamPoint["seam"],
  path: string,
): { readonly path: string; readonly event: string } | undefined {
  if (seam === "evaluator" && path.startsWith("/node/")) return { path, event: "step" };
  if (seam === "evaluator" && /^\/(?:ctl|sched)\//.test(path)) return { path, event: "plan" };
  const object = seam === "mailbox" ? /^([^/.]+)(?:\.([^/]+))?\/([^/]*)\/([^/]+)$/.exec(path) : null;
  if (object === null) return undefined;
  const [, plural = "", group = "core", namespace = "", name = ""] = object;
  return { path: `/obj/${group}/${plural}/${namespace === "" ? "-" : namespace}/${name}`, event: "" };
}
