import type { Controller } from "../actors/runtime/controller.ts";
import type { ActorHost } from "../actors/runtime/actor-host.ts";
import type { ForwardPort } from "../actors/runtime/forwarding.ts";
import type { ReplicatedLog } from "../raft/log-api.ts";
import type { SimPeers } from "./sim-peers.ts";
import { NodeTable } from "../api/link/nodes.ts";
import type { NodeStreams } from "../api/node-streams.ts";
import type { TokenClaims, TokenIssuer } from "../auth/auth-api.ts";
import type { Env } from "../env/env.ts";
import type { CrumbNote } from "../env/watchdog.ts";
import { kinds } from "../kinds/catalogue.ts";
import { unauthorized } from "../kinds/status-errors.ts";
import { createRaft, type Raft } from "../raft/driver.ts";
import { masterControllers } from "../server/controllers.ts";
import { Resealer } from "../server/reseal.ts";
import { createCore, kindsById, type ClusterFacts, type Core } from "../server/core.ts";
import { createKeyRing, type KeyRing } from "../store/sealer.ts";
import { restoreInto, snapshotOf } from "../store/snapshot.ts";
import type { StoreOptions } from "../store/store-state.ts";
import { createStore, type Store } from "../store/store.ts";
import { StatusError } from "../util/errors.ts";
import { createSimLinkDoor, type SimLinkDoor } from "./sim-links.ts";

/** One life of a master: the production core over the real log, its doors called in process. */
export interface SimMaster {
  readonly core: Core;
  readonly store: Store;
  readonly raft: Raft;
  readonly nodes: NodeTable;
  readonly links: SimLinkDoor;
  readonly ring: KeyRing;
  readonly resealer: Resealer;
}

export interface SimMasterOptions {
  /** Of what is sealed at rest, oldest first. */
  readonly sealingKeys?: readonly Uint8Array[];
  readonly env: Env;
  readonly nodeStreams: NodeStreams;
  /** Run beside those of production. */
  readonly controllers: readonly Controller[];
  /** Without those of production. */
  readonly bare: boolean;
  readonly freezeObjects: boolean;
  readonly onFatal: (error: Error) => void;
  /** The other masters; default: there are none. */
  readonly peering?: Peering;
  readonly onRole?: (role: ReplicatedLog["role"]) => void;
  readonly crumb?: CrumbNote;
  /** Default: the first. */
  readonly epoch?: string;
  /** What a log begins on. Default: an empty store. */
  readonly foundation?: (options: StoreOptions) => Store;
  /** Lives that masters of these ids had before the log began. */
  readonly incarnations?: number;
}

export interface Peering {
  readonly id: number;
  /** Ids of all masters from the beginning. */
  readonly voters: readonly number[];
  readonly peers: SimPeers;
}

export const simFacts: ClusterFacts = {
  name: "virtual",
  epoch: "epoch-1",
  clusterDomain: "cluster.local",
  podCidr: "10.42.0.0/16",
  serviceCidr: "10.43.0.0/16",
  dnsAddress: "10.43.0.10",
};
export const simMasterAddress = "192.0.2.10";

const audiences = ["https://kubernetes.default.svc.cluster.local"];
const version = {
  major: "1",
  minor: "33",
  gitVersion: "v1.33.0+troupe",
  gitCommit: "",
  gitTreeState: "clean",
  buildDate: "",
  goVersion: "",
  compiler: "",
  platform: "linux/amd64",
};

/** Resolves when a lone master leads and everything in its log is applied; with others, when it listens. */
export async function startSimMaster(options: SimMasterOptions): Promise<SimMaster> {
  const { env, onFatal, peering, onRole } = options;
  const nodes = new NodeTable();
  const link = peering?.peers.transport(peering.id);
  let store: Store | undefined;
  let parts: { readonly core: Core; readonly links: SimLinkDoor } | undefined;
  const ring = ringOf(options);
  const theStore = (): Store => (store ??= (options.foundation ?? createStore)(storeOptions(options, ring)));
  const theParts = (): { readonly core: Core; readonly links: SimLinkDoor } =>
    (parts ??= build(options, { raft, store: theStore(), nodes, ...(link === undefined ? {} : { link }) }));
  const raft: Raft = createRaft({
    env,
    onFatal,
    ...(peering === undefined || link === undefined
      ? {}
      : { transport: link, birth: { clusterId: "virtual", memberId: peering.id, voters: peering.voters } }),
    listener: {
      committed: (entries) => theParts().core.host.committed(entries),
      role(role, term) {
        const { host } = theParts().core;
        host.role(role, term);
        if (role === "leader") nodes.listeningSinceMs = host.now();
        onRole?.(role);
      },
    },
    stateMachine: {
      restore: async (_meta, chunks) => {
        await restoreInto(theStore(), chunks);
        parts?.core.host.restored();
      },
      snapshot: () => snapshotOf(theStore()),
    },
  });
  await raft.start();
  if (peering !== undefined) attach(peering, raft, theParts().core.host);
  const { core, links } = theParts();
  const resealer = new Resealer({ env, store: theStore(), host: core.host, ring, kinds });
  return { core, links, store: theStore(), raft, nodes, ring, resealer };
}

