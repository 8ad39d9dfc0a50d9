/**
 * A follower does none of a leader's work until the leader is lost, when clients wait for it. Code that has never
 * run is slow for its first dozen requests, so it is run before: over a state of its own that nobody sees, by the
 * doors, machines and controllers that the master has. Nothing of it reaches the log or the store.
 */
import type { Controller } from "../actors/runtime/controller.ts";
import { NodeTable } from "../api/link/nodes.ts";
import type { VersionInfo } from "../api/rest/door.ts";
import type { TokenIssuer } from "../auth/auth-api.ts";
import type { Env } from "../env/env.ts";
import { noFaults } from "../env/faults.ts";
import type { HttpExchange, HttpHandler, HttpResponse } from "../env/http.ts";
import { kinds } from "../kinds/catalogue.ts";
import { serviceUnavailable } from "../kinds/status-errors.ts";
import type { LogEntry, LogListener, ReplicatedLog } from "../raft/log-api.ts";
import type { Sealer } from "../store/row.ts";
import { createStore } from "../store/store.ts";
import { utf8 } from "../util/bytes.ts";
import type { Millis } from "../util/time.ts";
import { createCore, type ClusterFacts } from "./core.ts";

export interface RehearsalOptions {
  readonly env: Env;
  readonly facts: ClusterFacts;
  readonly version: VersionInfo;
  readonly tokenIssuer: TokenIssuer;
  readonly audiences: readonly string[];
  readonly sealer: Sealer;
  readonly controllers: (nodes: NodeTable) => readonly Controller[];
}

/** Enough for the engine to compile what each of them runs. */
const rounds = 12;
/** Between two requests: the log and clients go ahead. */
const pauseMs: Millis = 1;

/** Resolves when it is over; some tens of requests, one after the other. */
export async function rehearse(options: RehearsalOptions): Promise<void> {
  const env: Env = { ...options.env, log: () => undefined, faults: noFaults };
  const store = createStore({ kinds, crc32: (bytes) => env.crypto.crc32(bytes), sealer: options.sealer });
  const log = new ScratchLog();
  const nodes = new NodeTable();
  const core = createCore({
    ...options,
    env,
    store,
    log,
    identity: { member: 1, incarnation: 1 },
    nodeStreams: {
      open: async (node) => {
        throw serviceUnavailable(`no link to node ${node}`);
      },
    },
    nodes,
    controllers: options.controllers(nodes),
    onFatal: () => undefined,
  });
  log.begin(core.host);
  try {
    for (const asked of script()) {
      await ask(core.rest, asked);
      await new Promise<void>((resolve) => void env.clock.after(pauseMs, resolve, { daemon: true }));
    }
  } finally {
    core.host.stop();
  }
}

interface Asked {
  readonly method: string;
  readonly target: string;
  readonly body?: object;
}

function* script(): Iterable<Asked> {
  const core = "/api/v1/namespaces";
  const maps = `${core}/rehearsal/configmaps`;
  const metadata = { name: "rehearsal", namespace: "rehearsal" };
  yield { method: "POST", target: core, body: { metadata: { name: "rehearsal" } } };
  const deployments = "/apis/apps/v1/namespaces/rehearsal/deployments";
  yield { method: "POST", target: deployments, body: deployment };
  yield { method: "POST", target: maps, body: { metadata } };
  for (let round = 0; round < rounds; round += 1) {
    const data = { round: String(round) };
    yield { method: "PUT", target: `${maps}/rehearsal`, body: { metadata, data } };
    yield { method: "PATCH", target: `${deployments}/rehearsal`, body: { metadata: { annotations: data } } };
  }
  yield { method: "GET", target: maps };
  yield { method: "DELETE", target: `${maps}/rehearsal` };
  yield { method: "DELETE", target: `${deployments}/rehearsal` };
  yield { method: "DELETE", target: `${core}/rehearsal` };
}

const labels = { app: "rehearsal" };
const deployment = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "rehearsal" },
  spec: {
    replicas: 2,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: "main", image: "none" }] } },
  },
};

/** Resolves with the code of the answer. */
function ask(serve: HttpHandler, { method, target, body }: Asked): Promise<number> {
  return new Promise((resolve) => {
    const bytes = body === undefined ? new Uint8Array() : utf8(JSON.stringify(body));
    const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    const closers: (() => void)[] = [];
    const close = (status: number): void => {
      for (const run of closers.splice(0)) run();
      resolve(status);
    };
    const never = (): never => {
      throw serviceUnavailable("nothing is streamed here");
    };
    const exchange: HttpExchange = {
      method,
      target,
      headers: { "content-type": type },
      certificate: { commonName: "system:rehearsal", organizations: ["system:masters"] },
      remoteAddress: "",
      isUpgrade: false,
      body: async () => bytes,
      respond: ({ status }: HttpResponse) => close(status),
      stream: never,
      upgrade: never,
      switchProtocols: never,
      onClose: (run) => void closers.push(run),
    };
    serve(exchange);
  });
}

/** One member, no disk: what is proposed in a turn is committed behind it. */
class ScratchLog implements ReplicatedLog {
  readonly role = "leader";
  readonly term = 1;
  readonly leader = 1;
  #listener: LogListener | undefined;
  #last = 0;
  #waiting: LogEntry[] = [];

  begin(listener: LogListener): void {
    this.#listener = listener;
    this.#add("noop", new Uint8Array());
    this.#commit();
    listener.role("leader", this.term);
  }

  propose(payload: Uint8Array): number {
    if (this.#waiting.length === 0) queueMicrotask(() => this.#commit());
    return this.#add("normal", payload);
  }

  readIndex(): Promise<number> {
    return Promise.resolve(this.#last);
  }

  compact(): void {}

  #add(kind: LogEntry["kind"], payload: Uint8Array): number {
    this.#last += 1;
    this.#waiting.push({ index: this.#last, term: this.term, kind, payload });
    return this.#last;
  }

  #commit(): void {
    const entries = this.#waiting;
    this.#waiting = [];
    this.#listener?.committed(entries);
  }
}
