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
import type { CrumbNote, Watchdog } from "../env/watchdog.ts";
import type { HttpExchange } from "../env/http.ts";
import type { Credentials, SecureSockets } from "../env/sockets.ts";
import { listenHttps, type HttpsServer } from "../env/real/https-server.ts";
import { loadService } from "../env/real/proto.ts";
import { backupPath, Backups } from "./backup/backups.ts";
import type { BackupCluster } from "./backup/format.ts";
import { createNativeServer } from "./native.ts";
import { Resealer } from "./reseal.ts";
import { kinds } from "../kinds/catalogue.ts";
import { createRaft, type Raft, type RaftOptions } from "../raft/driver.ts";
import { PeerTransport, type PeerHandlers } from "../raft/peer-transport.ts";
import type { ReplicatedLog } from "../raft/log-api.ts";
import type { Term } from "../store/revision.ts";
import { createKeyRing, type KeyRing } from "../store/sealer.ts";
import { restoreInto, snapshotOf } from "../store/snapshot.ts";
import { createStore, type Store } from "../store/store.ts";
import type { StoreOptions } from "../store/store-state.ts";
import { messageOf } from "../util/errors.ts";
import { createCore, kindsById, type ClusterFacts, type Core } from "./core.ts";

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
  /** What backups say of the cluster, and the folder for those that are made by the clock; absent: there are none. */
  readonly backup?: { readonly cluster: BackupCluster; readonly disk: Disk };
  /** Made once the links exist: the node life cycle asks them when a node was last heard. */
  readonly controllers: (nodes: NodeTable) => readonly Controller[];
  /** The state cannot be trusted any more: the process must end. */
  readonly onFatal: (error: Error) => void;
  readonly watchdog?: Watchdog;
  /** What the watchdog caught in the last life of this process. */
  readonly crumb?: CrumbNote;
}

/** How this master finds the others. What it says of the cluster counts at its first start only. */
export interface PeersOptions {
  readonly clusterId: string;
  readonly memberId: number;
  /** All voters, this one too, with `host:port` of their peer ports. */
  readonly members: readonly { readonly id: number; readonly address: string }[];
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
  /** Takes a new sealing key; the leader seals anew what older ones have sealed. */
  loadSealingKeys(keys: readonly Uint8Array[]): void;
  /** New connections of both ports see this certificate; those that are open go on with the one before. */
  loadCertificate(pair: { readonly certificate: string; readonly key: string }): void;
  stop(): Promise<void>;
}

const memberPath = "/troupe/v1/member";
const stopGraceMs = 1_000;
const handOverMs = 1_000;

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
  await state.start();
  const { core, links } = state.parts();
  const { ring } = state;
  const resealer = new Resealer({ env, store: core.store, host: core.host, ring, kinds });
  const native = createNativeServer({ env, core, links, tls, isReady: () => state.raft.leader !== undefined });
  const grpcPort = await native.listen(listen.host, listen.grpcPort);
  const memberOf = (): object => ({
    name: options.name,
    role: state.raft.role,
    term: state.raft.term,
    // Those that the leader sees; nobody else knows.
    ...(options.peers === undefined ? {} : { id: state.raft.memberId, members: state.raft.members() }),
    sealing: { key: ring.current, left: resealer.left },
  });
  const backups = options.backup === undefined ? undefined : backupsOf(options, options.backup, state);
  backups?.start();
  const rest: HttpsServer = await listenHttps({
    host: listen.host,
    port: listen.apiPort,
    certificate: tls.certificate,
    key: tls.key,
    clientAuthorities: [tls.clientAuthority, tls.nodeAuthority],
    handler: (exchange) => {
      if (exchange.target === memberPath) serveMember(exchange, memberOf());
      else if (exchange.target === backupPath && backups !== undefined) void backups.serve(exchange);
      else core.rest(exchange);
    },
  });
  env.log("info", "master.ready", { api: rest.port, grpc: grpcPort, term: state.raft.term });
  return {
    core,
    raft: state.raft,
    apiPort: rest.port,
    grpcPort,
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
      await backups?.stop();
      if (!goesOn) await close();
      await state.stop();
    },
  };
}

function backupsOf(options: MasterOptions, backup: NonNullable<MasterOptions["backup"]>, state: State): Backups {
  const { core } = state.parts();
  const { env, name: member } = options;
  const sealingKey = (): string => state.ring.current;
  return new Backups({ env, store: core.store, log: state.raft, door: core.door, member, sealingKey, ...backup });
}

/** Role and term of this member, for `troupe status`. Tells nothing that `/version` would not. */
function serveMember(exchange: HttpExchange, member: object): void {
  const body = new TextEncoder().encode(`${JSON.stringify(member)}\n`);
  exchange.respond({ status: 200, headers: { "content-type": "application/json" }, body });
}

