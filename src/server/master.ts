/**
 * One master: the log on disk, the core over it, and its two ports. Started by `troupe server` and by
 * tests with real sockets.
 */
import type { Controller } from "../actors/runtime/controller.ts";
import { createLinkDoor, type LinkDoor } from "../api/link/door.ts";
import { NodeTable } from "../api/link/nodes.ts";
import type { NodeStreams } from "../api/node-streams.ts";
import type { VersionInfo } from "../api/rest/door.ts";
import type { TokenIssuer } from "../auth/auth-api.ts";
import { createTokenIssuer } from "../auth/tokens.ts";
import type { Disk, Env } from "../env/env.ts";
import { passMessage } from "../env/faulty-mail.ts";
import type { CrumbNote, Watchdog } from "../env/watchdog.ts";
import type { HttpExchange } from "../env/http.ts";
import type { Credentials, SecureSockets } from "../env/sockets.ts";
import { listenHttps, type HttpsServer } from "../env/real/https-server.ts";
import { loadService } from "../env/real/proto.ts";
import { backupPath, Backups } from "./backup/backups.ts";
import type { BackupCluster } from "./backup/format.ts";
import { memberPath } from "./joining/answers.ts";
import { Joining, type JoiningOptions } from "./joining/joining.ts";
import type { ProcessFaults } from "./faults.ts";
import { createNativeServer } from "./native.ts";
import { rehearse } from "./rehearsal.ts";
import { Resealer } from "./reseal.ts";
import { allKinds } from "../kinds/catalogue.ts";
import { membersOf } from "../raft/core/config.ts";
import { adviceOn } from "../raft/core/membership.ts";
import type { Config } from "../raft/core/types.ts";
import type { Raft, RaftOptions } from "../raft/driver.ts";
import { PeerTransport, type PeerTransportOptions } from "../raft/peer-transport.ts";
import { createKeyRing, type KeyRing } from "../store/sealer.ts";
import { messageOf } from "../util/errors.ts";
import type { ClusterFacts, Core } from "./core.ts";
import { Replica } from "./replica.ts";

export interface MasterOptions {
  readonly env: Env;
  readonly name: string;
  readonly facts: ClusterFacts;
  readonly version: VersionInfo;
  readonly listen: { readonly host: string; readonly apiPort: number; readonly grpcPort: number };
  readonly tls: {
    readonly certificate: string;
    readonly key: string;
    readonly clientAuthority: string;
    readonly nodeAuthority: string;
  };
  readonly tokens: { readonly signingKey: string; readonly verifyingKey: string };
  /** The other masters; absent: this one is alone. */
  readonly peers?: PeersOptions;
  /** Of 32 bytes each, oldest first: the newest seals, all open. */
  readonly sealingKeys: readonly Uint8Array[];
  /** Other machines may join here; absent: all of the cluster is on this one. */
  readonly joining?: JoiningOptions;
  /** What backups say of the cluster, and the folder for those that are made by the clock; absent: there are none. */
  readonly backup?: { readonly cluster: BackupCluster; readonly disk: Disk };
  /** Made once the links exist: the node life cycle asks them when a node was last heard. */
  readonly controllers: (nodes: NodeTable) => readonly Controller[];
  /** The state cannot be trusted any more: the process must end. */
  readonly onFatal: (error: Error) => void;
  readonly watchdog?: Watchdog;
  /** What the watchdog caught in the last life of this process. */
  readonly crumb?: CrumbNote;
  /** Started with `--enable-faults`; `env` is its own then. */
  readonly faults?: ProcessFaults;
}

/** How this master finds the others. What it says of the cluster counts at its first start only. */
export interface PeersOptions {
  readonly clusterId: string;
  readonly memberId: number;
  /** All voters, this one too, with `host:port` of their peer ports; empty for one that joins a cluster. */
  readonly members: readonly { readonly id: number; readonly address: string }[];
  /** Members came or went. */
  readonly onMembers?: () => void;
  /** `host:port` that the others are to dial from now on, if the log says otherwise. */
  readonly advertised?: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly sockets: SecureSockets;
  /** Asked anew for each connection. */
  readonly credentials: () => Credentials;
}

