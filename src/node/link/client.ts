import { chartOf, type Chart } from "../../actors/runtime/chart.ts";
import type { Down, Welcome } from "../../api/link/messages.ts";
import type { NodeStream, NodeStreamRequest } from "../../api/node-streams.ts";
import type { ActorView } from "../../actors/runtime/actor.ts";
import type { Clock, Log, Timer } from "../../env/env.ts";
import { assign, createActor, setup } from "xstate";
import type { Revision } from "../../store/revision.ts";
import { asError, messageOf } from "../../util/errors.ts";
import type { Desired, Reporter } from "../desired.ts";
import { xstateClock } from "../pods/pod-actor.ts";
import { DesiredState } from "./desired-state.ts";
import { actorsEveryMs, heartbeatJoinMs, heartbeatMs, reconnectFirstMs, reconnectMaxMs } from "./limits.ts";
import { Reports } from "./reports.ts";
import { serveStream } from "./streams.ts";
import type { LinkCall, LinkTransport } from "./transport.ts";

/**
 * The agent's end of the node link. States: `waiting → connecting → live → waiting …`. What the
 * masters want is kept while there is no link; what the node has to tell waits for the next one.
 */
export interface NodeLink {
  readonly desired: Desired;
  readonly reporter: Reporter;
  readonly state: "stopped" | "waiting" | "connecting" | "live";
  /** Epoch of the last welcome; empty before the first of this node's life. */
  readonly epoch: string;
  readonly welcome: Welcome | undefined;
  /** Newest revision that all proxies of the cluster have programmed. */
  readonly proxiedEverywhere: Revision;
  /** `failed`: what the masters sent could not be taken; the link is cut and stays so until `start`. */
  start(failed?: (error: Error) => void): void;
  stop(): void;
  /** Newest revision of Services and EndpointSlices that this node's proxy has programmed. */
  setProxied(revision: Revision): void;
  /** Called for each welcome: cluster facts may have changed. */
  onWelcome(run: (welcome: Welcome) => void): void;
  onProxiedEverywhere(run: (revision: Revision) => void): void;
}

export interface LinkOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly transport: LinkTransport;
  readonly node: string;
  readonly bootId: string;
  readonly version: string;
  /** Epoch that this node knew before, from its disk; empty: none. */
  readonly epoch: string;
  readonly saveEpoch: (epoch: string) => void;
  /** Actors of this agent, as `kubectl get actors` shows them; the same list while they stand as they stood. */
  readonly actors: () => readonly ActorView[];
  /** Serves what the API asks of this node's containers. */
  readonly openStream: (request: NodeStreamRequest) => Promise<NodeStream>;
}

const machine = setup({
  types: {
    context: {} as { readonly delayMs: number },
    events: {} as { readonly type: "start" | "stop" | "welcomed" | "lost" },
  },
  actions: {
    slower: assign({ delayMs: ({ context }) => Math.min(context.delayMs * 2, reconnectMaxMs) }),
    quick: assign({ delayMs: reconnectFirstMs }),
    connect: () => {},
    disconnect: () => {},
  },
  delays: { reconnect: ({ context }) => context.delayMs },
}).createMachine({
  id: "link",
  context: { delayMs: reconnectFirstMs },
  initial: "stopped",
  states: {
    stopped: { on: { start: "connecting" } },
    waiting: { after: { reconnect: { target: "connecting", actions: "slower" } }, on: { stop: "stopped" } },
    connecting: {
      entry: "connect",
      on: { welcomed: "live", lost: "waiting", stop: { target: "stopped", actions: "disconnect" } },
    },
    live: {
      entry: "quick",
      on: { lost: "waiting", stop: { target: "stopped", actions: "disconnect" } },
    },
  },
});

/** The machine as data. */
export function linkChart(): Chart {
  return chartOf(machine, "link");
}

