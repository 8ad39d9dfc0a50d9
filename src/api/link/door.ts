/**
 * The masters' end of the node links: a service on the gRPC port. A node is whom its certificate
 * names (`system:node:<name>`, organisation `system:nodes`); its writes pass the ordinary pipeline
 * under that name.
 */
import { status as grpcStatus, type ServerDuplexStream, type ServiceDefinition } from "@grpc/grpc-js";
import type { User } from "../../actors/runtime/command.ts";
import type { WriteHost } from "../../actors/runtime/host-api.ts";
import type { Authorizer, TokenIssuer } from "../../auth/auth-api.ts";
import type { Env } from "../../env/env.ts";
import type { Kind } from "../../kinds/kind.ts";
import { serviceUnavailable } from "../../kinds/status-errors.ts";
import type { CommittedStore } from "../../store/store-api.ts";
import type { Millis } from "../../util/time.ts";
import type { NodeStreamRequest, NodeStreams } from "../node-streams.ts";
import type { GrpcService } from "../grpc/server.ts";
import { LinkCalls } from "./calls.ts";
import { startFeed, type Feed } from "./feed.ts";
import { linkLimits } from "./limits.ts";
import type { Chunk, Down, Hello, Report, Up, Welcome } from "./messages.ts";
import type { LiveNode, NodeTable } from "./nodes.ts";
import { answerReport } from "./report.ts";
import { sendBounded } from "./rows.ts";
import { StreamTable } from "./streams.ts";

export interface LinkDoorOptions {
  readonly env: Env;
  readonly store: CommittedStore;
  readonly host: WriteHost;
  readonly kinds: ReadonlyMap<string, Kind>;
  /** Faults are served: nodes get theirs. */
  readonly faults?: boolean;
  readonly authorizer: Authorizer;
  readonly service: ServiceDefinition;
  readonly tokenIssuer: TokenIssuer;
  readonly audiences: readonly string[];
  readonly nodes: NodeTable;
  /** Nodes link to the leader, which alone judges whether they live. Default: this master leads. */
  readonly leads?: () => boolean;
  /** Leader's time. */
  readonly now: () => Millis;
  readonly welcome: Omit<Welcome, "revision">;
}

/** A service of the gRPC server, and the way to its nodes. */
export interface LinkDoor extends NodeStreams, GrpcService {
  stop(): void;
  /** The term is over: nodes look for the new leader. */
  release(): void;
}

type LinkCall = ServerDuplexStream<Up, Down>;

export function createLinkDoor(options: LinkDoorOptions): LinkDoor {
  return new Door(options);
}

class Door implements LinkDoor {
  readonly #nodes: NodeTable;
  readonly #options: LinkDoorOptions;
  readonly #streams: StreamTable;
  readonly #calls: LinkCalls<LinkCall>;
  readonly definition: ServiceDefinition;
  readonly handlers: GrpcService["handlers"];
  #proxied = 0;
  #proxiedScheduled = false;

  constructor(options: LinkDoorOptions) {
    this.#options = options;
    this.#nodes = options.nodes;
    this.#calls = new LinkCalls(options.env.clock);
    this.#streams = new StreamTable(options.env.clock, options.env.random.stream("node-streams"));
    this.definition = options.service;
    this.handlers = {
      Link: (call: LinkCall) => this.#link(call),
      Stream: (call: ServerDuplexStream<Chunk, Partial<Chunk>>) => this.#stream(call),
    };
  }

