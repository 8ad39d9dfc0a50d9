import type { Controller } from "../actors/runtime/controller.ts";
import type { ReplicatedLog } from "../raft/log-api.ts";
import type { SimPeers } from "./sim-peers.ts";
import { NodeTable } from "../api/link/nodes.ts";
import type { NodeStreams } from "../api/node-streams.ts";
import type { Env } from "../env/env.ts";
import type { CrumbNote } from "../env/watchdog.ts";
import { allKinds } from "../kinds/catalogue.ts";
import type { Raft } from "../raft/driver.ts";
import { masterControllers } from "../server/controllers.ts";
import type { ProcessFaults } from "../server/faults.ts";
import { Resealer } from "../server/reseal.ts";
import type { Core } from "../server/core.ts";
import { plainTokens, simAudiences, simFacts, simVersion } from "../sim/master-facts.ts";
import { Replica, storeOptionsOf as storeOptions } from "../server/replica.ts";
import { createKeyRing, type KeyRing } from "../store/sealer.ts";
import type { StoreOptions } from "../store/store-state.ts";
import type { Store } from "../store/store.ts";
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
  /** Faults are served; `env` is its own then. */
  readonly faults?: ProcessFaults;
}

export interface Peering {
  readonly id: number;
  /** Ids of all masters from the beginning. */
  readonly voters: readonly number[];
  readonly peers: SimPeers;
}

export const simMasterAddress = "192.0.2.10";

/** Resolves when a lone master leads and everything in its log is applied; with others, when it listens. */
export async function startSimMaster(options: SimMasterOptions): Promise<SimMaster> {
  const { env, onFatal, peering, onRole, nodeStreams, crumb, faults } = options;
  const nodes = new NodeTable();
  const ring = ringOf(options);
  const replica: Replica<SimLinkDoor> = new Replica({
    env,
    ring,
    nodes,
    core: {
      facts: simFacts,
      tokenIssuer: plainTokens,
      audiences: simAudiences,
      nodeStreams,
      controllers: [
        ...(options.bare ? [] : productionControllers(nodes, faults !== undefined)),
        ...options.controllers,
      ],
      version: simVersion,
      ...(crumb === undefined ? {} : { crumb }),
      ...(faults === undefined ? {} : { faults }),
    },
    links: (core) => linksOf(options, core, nodes),
    ...(peering === undefined
      ? {}
      : {
          peering: {
            transport: peering.peers.transport(peering.id, env.faults),
            birth: { clusterId: "virtual", memberId: peering.id, voters: peering.voters },
          },
        }),
    onRole: (role) => onRole?.(role),
    onFatal,
    storeLimits: { freezeObjects: options.freezeObjects },
    ...(options.foundation === undefined ? {} : { foundation: options.foundation }),
    livesBefore: options.incarnations ?? 0,
  });
  const { raft } = replica;
  await raft.start();
  peering?.peers.attach(peering.id, replica);
  const { core, links, store } = replica;
  const resealer = new Resealer({ env, store, host: core.host, ring, kinds: allKinds });
  return { core, links, store, raft, nodes, ring, resealer };
}

function productionControllers(nodes: NodeTable, faults: boolean): readonly Controller[] {
  return masterControllers({
    nodes,
    podCidr: simFacts.podCidr,
    serviceCidr: simFacts.serviceCidr,
    masters: () => [{ address: simMasterAddress, port: 6443 }],
    serviceAddress: "10.43.0.1",
    authority: () => "-----BEGIN CERTIFICATE-----\nvirtual\n-----END CERTIFICATE-----\n",
    faults,
  });
}

function linksOf({ env, epoch, faults }: SimMasterOptions, core: Core, nodes: NodeTable): SimLinkDoor {
  return createSimLinkDoor({
    env,
    store: core.store,
    host: core.host,
    kinds: core.kinds,
    faults: faults !== undefined,
    authorizer: core.authorizer,
    tokenIssuer: plainTokens,
    audiences: simAudiences,
    nodes,
    now: () => core.host.now(),
    welcome: {
      clusterEpoch: epoch ?? simFacts.epoch,
      clusterDomain: simFacts.clusterDomain,
      serviceCidr: simFacts.serviceCidr,
      dnsAddress: simFacts.dnsAddress,
    },
  });
}

/** Of a store that is only read. */
export function storeOptionsOf(options: Pick<SimMasterOptions, "env" | "sealingKeys" | "freezeObjects">): StoreOptions {
  const { env, freezeObjects } = options;
  return storeOptions({ env, ring: ringOf(options), storeLimits: { freezeObjects } });
}

function ringOf({ env, sealingKeys = [new Uint8Array(32)] }: Pick<SimMasterOptions, "env" | "sealingKeys">): KeyRing {
  const random = env.random.stream("seal");
  return createKeyRing({ crypto: env.crypto, keys: sealingKeys, randomBytes: (length) => random.bytes(length) });
}