function attach({ id, peers }: Peering, raft: Raft, host: ActorHost): void {
  peers.attach(id, {
    receive: (from, message) => raft.receive(from, message),
    call: (from, message) => host.called(from, message),
    link(peer, isUp) {
      raft.link(peer, isUp);
      if (isUp) host.linked(peer);
    },
  });
}

interface Built {
  readonly raft: Raft;
  readonly store: Store;
  readonly nodes: NodeTable;
  readonly link?: ForwardPort;
}

function build(
  options: SimMasterOptions,
  { raft, store, nodes, link }: Built,
): { readonly core: Core; readonly links: SimLinkDoor } {
  const { env, nodeStreams, onFatal } = options;
  const production = masterControllers({
    nodes,
    podCidr: simFacts.podCidr,
    serviceCidr: simFacts.serviceCidr,
    masters: [{ address: simMasterAddress, port: 6443 }],
    serviceAddress: "10.43.0.1",
    authority: "-----BEGIN CERTIFICATE-----\nvirtual\n-----END CERTIFICATE-----\n",
  });
  const core = createCore({
    env,
    store,
    log: raft,
    identity: { member: raft.memberId, incarnation: raft.incarnation + (options.incarnations ?? 0) },
    facts: simFacts,
    tokenIssuer: plainTokens,
    audiences,
    nodeStreams,
    nodes,
    controllers: [...(options.bare ? [] : production), ...options.controllers],
    version,
    onFatal,
    ...(link === undefined ? {} : { forward: link }),
    ...(options.crumb === undefined ? {} : { crumb: options.crumb }),
  });
  core.host.directory.add(() => nodes.actors());
  const links = createSimLinkDoor({
    env,
    store,
    host: core.host,
    kinds: kindsById,
    authorizer: core.authorizer,
    tokenIssuer: plainTokens,
    audiences,
    nodes,
    now: () => core.host.now(),
    welcome: {
      clusterEpoch: options.epoch ?? simFacts.epoch,
      clusterDomain: simFacts.clusterDomain,
      serviceCidr: simFacts.serviceCidr,
      dnsAddress: simFacts.dnsAddress,
    },
  });
  return { core, links };
}

/** Of a store that is only read. */
export function storeOptionsOf(options: Pick<SimMasterOptions, "env" | "sealingKeys" | "freezeObjects">): StoreOptions {
  return storeOptions(options, ringOf(options));
}

function ringOf({ env, sealingKeys = [new Uint8Array(32)] }: Pick<SimMasterOptions, "env" | "sealingKeys">): KeyRing {
  const random = env.random.stream("seal");
  return createKeyRing({ crypto: env.crypto, keys: sealingKeys, randomBytes: (length) => random.bytes(length) });
}

function storeOptions(
  { env, freezeObjects }: Pick<SimMasterOptions, "env" | "freezeObjects">,
  ring: KeyRing,
): StoreOptions {
  return { kinds, crc32: (bytes) => env.crypto.crc32(bytes), sealer: ring, limits: { freezeObjects } };
}

/** Tokens without a signature: signing takes real time, which a virtual cluster has none of. */
const plainTokens: TokenIssuer = {
  issue: async (claims) => ({
    token: `virtual.${encodeURIComponent(JSON.stringify(claims))}`,
    expirationTimestamp: "2030-01-01T00:00:00Z",
  }),
  verify: async (token) => {
    try {
      const claims: unknown = JSON.parse(decodeURIComponent(token.slice("virtual.".length)));
      if (typeof claims === "object" && claims !== null && "namespace" in claims) return claims as TokenClaims;
    } catch (error) {
      throw new StatusError(unauthorized().status, { cause: error });
    }
    throw unauthorized();
  },
};
