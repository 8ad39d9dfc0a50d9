import type { Clock, Crypto, Log, Timer } from "../env/env.ts";
import type { Credentials, Listener, SecureConnection, SecureSockets } from "../env/sockets.ts";
import { messageOf } from "../util/errors.ts";
import type { Millis } from "../util/time.ts";
import type { MemberId } from "./core/types.ts";
import { raftLimits } from "./limits.ts";
import { PeerLink } from "./peer-link.ts";
import type { Raft } from "./raft-api.ts";
import { isCall, type CallMessage, type PeerAddress, type PeerMessage, type Transport } from "./transport-api.ts";
import { Encoder } from "./wire.ts";
import type { Hello, Lane } from "./wire.ts";

/**
 * Members over mutual TLS. Each dials the others and sends on its own connections, one for the log
 * and one for snapshots, so that a heartbeat never waits behind a snapshot; where it cannot dial
 * (a member that has just joined knows no address) it answers on the connection it was called on.
 * A certificate names cluster and member; what a message says about its sender is not looked at.
 */
export interface PeerTransportOptions {
  readonly clock: Clock;
  readonly crypto: Crypto;
  readonly log: Log;
  readonly sockets: SecureSockets;
  readonly listenAt: { readonly host: string; readonly port: number };
  /** Asked anew for each connection. */
  readonly credentials: () => Credentials;
  /** Of the seam `net`; default: nothing goes wrong. */
  readonly carry?: (from: MemberId, to: MemberId, message: PeerMessage | CallMessage, run: () => void) => void;
}

/** What the transport needs of the log: `Raft` has it once it is open. */
export interface PeerHandlers extends Pick<
  Raft,
  "clusterId" | "memberId" | "incarnation" | "receive" | "link" | "isRemoved"
> {
  /** A command or an answer beside the log. Default: nobody takes them. */
  call?(from: MemberId, message: CallMessage): void;
  /** A connection that calls went over, either way, has broken: some may be missing. */
  callsLost?(peer: MemberId): void;
}

/** In a member's peer certificate: who it is. */
export function peerUri(clusterId: string, memberId: MemberId): string {
  return `troupe://${clusterId}/member/${memberId}`;
}

interface Peer {
  readonly id: MemberId;
  address: string | undefined;
  /** Ours, by lane. */
  readonly dialed: Map<Lane, PeerLink>;
  readonly dialing: Set<Lane>;
  /** Theirs. */
  readonly called: Set<PeerLink>;
  incarnation: number;
  failures: number;
  /** When it was told something last, and since when all of that is without a word from it. */
  toldMs: Millis;
  unansweredMs: Millis;
  timer: Timer | undefined;
  isWanted: boolean;
}

export class PeerTransport implements Transport {
  readonly #options: PeerTransportOptions;
  readonly #encoder: Encoder;
  readonly #peers: Map<MemberId, Peer> = new Map();
  #handlers: PeerHandlers | undefined;
  #listener: Listener | undefined;
  #isStopped = false;

  constructor(options: PeerTransportOptions) {
    this.#options = options;
    this.#encoder = new Encoder(options.crypto);
  }

