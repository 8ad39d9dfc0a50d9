/**
 * A master without its sockets: store, log, actor host, controllers and the REST door, wired. The
 * same wiring serves production, the virtual cluster and the simulator; only `Env` and the log differ.
 */
import { machines } from "../actors/objects/catalogue.ts";
import type { ActorHost } from "../actors/runtime/actor-host.ts";
import { codecOf } from "../actors/runtime/codec.ts";
import type { Decide, User } from "../actors/runtime/command.ts";
import { controllerChildren } from "../actors/runtime/controller-host.ts";
import type { Controller } from "../actors/runtime/controller.ts";
import type { ForwardPort } from "../actors/runtime/forwarding.ts";
import { createHost } from "../actors/runtime/host.ts";
import { runMasterTree } from "../actors/runtime/master-tree.ts";
import type { Admission } from "../api/admission/admission.ts";
import { defaultTolerations } from "../api/admission/default-tolerations.ts";
import { namespaceLifecycle } from "../api/admission/namespace-lifecycle.ts";
import { podServiceAccount } from "../api/admission/pod-service-account.ts";
import { priority } from "../api/admission/priority.ts";
import { createServiceAllocation, defaultServiceRanges } from "../api/admission/service-allocation.ts";
import { createDecide } from "../api/decide.ts";
import { requireAllowed } from "../api/authorize.ts";
import type { NodeTable } from "../api/link/nodes.ts";
import { NodeRelay } from "../api/link/relay.ts";
import type { NodeStreams } from "../api/node-streams.ts";
import type { Door } from "../api/rest/call.ts";
import { openDoor, restHandler, type VersionInfo } from "../api/rest/door.ts";
import type { Attributes, Authenticator, Authorizer, TokenIssuer } from "../auth/auth-api.ts";
import { createAuthenticator } from "../auth/authenticator.ts";
import { createAuthorizer } from "../auth/authorizer.ts";
import type { Env } from "../env/env.ts";
import type { CrumbNote, Watchdog } from "../env/watchdog.ts";
import type { HttpExchange, HttpHandler } from "../env/http.ts";
import { allKinds, servedKinds } from "../kinds/catalogue.ts";
import type { Kind } from "../kinds/kind.ts";
import type { ReplicatedLog } from "../raft/log-api.ts";
import type { CallMessage } from "../raft/transport-api.ts";
import type { Store } from "../store/store.ts";
import { actorMetrics } from "./actor-metrics.ts";
import { crumbPart } from "./crumb.ts";
import type { ProcessFaults } from "./faults.ts";
import { processParts, Sessions } from "./process-parts.ts";
import { sweepsChild } from "./sweeps.ts";

/** What every master of one cluster must agree on. */
export interface ClusterFacts {
  readonly name: string;
  /** Changes when the state is restored from a backup. */
  readonly epoch: string;
  readonly clusterDomain: string;
  readonly podCidr: string;
  readonly serviceCidr: string;
  readonly dnsAddress: string;
}

export interface CoreOptions {
  readonly env: Env;
  readonly store: Store;
  readonly log: ReplicatedLog;
  readonly identity: { readonly member: number; readonly incarnation: number };
  /** The way to the other masters. Default: there are none. */
  readonly forward?: ForwardPort;
  /** Asks another master to lead. Default: there are none. */
  readonly handOver?: () => Promise<unknown>;
  readonly facts: ClusterFacts;
  readonly tokenIssuer: TokenIssuer;
  readonly audiences: readonly string[];
  readonly nodeStreams: NodeStreams;
  readonly nodes: Pick<NodeTable, "lastHeard" | "heardAll">;
  /** Whether a member is gone for good. Default: none ever is. */
  readonly isRemoved?: (member: number) => boolean;
  readonly controllers: readonly Controller[];
  readonly version: VersionInfo;
  readonly onFatal: (error: Error) => void;
  readonly watchdog?: Watchdog;
  /** What the watchdog caught in the last life of this process. */
  readonly crumb?: CrumbNote;
  /** Absent: this master was started without `--enable-faults` and knows no Faults. `env` is its own then. */
  readonly faults?: ProcessFaults;
}

export interface Core {
  /** From another master. */
  called(from: number, message: CallMessage): void;
  /** Calls over the connections to that master may be missing. */
  callsLost(peer: number): void;
  readonly store: Store;
  readonly host: ActorHost;
  readonly authorizer: Authorizer;
  /** What is served, by id. */
  readonly kinds: ReadonlyMap<string, Kind>;
  /** What both doors serve from. */
  readonly door: Door;
  readonly rest: HttpHandler;
}

