import { quarantinedCondition } from "../../kinds/actor.ts";
import type { Clock, Log, Timer } from "../../env/env.ts";
import type { Pod, PodStatus } from "../../kinds/generated/types.ts";
import type { Draft } from "../../kinds/kind.ts";
import { jsonEqual } from "../../util/equal.ts";
import { messageOf, StatusError } from "../../util/errors.ts";
import type { Reporter } from "../desired.ts";
import { statusJoinMs, statusRetryFirstMs, statusRetryMaxMs } from "./limits.ts";

/**
 * Tells one pod's status to the masters: the newest wanted one, one write at a time, on top of the
 * newest known version of the object (so that conditions of others are never overwritten unseen).
 */
export class StatusWriter {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #reporter: Reporter;
  /** Newest version seen, from the link or from a reply. */
  #object: Pod;
  #wanted: PodStatus | undefined;
  #told: PodStatus | undefined;
  /** What the masters made of the last status that was told. */
  #accepted: Pod | undefined;
  #gone = false;
  #running: Promise<void> | undefined;
  /** What is wanted may still wait for more. */
  #joining: Timer | undefined;

  constructor(pod: Pod, ports: { clock: Clock; log: Log; reporter: Reporter }) {
    this.#object = pod;
    this.#clock = ports.clock;
    this.#log = ports.log;
    this.#reporter = ports.reporter;
  }

  /** The object does not exist any more (or has another uid). */
  get gone(): boolean {
    return this.#gone;
  }

  /**
   * What the next status builds on: what was decided last, with the newest conditions of others.
   * The row may lag behind what was told, so it never takes the place of it.
   */
  get basis(): PodStatus | undefined {
    const own = this.#wanted;
    const seen = this.#object.status;
    if (own === undefined || seen === undefined) return own ?? seen;
    const mine = new Set((own.conditions ?? []).map(({ type }) => type));
    const foreign = (seen.conditions ?? []).filter(({ type }) => !mine.has(type) || isGate(type));
    const kept = (own.conditions ?? []).filter(({ type }) => !isGate(type));
    return { ...own, conditions: [...foreign, ...kept] };
  }

  /**
   * A version of the object that was seen; older ones are ignored. Where somebody else has written
   * over what this node said (a silent node's pods are made unready), the node says it again.
   */
  see(pod: Pod): void {
    if (revisionOf(pod) < revisionOf(this.#object)) return;
    this.#object = pod;
    if (this.#accepted === undefined || revisionOf(pod) <= revisionOf(this.#accepted)) return;
    if (jsonEqual(this.#ownPart(pod), this.#ownPart(this.#accepted))) return;
    this.#told = undefined;
    this.#start();
  }

  /** The version's status is what is wanted here: nobody else has said anything. */
  isOwn(pod: Pod): boolean {
    return this.#wanted !== undefined && jsonEqual(this.#wanted, pod.status);
  }

  /** `canWait`: it is told only when nothing newer takes its place soon. */
  want(status: PodStatus, canWait: boolean = false): void {
    this.#wanted = status;
    if (canWait && this.#running === undefined) this.#joining ??= this.#clock.after(statusJoinMs, () => this.#join());
    else this.#join();
  }

  /** Nothing more is told; what is under way goes on. */
  stop(): void {
    this.#joining?.cancel();
    this.#gone = true;
  }

  #join(): void {
    this.#joining?.cancel();
    this.#joining = undefined;
    this.#start();
  }

  /** Resolves when the wanted status is told, or there is nobody left to tell. */
  async settled(): Promise<void> {
    this.#join();
    while (this.#running !== undefined) await this.#running;
  }

  /** What this node decides alone, without the conditions of others. */
  #ownPart({ status = {} }: Pod): PodStatus {
    const mine = new Set((this.#wanted?.conditions ?? []).map(({ type }) => type));
    const conditions = (status.conditions ?? []).filter(({ type }) => mine.has(type) && !isGate(type));
    return { ...status, conditions: conditions.toSorted((a, b) => (a.type < b.type ? -1 : 1)) };
  }

  #start(): void {
    if (this.#running !== undefined || this.#joining !== undefined || this.#gone || !this.#isDue()) return;
    this.#running = this.#write().finally(() => {
      this.#running = undefined;
      this.#start();
    });
  }

  #isDue(): boolean {
    if (this.#wanted === undefined) return false;
    const last = this.#told ?? this.#object.status;
    return !jsonEqual(this.#wanted, last);
  }

  async #write(): Promise<void> {
    let delayMs = statusRetryFirstMs;
    while (!this.#gone && this.#isDue()) {
      const wanted = this.#wanted!;
      const status = this.basis ?? wanted;
      const base = this.#object;
      const { apiVersion, kind, metadata } = base;
      try {
        const reply = await this.#reporter.report({
          verb: "update",
          kind: "pods",
          namespace: metadata.namespace ?? "",
          name: metadata.name,
          subresource: "status",
          // The rest is not a status write's to change, so it is not sent.
          object: { apiVersion, kind, metadata, status } as unknown as Draft,
          preconditions: { uid: metadata.uid },
        });
        this.#told = wanted;
        this.#accepted = reply as Pod;
        // The row of who wrote after us may have come before our own answer.
        const isLate = revisionOf(this.#accepted) < revisionOf(this.#object);
        this.see(isLate ? this.#object : this.#accepted);
      } catch (error) {
        if (!this.#survives(error, base)) return;
        await this.#pause(delayMs);
        delayMs = Math.min(delayMs * 2, statusRetryMaxMs);
      }
    }
  }

  /** False: do not try this status again. */
  #survives(error: unknown, base: Pod): boolean {
    const code = error instanceof StatusError ? error.status.code : 503;
    this.#log("debug", "pod.status.refused", { pod: base.metadata.uid, error: messageOf(error) });
    if (code === 404) {
      this.#gone = true;
      return false;
    }
    if (code === 409 || code === 429 || code >= 500) return true;
    this.#log("error", "pod.status.invalid", {
      pod: base.metadata.uid,
      error: messageOf(error),
    });
    this.#told = this.#wanted;
    return false;
  }

  async #pause(delayMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#clock.after(delayMs, resolve);
    });
  }
}

/** Readiness gates and other foreign conditions carry a domain; the node's own never do. The masters set one more. */
function isGate(type: string): boolean {
  return type.includes("/") || type.includes(".") || type === quarantinedCondition;
}

function revisionOf(pod: Pod): number {
  return Number(pod.metadata.resourceVersion);
}