  /** Between `open` and `start` of the log. Answers the port it listens on. */
  async start(handlers: PeerHandlers): Promise<number> {
    this.#handlers = handlers;
    const { sockets, listenAt, credentials } = this.#options;
    this.#listener = await sockets.listen(listenAt, credentials, (connection) => this.#accept(connection));
    for (const peer of this.#peers.values()) this.#dialSoon(peer, "log");
    return this.#listener.port;
  }

  stop(): void {
    this.#isStopped = true;
    this.#listener?.close();
    for (const peer of this.#peers.values()) this.#drop(peer);
    this.#peers.clear();
  }

  setPeers(peers: readonly PeerAddress[]): void {
    const wanted = new Set(peers.map(({ id }) => id));
    for (const { id, address } of peers) {
      const peer = this.#peerOf(id);
      peer.isWanted = true;
      if (peer.address === address) continue;
      peer.address = address;
      for (const link of peer.dialed.values()) link.close("its address has changed");
      this.#dialSoon(peer, "log");
    }
    for (const peer of this.#peers.values()) {
      if (wanted.has(peer.id)) continue;
      // A word of farewell may be under way on it; it is closed by the other end, or when it calls again.
      peer.isWanted = false;
      peer.timer?.cancel();
    }
  }

  /** Best effort: nothing waits for a connection. */
  send(to: MemberId, message: PeerMessage | CallMessage): void {
    const { carry } = this.#options;
    if (carry === undefined) return this.#send(to, message);
    carry(this.#known().memberId, to, message, () => this.#send(to, message));
  }

  #send(to: MemberId, message: PeerMessage | CallMessage): void {
    const peer = this.#peers.get(to);
    if (peer === undefined) return;
    const lane = laneOf(message);
    const link =
      peer.dialed.get(lane) ?? [...peer.called].findLast((one) => one.lane === lane) ?? peer.dialed.get("log");
    // One that cannot be reached for the log cannot be reached for anything.
    if (lane !== "log" && !peer.dialed.has(lane) && peer.dialed.has("log")) void this.#dial(peer, lane);
    if (link === undefined) return;
    if (lane === "log" && this.#isUnanswered(peer)) return link.close("nothing is heard of it");
    // What waits is late already: the window of the log notices what is missing, and sends it again.
    if (link.pendingBytes > raftLimits.peerPendingBytes && message.type === "append") return;
    link.send(message);
  }

  /**
   * Behind a network that was cut for minutes a connection may rest as long again before it carries anything: a new
   * one is there at once.
   */
  #isUnanswered(peer: Peer): boolean {
    const now = this.#options.clock.mono();
    if (now - peer.toldMs > raftLimits.peerRestMs) peer.unansweredMs = now;
    peer.toldMs = now;
    if (now - peer.unansweredMs < raftLimits.peerSilentMs) return false;
    peer.unansweredMs = now;
    return true;
  }

  #take(peer: Peer, message: PeerMessage | CallMessage): void {
    const handlers = this.#known();
    const { id } = peer;
    peer.unansweredMs = this.#options.clock.mono();
    if (isCall(message)) handlers.call?.(id, message);
    else handlers.receive(id, message);
  }

  #peerOf(id: MemberId): Peer {
    let peer = this.#peers.get(id);
    if (peer === undefined) {
      peer = {
        id,
        address: undefined,
        dialed: new Map(),
        dialing: new Set(),
        called: new Set(),
        incarnation: 0,
        failures: 0,
        toldMs: Number.NEGATIVE_INFINITY,
        unansweredMs: 0,
        timer: undefined,
        isWanted: false,
      };
      this.#peers.set(id, peer);
    }
    return peer;
  }