export interface Master {
  readonly core: Core;
  readonly raft: Raft;
  readonly apiPort: number;
  readonly grpcPort: number;
  /** `host:port` of every master's API; empty where machines cannot join. */
  endpoints(): readonly string[];
  /** Takes a new sealing key; the leader seals anew what older ones have sealed. */
  loadSealingKeys(keys: readonly Uint8Array[]): void;
  /**
   * New connections of both ports see this certificate, and are believed by these authorities; those that
   * are open go on with what was before.
   */
  loadCertificate(pair: {
    readonly certificate: string;
    readonly key: string;
    readonly clientAuthorities?: readonly string[];
  }): void;
  stop(): Promise<void>;
}

const stopGraceMs = 1_000;
const handOverMs = 1_000;
const handOverLookMs = 5;
const handOverServeMs = 100;

export async function startMaster(options: MasterOptions): Promise<Master> {
  const { env, listen, tls } = options;
  const random = env.random.stream("tokens");
  const issuer = `https://kubernetes.default.svc.${options.facts.clusterDomain}`;
  const audiences = [issuer];
  const tokenIssuer = await createTokenIssuer({
    issuer,
    audiences,
    signingKey: options.tokens.signingKey,
    verifyingKeys: [options.tokens.verifyingKey],
    clock: env.clock,
    random,
  });
  const nodes = new NodeTable();
  const state = new State(options, { tokenIssuer, audiences, nodes });
  // Others go first until the code of a leader is compiled.
  state.raft.prepared(options.peers === undefined);
  await state.start();
  const { core, links } = state.replica;
  const { ring } = state;
  const resealer = new Resealer({ env, store: core.store, host: core.host, ring, kinds: allKinds });
  const native = createNativeServer({ env, core, links, tls, isReady: () => state.raft.leader !== undefined });
  const grpcPort = await native.listen(listen.host, listen.grpcPort);
  const memberOf = (): object => ({
    name: options.name,
    role: state.raft.role,
    term: state.raft.term,
    // Those that the leader sees; nobody else knows.
    ...(options.peers === undefined ? {} : { id: state.raft.memberId, members: state.raft.members() }),
    sealing: { key: ring.current, left: resealer.left },
    faults: options.faults !== undefined,
  });
  const backups = options.backup === undefined ? undefined : backupsOf(options, options.backup, state);
  backups?.start();
  const joining = options.joining && new Joining(options.joining, { env, core, raft: state.raft });
  const rest: HttpsServer = await listenHttps({
    host: listen.host,
    port: listen.apiPort,
    certificate: tls.certificate,
    key: tls.key,
    clientAuthorities: [tls.clientAuthority, tls.nodeAuthority],
    handler: (exchange) => {
      if (exchange.target === memberPath) serveMember(exchange, memberOf());
      else if (exchange.target === backupPath && backups !== undefined) void backups.serve(exchange);
      else if (joining?.serve(exchange) !== true) core.rest(exchange);
    },
  });
  if (options.peers !== undefined) {
    const rehearsal = rehearseLeading(options, state, { tokenIssuer, audiences });
    void rehearsal.finally(() => state.raft.prepared(true));
  }
  env.log("info", "master.ready", { api: rest.port, grpc: grpcPort, term: state.raft.term });
  return {
    core,
    raft: state.raft,
    apiPort: rest.port,
    grpcPort,
    endpoints: () => joining?.members.endpoints() ?? [],
    loadSealingKeys(keys) {
      ring.load(keys);
      resealer.begin();
    },
    loadCertificate(pair) {
      rest.loadCertificate(pair);
      native.loadCertificate(pair);
    },
    async stop() {
      const close = (): Promise<unknown> => Promise.all([rest.close(stopGraceMs), native.close(stopGraceMs)]);
      // What is under way goes on at the next leader, if there is one.
      const goesOn = await state.handOver();
      if (goesOn) await close();
      core.host.stop();
      options.faults?.stop();
      await backups?.stop();
      if (!goesOn) await close();
      await state.stop();
    },
  };
}

