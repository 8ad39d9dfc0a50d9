import { startFeed, type Feed } from "../api/link/feed.ts";
import { linkLimits } from "../api/link/limits.ts";
import type { Down, Hello, Up, Welcome } from "../api/link/messages.ts";
import type { LiveNode, NodeTable } from "../api/link/nodes.ts";
import { answerReport, type ReportDoor } from "../api/link/report.ts";
import type { Clock, Env } from "../env/env.ts";
import type { Millis } from "../util/time.ts";

/** The masters' end of node links without gRPC: the same feed, reports and node table. */
export interface SimLinkDoor {
  open(node: string, send: (down: Down) => void): SimSession;
}

export interface SimSession {
  receive(up: Up): void;
  close(): void;
}

export interface SimLinkDoorOptions extends ReportDoor {
  readonly env: Env;
  readonly nodes: NodeTable;
  /** Leader's time. */
  readonly now: () => Millis;
  readonly welcome: Omit<Welcome, "revision">;
  /** Faults are served: nodes get theirs. */
  readonly faults?: boolean;
}

export function createSimLinkDoor(options: SimLinkDoorOptions): SimLinkDoor {
  const { nodes, store, welcome, faults = false } = options;
  const proxied = new ProxiedTeller(options.env.clock, () =>
    nodes.proxied((name) => store.committed.get("nodes", "", name)?.hot["ready"] === true),
  );
  const connect = (hello: Hello, send: (down: Down) => void): LiveNode => {
    const now = options.now();
    const node: LiveNode = {
      name: hello.node,
      bootId: hello.bootId,
      version: hello.version,
      connectedAtMs: now,
      lastHeardMs: now,
      proxiedRevision: 0,
      actors: [],
    };
    nodes.connect(node);
    send({ welcome: { ...welcome, revision: store.revision } });
    proxied.add(send);
    return node;
  };
  return {
    open(name, send) {
      const user = { name: `system:node:${name}`, groups: ["system:nodes", "system:authenticated"] };
      let node: LiveNode | undefined;
      let feed: Feed | undefined;
      return {
        receive(up) {
          if (up.hello != null) {
            node = connect(up.hello, send);
            feed = startFeed({ store, node: name, faults, send: (rows) => send({ rows }), defer: queueMicrotask });
          } else if (up.heartbeat != null && node !== undefined) {
            nodes.heard(node, up.heartbeat, options.now());
            proxied.soon();
          } else if (up.report != null) {
            void answerReport(options, user, up.report).then((result) => send({ result }));
          }
        },
        close() {
          feed?.close();
          proxied.remove(send);
          if (node !== undefined) nodes.disconnect(node);
        },
      };
    },
  };
}

/** Tells every agent how far all proxies are, joined over a short while. */
class ProxiedTeller {
  readonly #listeners = new Set<(down: Down) => void>();
  readonly #clock: Clock;
  readonly #read: () => number;
  #told = 0;
  #due = false;

  constructor(clock: Clock, read: () => number) {
    this.#clock = clock;
    this.#read = read;
  }

  add(send: (down: Down) => void): void {
    this.#listeners.add(send);
    send({ proxied: { revision: this.#told } });
  }

  remove(send: (down: Down) => void): void {
    this.#listeners.delete(send);
  }

  soon(): void {
    if (this.#due) return;
    this.#due = true;
    this.#clock.after(linkLimits.proxiedEveryMs, () => {
      this.#due = false;
      const revision = this.#read();
      if (revision === this.#told) return;
      this.#told = revision;
      for (const send of this.#listeners) send({ proxied: { revision } });
    });
  }
}