  #drop(peer: Peer): void {
    peer.timer?.cancel();
    for (const link of [...peer.dialed.values(), ...peer.called]) link.close("the member stops");
  }

  #hello(lane: Lane): Hello {
    const { clusterId, memberId, incarnation } = this.#known();
    return { type: "hello", clusterId, memberId, incarnation, lane };
  }

  #known(): PeerHandlers {
    if (this.#handlers === undefined) throw new Error("a transport is started before it is used");
    return this.#handlers;
  }

  #dialSoon(peer: Peer, lane: Lane): void {
    if (this.#isStopped || this.#handlers === undefined || !peer.isWanted || peer.address === undefined) return;
    const { peerRedialMinMs, peerRedialMaxMs } = raftLimits;
    const waitMs = peer.failures === 0 ? 0 : Math.min(peerRedialMinMs * 2 ** (peer.failures - 1), peerRedialMaxMs);
    peer.timer?.cancel();
    peer.timer = this.#options.clock.after(waitMs, () => void this.#dial(peer, lane), { daemon: true });
  }

  async #dial(peer: Peer, lane: Lane): Promise<void> {
    const at = splitAddress(peer.address);
    if (at === undefined || this.#isStopped || peer.dialing.has(lane) || peer.dialed.has(lane)) return;
    const { sockets, credentials, log } = this.#options;
    peer.dialing.add(lane);
    try {
      const connection = await sockets.dial({ ...at, timeoutMs: raftLimits.peerDialMs }, credentials());
      if (this.#isStopped) return connection.stream.destroy();
      this.#call(peer, lane, connection);
    } catch (error) {
      peer.dialing.delete(lane);
      peer.failures += 1;
      if (peer.failures === 1) log("info", "peer-unreachable", { member: peer.id, reason: messageOf(error) });
      if (lane === "log") this.#dialSoon(peer, lane);
    }
  }

  /** We say who we are; the link counts once the other end has answered the same way. */
  #call(peer: Peer, lane: Lane, connection: SecureConnection): void {
    const { clock, crypto, log } = this.#options;
    const handlers = this.#known();
    let isUp = false;
    const link: PeerLink = new PeerLink({
      clock,
      crypto,
      encoder: this.#encoder,
      stream: connection.stream,
      lane,
      onHello: (hello) => {
        const why = this.#objection(hello, connection, peer.id);
        if (why !== "") return link.close(why);
        this.#meet(peer, hello.incarnation);
        isUp = true;
        peer.failures = 0;
        peer.dialing.delete(lane);
        peer.dialed.set(lane, link);
        if (lane !== "log") return;
        handlers.link(peer.id, true);
        // Commands go on it once the other one leads: that is no time to shake hands.
        if (handlers.call !== undefined) void this.#dial(peer, "call");
      },
      onRefused: ({ why, isRemoved }) => {
        log("warn", "peer-refuses", { member: peer.id, reason: why });
        const isThem = connection.peerUris.includes(peerUri(handlers.clusterId, peer.id));
        if (isRemoved && isThem) handlers.receive(peer.id, { type: "removed", term: 0 });
      },
      onMessage: (message) => this.#take(peer, message),
      onClose: (reason, isLost) => {
        peer.dialing.delete(lane);
        if (peer.dialed.get(lane) === link) peer.dialed.delete(lane);
        if (!isUp) peer.failures += 1;
        if (this.#isStopped) return;
        if (isUp && lane === "log") {
          log("info", "peer-lost", { member: peer.id, reason });
          handlers.link(peer.id, false);
        }
        if (isUp && isLost) this.#suspect(peer, lane, reason);
        if (isUp && lane !== "bulk") handlers.callsLost?.(peer.id);
        if (lane === "log") this.#dialSoon(peer, lane);
      },
    });
    link.send(this.#hello(lane));
  }

  #accept(connection: SecureConnection): void {
    const { clock, crypto, log } = this.#options;
    const handlers = this.#known();
    let peer: Peer | undefined;
    const link: PeerLink = new PeerLink({
      clock,
      crypto,
      encoder: this.#encoder,
      stream: connection.stream,
      lane: "log",
      onHello: (hello) => {
        const why = this.#objection(hello, connection, hello.memberId);
        if (why !== "") {
          log("warn", "peer-refused", { member: hello.memberId, reason: why });
          link.send({ type: "refused", why, isRemoved: handlers.isRemoved(hello.memberId) });
          return link.finish();
        }
        peer = this.#peerOf(hello.memberId);
        this.#meet(peer, hello.incarnation);
        link.lane = hello.lane;
        peer.called.add(link);
        link.send(this.#hello(hello.lane));
        // It is there: no reason to wait before we call it.
        peer.failures = 0;
        if (!peer.dialed.has("log")) this.#dialSoon(peer, "log");
      },
      onRefused: () => undefined,
      onMessage: (message) => {
        if (peer !== undefined) this.#take(peer, message);
      },
      onClose: (reason, isLost) => {
        if (peer?.called.delete(link) !== true) return;
        if (isLost) this.#suspect(peer, link.lane, reason);
        if (link.lane !== "bulk") handlers.callsLost?.(peer.id);
      },
    });
  }

  /**
   * Of a process that dies the system closes one connection after the other, which takes it milliseconds: with the
   * first one ours for the log is given up. If the other end lives, the next call finds it.
   */
  #suspect(peer: Peer, lane: Lane, reason: string): void {
    if (!this.#isStopped && lane !== "bulk") peer.dialed.get("log")?.close(reason);
  }

  /** Why the other end is not who it should be; empty if it is. */
  #objection({ clusterId, memberId }: Hello, { peerUris }: SecureConnection, expected: MemberId): string {
    const { clusterId: own, isRemoved } = this.#known();
    if (clusterId !== own) return `it belongs to cluster ${clusterId}, not to ${own}`;
    if (memberId !== expected) return `it is member ${memberId}, not ${expected}`;
    if (!peerUris.includes(peerUri(own, memberId))) return `its certificate does not speak for member ${memberId}`;
    return isRemoved.call(this.#known(), memberId) ? `member ${memberId} was removed` : "";
  }

  /** A new life of the member: what its earlier one sent does not arrive any more. */
  #meet(peer: Peer, incarnation: number): void {
    if (incarnation <= peer.incarnation) return;
    peer.incarnation = incarnation;
    for (const link of [...peer.dialed.values(), ...peer.called]) link.close("the member has started anew");
  }
}

function laneOf(message: PeerMessage | CallMessage): Lane {
  if (isCall(message)) return "call";
  return message.type.startsWith("snapshot") ? "bulk" : "log";
}

function splitAddress(address: string | undefined): { readonly host: string; readonly port: number } | undefined {
  const colon = address?.lastIndexOf(":") ?? -1;
  if (address === undefined || colon < 0) return undefined;
  const host = address.slice(0, colon).replace(/^\[|\]$/g, "");
  return { host, port: Number(address.slice(colon + 1)) };
}