export function createNodeLink(options: LinkOptions): NodeLink {
  const { clock, log, transport } = options;
  const desired = new DesiredState();
  const reports = new Reports(clock);
  const welcomed: ((welcome: Welcome) => void)[] = [];
  const proxiedListeners: ((revision: Revision) => void)[] = [];
  let epoch = options.epoch;
  let welcome: Welcome | undefined;
  let proxiedEverywhere: Revision = 0;
  let proxied: Revision = 0;
  let call: LinkCall | undefined;
  let sequence = 0;
  let actorsSent: readonly ActorView[] | undefined;
  let beat: Timer | undefined;
  let joining = false;
  let failed: ((error: Error) => void) | undefined;

  const ref = createActor(machine.provide({ actions: { connect, disconnect: () => call?.close() } }), {
    clock: xstateClock(clock),
  });
  ref.start();

  return {
    desired,
    reporter: reports,
    get state() {
      return ref.getSnapshot().value;
    },
    get epoch() {
      return epoch;
    },
    get welcome() {
      return welcome;
    },
    get proxiedEverywhere() {
      return proxiedEverywhere;
    },
    start(onFailed) {
      failed = onFailed;
      ref.send({ type: "start" });
    },
    stop() {
      beat?.cancel();
      ref.send({ type: "stop" });
      transport.close();
    },
    setProxied(revision) {
      if (revision === proxied) return;
      proxied = revision;
      beatSoon();
    },
    onWelcome: (run) => void welcomed.push(run),
    onProxiedEverywhere: (run) => void proxiedListeners.push(run),
  };

  function connect(): void {
    const mine: { call?: LinkCall } = {};
    const isMine = (): boolean => call !== undefined && call === mine.call;
    mine.call = transport.link({
      onDown: (down) => {
        if (isMine()) guardedTake(down);
      },
      onClose: (error) => {
        if (!isMine()) return;
        log("info", "link.lost", { error: error === undefined ? "ended" : messageOf(error) });
        call = undefined;
        beat?.cancel();
        reports.disconnect();
        ref.send({ type: "lost" });
      },
    });
    call = mine.call;
    call.send({
      hello: {
        node: options.node,
        bootId: options.bootId,
        clusterEpoch: epoch,
        lastRevision: desired.revision,
        version: options.version,
      },
    });
  }

  /** A throw in here would end the process from inside the transport. */
  function guardedTake(down: Down): void {
    try {
      take(down);
    } catch (error) {
      log("error", "link.failed", { error: messageOf(error) });
      beat?.cancel();
      reports.disconnect();
      ref.send({ type: "stop" });
      call = undefined;
      failed?.(asError(error));
    }
  }

  function take(down: Down): void {
    if (down.welcome != null) {
      greet(down.welcome);
    } else if (down.rows != null) {
      desired.apply(down.rows);
    } else if (down.result != null) {
      reports.answer(down.result);
    } else if (down.proxied != null) {
      proxiedEverywhere = down.proxied.revision;
      for (const run of proxiedListeners) run(proxiedEverywhere);
    } else if (down.open != null) {
      serveStream({ clock, log, transport, openStream: options.openStream }, down.open).catch((error: unknown) =>
        log("error", "stream.failed", { error: messageOf(error) }),
      );
    }
  }

  function greet(next: Welcome): void {
    const isNew = epoch !== "" && epoch !== next.clusterEpoch;
    if (isNew) log("warn", "link.new-epoch", { before: epoch, now: next.clusterEpoch });
    desired.begin(isNew);
    if (epoch !== next.clusterEpoch) options.saveEpoch(next.clusterEpoch);
    epoch = next.clusterEpoch;
    welcome = next;
    ref.send({ type: "welcomed" });
    for (const run of welcomed) run(next);
    actorsSent = undefined;
    sendBeat();
    reports.connect((report) => call?.send({ report }));
  }

  function beatSoon(): void {
    if (joining) return;
    joining = true;
    clock.after(heartbeatJoinMs, () => {
      joining = false;
      if (ref.getSnapshot().value === "live") sendBeat();
    });
  }

  /** One a second when an actor has changed, one every ten seconds otherwise. */
  function sendBeat(): void {
    beat?.cancel();
    sequence += 1;
    const actors = options.actors();
    const changed = actors !== actorsSent;
    actorsSent = actors;
    const shown = changed ? { actors: JSON.stringify(actors) } : {};
    call?.send({ heartbeat: { sequence, proxiedRevision: proxied, ...shown } });
    scheduleBeat(clock.mono() + heartbeatMs);
  }

  function scheduleBeat(dueAt: number): void {
    beat = clock.after(
      actorsEveryMs,
      () => {
        if (clock.mono() >= dueAt || options.actors() !== actorsSent) sendBeat();
        else scheduleBeat(dueAt);
      },
      { daemon: true },
    );
  }
}