async function rehearseLeading(
  { env, facts, version, controllers }: MasterOptions,
  { ring: sealer }: State,
  tokens: Pick<Shared, "tokenIssuer" | "audiences">,
): Promise<void> {
  const began = env.clock.mono();
  try {
    const refused = await rehearse({ env, facts, version, controllers, sealer, ...tokens });
    env.log("debug", "master.rehearsed", { ms: Math.round(env.clock.mono() - began), refused });
  } catch (error) {
    // It would only have been faster.
    env.log("warn", "master.rehearsal.failed", { error: messageOf(error) });
  }
}

function backupsOf(options: MasterOptions, backup: NonNullable<MasterOptions["backup"]>, state: State): Backups {
  const { core } = state.replica;
  const { env, name: member } = options;
  const sealingKey = (): string => state.ring.current;
  return new Backups({ env, store: core.store, log: state.raft, door: core.door, member, sealingKey, ...backup });
}

/** Role and term of this member, for `troupe status`. Tells nothing that `/version` would not. */
function serveMember(exchange: HttpExchange, member: object): void {
  const body = new TextEncoder().encode(`${JSON.stringify(member)}\n`);
  exchange.respond({ status: 200, headers: { "content-type": "application/json" }, body });
}

/** The replica, and its way to the other masters. */
class State {
  readonly replica: Replica<LinkDoor>;
  readonly #options: MasterOptions;
  /** Master keys of what is sealed at rest. */
  readonly ring: KeyRing;
  readonly #transport: PeerTransport | undefined;

