import type { Controller } from "../../actors/runtime/controller.ts";
import { NodeTable } from "../../api/link/nodes.ts";
import { serviceUnavailable } from "../../kinds/status-errors.ts";
import type { Raft } from "../../raft/raft-api.ts";
import type { CallMessage, PeerMessage } from "../../raft/transport-api.ts";
import { Replica } from "../../server/replica.ts";
import { createKeyRing } from "../../store/sealer.ts";
import type { Process, ProcessStart } from "../cluster/process.ts";
import { plainTokens, simAudiences, simFacts, simVersion } from "../master-facts.ts";
import type { Exchange } from "./exchange.ts";

/** A master of production over the simulated world: its doors are called in process, and no node links. */
export class Master implements Process {
  readonly #replica: Replica<undefined>;
  readonly #exchanges: Set<Exchange> = new Set();

  constructor(start: ProcessStart, controllers: readonly Controller[]) {
    const { env, id, voters, send, constants, onFatal } = start;
    const seal = env.random.stream("seal");
    const { historyMs, historyEventsMax } = constants;
    this.#replica = new Replica({
      env,
      ring: createKeyRing({
        crypto: env.crypto,
        keys: [new Uint8Array(32)],
        randomBytes: (length) => seal.bytes(length),
      }),
      nodes: new NodeTable(),
      core: {
        facts: simFacts,
        tokenIssuer: plainTokens,
        audiences: simAudiences,
        nodeStreams: { open: () => Promise.reject(serviceUnavailable("there are no nodes")) },
        controllers,
        version: simVersion,
      },
      links: () => undefined,
      peering: { transport: { send }, birth: { clusterId: "simulated", memberId: id, voters } },
      onRole: (role, _links, term) => start.onRole(role, term),
      onCommitted: (entries) => start.onCommitted(entries, this),
      onRestored: () => start.onRestored(this),
      onFatal,
      log: constants.log,
      storeLimits: { historyMs, historyEventsMax },
    });
  }

  get raft(): Raft {
    return this.#replica.raft;
  }

  get applied(): number {
    return this.#replica.store.applied;
  }

  get digest(): number {
    const { a, b } = this.#replica.store.digest;
    return (a ^ Math.imul(b, 0x01000193)) >>> 0;
  }

  start(): Promise<void> {
    return this.raft.start();
  }

  receive(from: number, message: PeerMessage): void {
    this.#replica.receive(from, message);
  }

  call(from: number, message: CallMessage): void {
    this.#replica.call(from, message);
  }

  link(peer: number, isUp: boolean): void {
    this.#replica.link(peer, isUp);
  }

  /** A client's request arrives. */
  serve(exchange: Exchange): void {
    this.#exchanges.add(exchange);
    exchange.onClose(() => this.#exchanges.delete(exchange));
    this.#replica.core.rest(exchange);
  }

  died(): void {
    for (const exchange of this.#exchanges) exchange.breakOff();
  }
}
