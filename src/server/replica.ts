/**
 * The replicated state of one master: the log, and behind it the store and the core. Sockets and disks
 * are whoever composes it; production, the virtual cluster and the simulator have the same wiring.
 *
 * The store exists only once the newest snapshot is restored, so core and links are built at the first
 * entry, or at the end of the start where there is none.
 */
import type { ForwardPort } from "../actors/runtime/forwarding.ts";
import type { NodeTable } from "../api/link/nodes.ts";
import type { Env } from "../env/env.ts";
import { allKinds } from "../kinds/catalogue.ts";
import { createRaft, type Raft, type RaftOptions } from "../raft/driver.ts";
import type { LogEntry, ReplicatedLog } from "../raft/log-api.ts";
import type { CallMessage, PeerMessage, Transport } from "../raft/transport-api.ts";
import type { Term } from "../store/revision.ts";
import type { KeyRing } from "../store/sealer.ts";
import { restoreInto, snapshotOf } from "../store/snapshot.ts";
import { createStore, type Store } from "../store/store.ts";
import type { StoreOptions } from "../store/store-state.ts";
import { createCore, type Core, type CoreOptions } from "./core.ts";

export interface ReplicaOptions<Links> {
  readonly env: Env;
  /** Master keys of what is sealed at rest. */
  readonly ring: KeyRing;
  readonly nodes: NodeTable;
  /** What the core takes beside what follows from the log. */
  readonly core: Omit<CoreOptions, "env" | "store" | "log" | "identity" | "forward" | "handOver" | "nodes" | "onFatal">;
  /** The doors of the nodes, over the core. */
  readonly links: (core: Core, raft: Raft) => Links;
  /** The way to the other masters. Default: there are none. */
  readonly peering?: { readonly transport: Transport & ForwardPort; readonly birth: NonNullable<RaftOptions["birth"]> };
  /** Told behind the core. */
  readonly onRole?: (role: ReplicatedLog["role"], links: Links, term: Term) => void;
  /** Told before the core applies them: for whoever checks it. */
  readonly onCommitted?: (entries: readonly LogEntry[]) => void;
  /** Told once the state is that of a snapshot. */
  readonly onRestored?: () => void;
  /** The state cannot be trusted any more: the process must end. */
  readonly onFatal: (error: Error) => void;
  /** Default: those of production. */
  readonly log?: Omit<RaftOptions, "env" | "listener" | "stateMachine" | "onFatal" | "birth" | "transport">;
  readonly storeLimits?: StoreOptions["limits"];
  /** What the state begins on where there is no snapshot. Default: nothing. */
  readonly foundation?: (options: StoreOptions) => Store;
  /** Lives that masters of this id had before the log began. */
  readonly livesBefore?: number;
}

interface Parts<Links> {
  readonly core: Core;
  readonly links: Links;
}

export class Replica<Links> {
  readonly raft: Raft;
  readonly #options: ReplicaOptions<Links>;
  #store: Store | undefined;
  #parts: Parts<Links> | undefined;

  constructor(options: ReplicaOptions<Links>) {
    const { env, peering, log = {}, onCommitted, onRestored } = options;
    this.#options = options;
    this.raft = createRaft({
      ...log,
      ...peering,
      env,
      listener: {
        committed: (entries) => {
          onCommitted?.(entries);
          this.core.host.committed(entries);
        },
        role: (role, term) => this.#onRole(role, term),
      },
      stateMachine: {
        restore: async (_meta, chunks) => {
          await restoreInto(this.store, chunks);
          this.#parts?.core.host.restored();
          onRestored?.();
        },
        snapshot: () => snapshotOf(this.store),
      },
      onFatal: options.onFatal,
    });
  }

  get store(): Store {
    this.#store ??= (this.#options.foundation ?? createStore)(storeOptionsOf(this.#options));
    return this.#store;
  }

  get core(): Core {
    return this.#built().core;
  }

  get links(): Links {
    return this.#built().links;
  }

  /** From another master; `from` is who its connection proved to be. */
  receive(from: number, message: PeerMessage): void {
    this.raft.receive(from, message);
  }

  call(from: number, message: CallMessage): void {
    this.#parts?.core.called(from, message);
  }

  /** A connection to another master that calls went over broke. */
  callsLost(peer: number): void {
    this.#parts?.core.callsLost(peer);
  }

  /** The connection to another master came up or broke. */
  link(peer: number, isUp: boolean): void {
    this.raft.link(peer, isUp);
    if (isUp) this.#parts?.core.host.linked(peer);
    else this.#parts?.core.callsLost(peer);
  }

  #onRole(role: ReplicatedLog["role"], term: Term): void {
    const { core, links } = this.#built();
    this.#options.env.log(role === "leader" ? "info" : "debug", "master.role", {
      role,
      term,
      leader: this.raft.leader,
    });
    core.host.role(role, term);
    if (role === "leader") this.#options.nodes.listeningSinceMs = core.host.now();
    this.#options.onRole?.(role, links, term);
  }

  #built(): Parts<Links> {
    this.#parts ??= this.#build();
    return this.#parts;
  }

  #build(): Parts<Links> {
    const { env, core: rest, nodes, links, peering, onFatal, livesBefore = 0 } = this.#options;
    const { raft, store } = this;
    const core = createCore({
      ...rest,
      env,
      store,
      log: raft,
      identity: { member: raft.memberId, incarnation: raft.incarnation + livesBefore },
      nodes,
      isRemoved: (member) => raft.isRemoved(member),
      onFatal,
      ...(peering === undefined ? {} : { forward: peering.transport, handOver: () => raft.transfer() }),
    });
    core.host.directory.add(() => nodes.actors());
    return { core, links: links(core, raft) };
  }
}

/** Of the store of a replica, and of one that is only read. */
export function storeOptionsOf({
  env,
  ring,
  storeLimits = {},
}: Pick<ReplicaOptions<unknown>, "env" | "ring" | "storeLimits">): StoreOptions {
  return { kinds: allKinds, crc32: (bytes) => env.crypto.crc32(bytes), sealer: ring, limits: storeLimits };
}