export function admissionOf(facts: ClusterFacts): readonly Admission[] {
  return [
    namespaceLifecycle,
    podServiceAccount,
    priority,
    defaultTolerations,
    createServiceAllocation({ ...defaultServiceRanges, clusterCidrs: [facts.serviceCidr] }),
  ];
}

export function createCore(options: CoreOptions): Core {
  const { env, store, log, identity, facts, onFatal } = options;
  const kinds = servedKinds({ faults: options.faults !== undefined });
  const kindsById: ReadonlyMap<string, Kind> = new Map(kinds.map((kind) => [kind.id, kind]));
  const decide: Decide = createDecide({ kinds, admission: admissionOf(facts) });
  const codec = codecOf(store);
  const watched = {
    ...(options.watchdog === undefined ? {} : { watchdog: options.watchdog }),
    ...(options.forward === undefined ? {} : { forward: options.forward }),
  };
  const authorizer = createAuthorizer({ view: store.committed, faults: options.faults !== undefined });
  const host = createHost({
    env,
    store,
    log,
    kinds: kindsById,
    codec,
    decide,
    machines,
    identity,
    onFatal,
    authorizeAgain(user, asked) {
      for (const attributes of asked) requireAllowed(authorizer, user, attributes as Attributes);
    },
    ...watched,
  });
  // Before everything else of the term: what it caught must not run first again.
  if (options.crumb !== undefined) host.addLeaderPart(crumbPart(env, host, options.crumb));
  const controllers = controllerChildren({ env, store, host, decide, controllers: options.controllers });
  const sessions = new Sessions();
  runMasterTree({
    env,
    host,
    process: processParts({ env, store, log, sessions: () => sessions.count }),
    leader: () => [
      ...host.leaderChildren(),
      ...controllers(),
      sweepsChild({ env, store, host, isRemoved: options.isRemoved ?? (() => false) }),
    ],
    handOver: () => void options.handOver?.().catch((error: unknown) => env.log("warn", "hand-over.failed", { error })),
    giveUp: onFatal,
  });
  const relay = relayOf(options, host, authorizer);
  const door = openDoor({
    host,
    store,
    kinds,
    authenticator: freshRefusals(
      createAuthenticator({ tokenIssuer: options.tokenIssuer, view: store.committed }),
      host,
    ),
    authorizer,
    tokenIssuer: options.tokenIssuer,
    nodeStreams: relay ?? options.nodeStreams,
    moreMetrics: () => [actorMetrics(host)],
    beforeRefusal: () => (host.isLeader ? Promise.resolve() : host.readBarrier()),
    lastHeard: (node) => (host.isLeader ? options.nodes.lastHeard(node) : relay?.lastHeard(node)),
    env,
    version: options.version,
    audiences: options.audiences,
    readiness: [{ name: "log", problem: () => (log.leader === undefined ? "there is no leader" : undefined) }],
  });
  const rest = restHandler(door);
  options.faults?.followStore({ store, host, kinds: allKinds });
  return {
    store,
    host,
    authorizer,
    kinds: kindsById,
    door,
    rest: (exchange) => rest(sessions.counted(exchange)),
    called(from, message) {
      if (message.type === "relay") relay?.take(from, message);
      else host.called(from, message);
    },
    callsLost: (peer) => relay?.lost(peer),
  };
}

/** Undefined: there is no other master. */
function relayOf(options: CoreOptions, host: ActorHost, authorizer: Authorizer): NodeRelay | undefined {
  const { env, log, identity, forward, nodeStreams, nodes } = options;
  if (forward === undefined) return undefined;
  const relay = new NodeRelay({
    clock: env.clock,
    leader: () => log.leader,
    identity,
    leads: () => host.isLeader,
    local: nodeStreams,
    port: forward,
    authorize: ({ user, attributes }) => requireAllowed(authorizer, user, attributes),
    heard: () => nodes.heardAll(),
  });
  host.addLeaderPart({ start: () => undefined, stop: () => relay.release() });
  return relay;
}

/** A follower may not have heard yet of whom it is about to refuse: it asks how far the leader is first. */
function freshRefusals(inner: Authenticator, host: Pick<ActorHost, "isLeader" | "readBarrier">): Authenticator {
  const again = async (exchange: HttpExchange, error: unknown): Promise<User | undefined> => {
    if (host.isLeader) throw error;
    await host.readBarrier();
    return inner.authenticate(exchange);
  };
  return {
    authenticate(exchange) {
      const known = inner.authenticate(exchange);
      return known instanceof Promise ? known.catch((error: unknown) => again(exchange, error)) : known;
    },
  };
}
