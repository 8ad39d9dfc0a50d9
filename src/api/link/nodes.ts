/**
 * What this master knows of the nodes whose links it holds: leader-local, never replicated. The node
 * life cycle asks when a node was last heard; the API reaches a node's streams through it.
 */
import type { ActorView } from "../../actors/runtime/actor.ts";
import type { Millis } from "../../util/time.ts";
import { linkLimits } from "./limits.ts";
import type { Heartbeat } from "./messages.ts";

export interface LiveNode {
  readonly name: string;
  readonly bootId: string;
  readonly version: string;
  readonly connectedAtMs: Millis;
  lastHeardMs: Millis;
  proxiedRevision: number;
  actors: readonly ActorView[];
}

export class NodeTable {
  readonly #live = new Map<string, LiveNode>();
  readonly #lastHeard = new Map<string, Millis>();
  /** Since when this master, as the leader, counts silence. */
  listeningSinceMs: Millis = 0;

  connect(node: LiveNode): void {
    this.#live.set(node.name, node);
    this.#lastHeard.set(node.name, node.lastHeardMs);
  }

  /** Forgets the link, but not when the node was last heard. A newer link of the same node stays. */
  disconnect(node: LiveNode): void {
    if (this.#live.get(node.name) === node) this.#live.delete(node.name);
  }

  heard(node: LiveNode, heartbeat: Heartbeat, now: Millis): void {
    node.lastHeardMs = now;
    this.#lastHeard.set(node.name, now);
    node.proxiedRevision = Math.max(node.proxiedRevision, Number(heartbeat.proxiedRevision));
    // An optional field that was not sent is null once it is decoded.
    if (heartbeat.actors != null && heartbeat.actors !== "") {
      node.actors = JSON.parse(heartbeat.actors) as readonly ActorView[];
    }
  }

  /** Leader's time of the newest message of a node. */
  lastHeard(name: string): { readonly atMs: Millis } | undefined {
    const atMs = this.#lastHeard.get(name);
    return atMs === undefined ? undefined : { atMs };
  }

  /** How long a link of a node that has none may still be on its way; 0: the node is silent for longer. */
  expectedWithinMs(name: string, now: Millis): Millis {
    const since = Math.max(this.#lastHeard.get(name) ?? 0, this.listeningSinceMs);
    return Math.max(0, since + linkLimits.relinkMs - now);
  }

  /** Of all nodes that were. */
  heardAll(): readonly (readonly [node: string, atMs: Millis])[] {
    return [...this.#lastHeard];
  }

  get(name: string): LiveNode | undefined {
    return this.#live.get(name);
  }

  /** By name, so that listings agree between two calls. */
  live(): readonly LiveNode[] {
    return [...this.#live.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Newest revision that every live node's proxy has programmed. */
  proxied(isReady: (name: string) => boolean): number {
    const revisions = this.live()
      .filter((node) => isReady(node.name))
      .map((node) => node.proxiedRevision);
    return revisions.length === 0 ? 0 : Math.min(...revisions);
  }

  /** The links themselves, and what runs at their other ends. */
  actors(): readonly ActorView[] {
    return this.live().flatMap((node) => [linkView(node), ...node.actors]);
  }
}

function linkView(node: LiveNode): ActorView {
  return {
    path: `/link/${node.name}`,
    machine: "link",
    version: 1,
    state: "live",
    since: node.connectedAtMs,
    restarts: 0,
    mailbox: 0,
    supervisor: "/links",
    status: "live",
  };
}