  constructor(options: MasterOptions, shared: Shared) {
    this.#options = options;
    const { env, peers } = options;
    const seal = env.random.stream("seal");
    this.ring = createKeyRing({
      crypto: env.crypto,
      keys: options.sealingKeys,
      randomBytes: (length) => seal.bytes(length),
    });
    this.#transport = peers === undefined ? undefined : transportOf(env, peers, options.faults !== undefined);
    const { facts, version, watchdog, crumb, faults, onFatal } = options;
    const { nodes, tokenIssuer, audiences } = shared;
    const nodeStreams: NodeStreams = { open: (node, request) => this.replica.links.open(node, request) };
    this.replica = new Replica({
      env,
      ring: this.ring,
      nodes,
      core: {
        facts,
        tokenIssuer,
        audiences,
        nodeStreams,
        controllers: options.controllers(nodes),
        version,
        ...(watchdog === undefined ? {} : { watchdog }),
        ...(crumb === undefined ? {} : { crumb }),
        ...(faults === undefined ? {} : { faults }),
      },
      links: (core) => linksOf(options, shared, core),
      ...(peers === undefined || this.#transport === undefined
        ? {}
        : { peering: { transport: this.#transport, birth: birthOf(peers) } }),
      onRole: (role, links) => {
        if (role !== "leader") links.release();
        else env.clock.after(0, () => void this.#announce(), { daemon: true });
      },
      onFatal,
      ...(peers === undefined ? {} : { log: { onConfig: (config: Config) => tellMembers(env, peers, config) } }),
    });
  }

  /** A lone first member says where it is reached, so that others can join it. */
  async #announce(): Promise<void> {
    const { env, peers } = this.#options;
    const address = peers?.advertised;
    const { memberId: id, config } = this.raft;
    if (address === undefined || config.directory.some((info) => info.id === id && info.address === address)) return;
    try {
      await this.raft.changeConfig({ type: "setAddress", id, address });
      env.log("info", "address.announced", { address });
    } catch (error) {
      // The next term tries again.
      env.log("warn", "address.not-announced", { address, reason: messageOf(error) });
    }
  }

  get raft(): Raft {
    return this.replica.raft;
  }

  /** A lone master leads when this resolves; one of several listens. */
  async start(): Promise<void> {
    const { raft, replica } = this;
    await raft.open();
    await this.#transport?.start({
      clusterId: raft.clusterId,
      memberId: raft.memberId,
      incarnation: raft.incarnation,
      isRemoved: (id) => raft.isRemoved(id),
      receive: (from, message) => replica.receive(from, message),
      call: (from, message) => replica.call(from, message),
      callsLost: (peer) => replica.callsLost(peer),
      link: (peer, isUp) => replica.link(peer, isUp),
    });
    await raft.start();
  }

  /** True if another member leads now, or did before. */
  async handOver(): Promise<boolean> {
    const { raft } = this;
    if (this.#transport === undefined || membersOf(raft.config).length === 1) return false;
    if (raft.role !== "leader") return raft.leader !== undefined;
    const { clock, log } = this.#options.env;
    const late = new Promise<boolean>((resolve) => void clock.after(handOverMs, () => resolve(false)));
    const transferred = raft.transfer().then(
      () => true,
      (error: unknown) => {
        log("warn", "hand-over.failed", { reason: messageOf(error) });
        return false;
      },
    );
    const goesOn = await Promise.race([transferred, late]);
    if (goesOn) await this.#whileOthersBegin();
    return goesOn;
  }

  /** What clients have asked here is answered by the next leader; they connect elsewhere once that has begun to work. */
  async #whileOthersBegin(): Promise<void> {
    const { clock } = this.#options.env;
    const wait = (ms: number): Promise<void> => new Promise((resolve) => void clock.after(ms, resolve));
    const untilMs = clock.mono() + handOverMs;
    while (this.raft.leader === undefined && clock.mono() < untilMs) await wait(handOverLookMs);
    await wait(handOverServeMs);
  }

  async stop(): Promise<void> {
    this.#transport?.stop();
    await this.raft.stop();
  }
}

interface Shared {
  readonly tokenIssuer: TokenIssuer;
  readonly audiences: readonly string[];
  readonly nodes: NodeTable;
}

/** In the log for people; what is half done is not told. */
function tellMembers({ log }: Env, peers: PeersOptions, config: Config): void {
  peers.onMembers?.();
  // Who joins does not know of any voter yet.
  if (config.outgoing.length > 0 || config.incoming.length === 0) return;
  const advice = adviceOn(config);
  log("info", "members.changed", { voters: config.incoming, learners: config.learners });
  if (advice !== "" && config.learners.length === 0) log("warn", "members.even", { advice });
}

function transportOf(env: Env, { sockets, listen, credentials }: PeersOptions, withFaults: boolean): PeerTransport {
  const { clock, crypto, log } = env;
  const carry = withFaults ? { carry: carrier(env) } : {};
  return new PeerTransport({ clock, crypto, log, sockets, listenAt: listen, credentials, ...carry });
}

/** What masters send each other passes the seam `net`, under the names that `up` gives them. */
function carrier(env: Env): NonNullable<PeerTransportOptions["carry"]> {
  return (from, to, { type }, run) => {
    const [one, other] = [`m${from}`, `m${to}`];
    passMessage(env, { seam: "net", path: `/peer/${one}/${other}/${type}`, from: one, to: other }, run);
  };
}

function linksOf(
  { env, facts, faults }: MasterOptions,
  { nodes, tokenIssuer, audiences }: Shared,
  core: Core,
): LinkDoor {
  return createLinkDoor({
    env,
    store: core.store,
    host: core.host,
    kinds: core.kinds,
    faults: faults !== undefined,
    authorizer: core.authorizer,
    service: loadService("node.proto", "troupe.node.v1.NodeLink"),
    tokenIssuer,
    audiences,
    nodes,
    leads: () => core.host.isLeader,
    now: () => core.host.now(),
    welcome: {
      clusterEpoch: facts.epoch,
      clusterDomain: facts.clusterDomain,
      serviceCidr: facts.serviceCidr,
      dnsAddress: facts.dnsAddress,
    },
  });
}

function birthOf({ clusterId, memberId, members }: PeersOptions): NonNullable<RaftOptions["birth"]> {
  const directory = members.map(({ id, address }) => ({ id, address, isReader: false }));
  return { clusterId, memberId, voters: members.map(({ id }) => id), directory };
}