interface Shared {
  readonly tokenIssuer: TokenIssuer;
  readonly audiences: readonly string[];
  readonly nodes: NodeTable;
}

interface Parts {
  readonly core: Core;
  readonly links: LinkDoor;
}

/**
 * The state behind the log. The store exists only once the newest snapshot is restored, so core and
 * links are built at the first entry, or at the end of the start where there is none.
 */
class State {
  readonly raft: Raft;
  readonly #options: MasterOptions;
  readonly #shared: Shared;
  /** Master keys of what is sealed at rest. */
  readonly ring: KeyRing;
  readonly #transport: PeerTransport | undefined;
  #store: Store | undefined;
  #parts: Parts | undefined;

  constructor(options: MasterOptions, shared: Shared) {
    this.#options = options;
    const { crypto, random } = options.env;
    const seal = random.stream("seal");
    this.ring = createKeyRing({ crypto, keys: options.sealingKeys, randomBytes: (length) => seal.bytes(length) });
    this.#shared = shared;
    const { env, peers } = options;
    this.#transport =
      peers === undefined
        ? undefined
        : new PeerTransport({
            clock: env.clock,
            crypto: env.crypto,
            log: env.log,
            sockets: peers.sockets,
            listenAt: peers.listen,
            credentials: peers.credentials,
          });
    this.raft = createRaft({
      env,
      ...(this.#transport === undefined ? {} : { transport: this.#transport }),
      ...(peers === undefined ? {} : { birth: birthOf(peers) }),
      listener: {
        committed: (entries) => this.parts().core.host.committed(entries),
        role: (role, term) => this.#onRole(role, term),
      },
      stateMachine: {
        restore: async (_meta, chunks) => {
          await restoreInto(this.#openStore(), chunks);
          this.#parts?.core.host.restored();
        },
        snapshot: () => snapshotOf(this.#openStore()),
      },
      onFatal: options.onFatal,
    });
  }

  /** A lone master leads when this resolves; one of several listens. */
  async start(): Promise<void> {
    await this.raft.open();
    await this.#transport?.start(this.#peerHandlers());
    await this.raft.start();
  }

  /** True if another member leads now, or did before. */
  async handOver(): Promise<boolean> {
    const { raft } = this;
    if (this.#transport === undefined) return false;
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
    return Promise.race([transferred, late]);
  }

  async stop(): Promise<void> {
    this.#transport?.stop();
    await this.raft.stop();
  }

  #peerHandlers(): PeerHandlers {
    const { raft } = this;
    const host = (): Core["host"] | undefined => this.#parts?.core.host;
    return {
      clusterId: raft.clusterId,
      memberId: raft.memberId,
      incarnation: raft.incarnation,
      isRemoved: (id) => raft.isRemoved(id),
      receive: (from, message) => raft.receive(from, message),
      call: (from, message) => host()?.called(from, message),
      link(peer, isUp) {
        raft.link(peer, isUp);
        if (isUp) host()?.linked(peer);
      },
    };
  }

  parts(): Parts {
    this.#parts ??= this.#build();
    return this.#parts;
  }

  #onRole(role: ReplicatedLog["role"], term: Term): void {
    const { core, links } = this.parts();
    core.host.role(role, term);
    if (role === "leader") this.#shared.nodes.listeningSinceMs = core.host.now();
    else links.release();
  }

  #openStore(): Store {
    this.#store ??= createStore(this.#storeOptions());
    return this.#store;
  }

  #storeOptions(): StoreOptions {
    const { env } = this.#options;
    return { kinds, crc32: (bytes) => env.crypto.crc32(bytes), sealer: this.ring };
  }

  #build(): Parts {
    const { env, facts, version, onFatal, watchdog, crumb } = this.#options;
    const { nodes, tokenIssuer, audiences } = this.#shared;
    const nodeStreams: NodeStreams = { open: (node, request) => this.parts().links.open(node, request) };
    const core = createCore({
      env,
      store: this.#openStore(),
      log: this.raft,
      identity: { member: this.raft.memberId, incarnation: this.raft.incarnation },
      facts,
      tokenIssuer,
      audiences,
      nodeStreams,
      nodes,
      controllers: this.#options.controllers(nodes),
      version,
      onFatal,
      ...(this.#transport === undefined ? {} : { forward: this.#transport }),
      ...(watchdog === undefined ? {} : { watchdog }),
      ...(crumb === undefined ? {} : { crumb }),
    });
    core.host.directory.add(() => nodes.actors());
    const links = createLinkDoor({
      env,
      store: core.store,
      host: core.host,
      kinds: kindsById,
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
    return { core, links };
  }
}

function birthOf({ clusterId, memberId, members }: PeersOptions): NonNullable<RaftOptions["birth"]> {
  const directory = members.map(({ id, address }) => ({ id, address, isReader: false }));
  return { clusterId, memberId, voters: members.map(({ id }) => id), directory };
}