  stop(): void {
    this.#calls.giveUp();
    for (const call of this.#calls.all()) call.end();
  }

  release(): void {
    this.#calls.giveUp();
    for (const call of this.#calls.all()) call.emit("error", leadsNot);
  }

  async open(node: string, request: NodeStreamRequest): ReturnType<NodeStreams["open"]> {
    const call = await this.#calls.within(node, this.#nodes.expectedWithinMs(node, this.#options.now()));
    if (call === undefined) throw serviceUnavailable(`no link to node ${node}: its agent is not connected`);
    return this.#streams.open(node, request, (open) => call.write({ open }));
  }

  #link(call: LinkCall): void {
    const user = nodeUser(call);
    if (user === undefined) return refuse(call, "this certificate is not one of a node");
    if (this.#options.leads?.() === false) return void call.emit("error", leadsNot);
    let node: LiveNode | undefined;
    let feed: Feed | undefined;
    const over = (): void => {
      feed?.close();
      feed = undefined;
      if (node === undefined) return;
      this.#nodes.disconnect(node);
      if (this.#calls.get(node.name) === call) {
        this.#calls.delete(node.name);
        this.#streams.drop(node.name);
      }
      this.#options.env.log("info", "link.closed", { node: node.name });
      node = undefined;
    };
    call.on("data", (up: Up) => {
      if (up.hello != null && node === undefined) {
        if (`system:node:${up.hello.node}` !== user.name) return refuse(call, `the certificate is ${user.name}'s`);
        node = this.#connect(call, up.hello);
        feed = this.#feed(call, node.name);
      } else if (node === undefined) {
        refuse(call, "the first message must be a hello");
      } else if (up.heartbeat != null) {
        this.#nodes.heard(node, up.heartbeat, this.#options.now());
        this.#tellProxied();
      } else if (up.report != null) {
        void this.#report(call, user, up.report);
      }
    });
    call.on("end", () => {
      over();
      call.end();
    });
    call.on("error", over);
    call.on("cancelled", over);
  }

  #connect(call: LinkCall, hello: Hello): LiveNode {
    const { env, store, welcome } = this.#options;
    const now = this.#options.now();
    const node: LiveNode = {
      name: hello.node,
      bootId: hello.bootId,
      version: hello.version,
      connectedAtMs: now,
      lastHeardMs: now,
      proxiedRevision: 0,
      actors: [],
    };
    // A second link of the same node replaces the first: the older connection is the half-open one.
    this.#calls.get(node.name)?.end();
    this.#calls.set(node.name, call);
    this.#nodes.connect(node);
    env.log("info", "link.open", { node: node.name, version: hello.version });
    call.write({ welcome: { ...welcome, revision: store.revision } });
    call.write({ proxied: { revision: this.#proxied } });
    return node;
  }

  #feed(call: LinkCall, node: string): Feed {
    const { env, store, faults = false } = this.#options;
    return startFeed({
      store,
      node,
      faults,
      send: sendBounded({
        call,
        pendingMaxBytes: linkLimits.pendingMaxBytes,
        tooSlow: (pendingBytes) => {
          if (call.destroyed) return;
          env.log("warn", "link.slow", { node, pendingBytes });
          call.destroy();
        },
      }),
      defer: (flush) => queueMicrotask(flush),
    });
  }

  async #report(call: LinkCall, user: User, report: Report): Promise<void> {
    const result = await answerReport(this.#options, user, report);
    if (!call.destroyed) call.write({ result });
  }

  #stream(call: ServerDuplexStream<Chunk, Partial<Chunk>>): void {
    const user = nodeUser(call);
    if (user === undefined) return refuse(call, "this certificate is not one of a node");
    this.#streams.accept(user.name.slice("system:node:".length), call);
  }

  /** Tells every agent how far all proxies are; joined over a short while, since heartbeats come in bursts. */
  #tellProxied(): void {
    if (this.#proxiedScheduled) return;
    this.#proxiedScheduled = true;
    this.#options.env.clock.after(linkLimits.proxiedEveryMs, () => {
      this.#proxiedScheduled = false;
      const revision = this.#nodes.proxied((name) => this.#isReady(name));
      if (revision === this.#proxied) return;
      this.#proxied = revision;
      for (const call of this.#calls.all()) call.write({ proxied: { revision } });
    });
  }

  #isReady(name: string): boolean {
    return this.#options.store.committed.get("nodes", "", name)?.hot["ready"] === true;
  }
}

const leadsNot = { code: grpcStatus.UNAVAILABLE, details: "this master does not lead" };

function nodeUser(call: { getAuthContext(): { sslPeerCertificate?: { subject: object } } }): User | undefined {
  const subject = call.getAuthContext().sslPeerCertificate?.subject as
    | { CN?: string; O?: string | string[] }
    | undefined;
  const organizations = subject?.O === undefined ? [] : [subject.O].flat();
  if (subject?.CN?.startsWith("system:node:") !== true || !organizations.includes("system:nodes")) return undefined;
  return { name: subject.CN, groups: [...organizations, "system:authenticated"] };
}

function refuse(
  call: ServerDuplexStream<never, never> | LinkCall | ServerDuplexStream<Chunk, Partial<Chunk>>,
  why: string,
): void {
  call.emit("error", { code: grpcStatus.PERMISSION_DENIED, details: why });
}
