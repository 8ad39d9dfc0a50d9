/**
 * How many connections a port holds: REST and gRPC each count their own. A connection belongs to the user
 * of its client certificate, and to its address as long as nobody knows whose it is. What is beyond a bound
 * is told so and then closed; what is far beyond it is cut before TLS, which costs next to nothing.
 *
 * A part of the whole is kept for those who show a certificate: strangers cannot lock out who runs the
 * cluster.
 */
import type { Socket } from "node:net";
import type { Server, TLSSocket } from "node:tls";

export interface ConnectionLimits {
  /** Open connections; beyond it new ones are told to come back. */
  readonly all: number;
  /** Of `all`, those that only a verified client certificate may have. */
  readonly reserved: number;
  /** Of one user, known by certificate or by what the door found out. */
  readonly perUser: number;
  /** Of one address, as long as nobody knows whose they are. */
  readonly perAddress: number;
}

export const usualConnections: ConnectionLimits = { all: 4_000, reserved: 400, perUser: 1_000, perAddress: 200 };

/** Beyond this multiple of a bound a connection is cut before TLS. */
const cutRatio = 2;

/** One connection, for those who serve its requests. */
export interface Connection {
  /** Why its requests are refused; undefined: they are served. */
  readonly refusal: string | undefined;
  /** The door has found out who asks. False: the user has too many connections, and this one is refused from now on. */
  belongsTo(user: string): boolean;
}

export interface Connections {
  of(socket: TLSSocket): Connection | undefined;
}

/** A property, for what an HTTP/2 session calls its socket is not the socket but lets its properties be read. */
const entryOf = Symbol("connection");

/** Watches the connections of a server. To be called before it listens. */
export function countConnections(
  server: Server,
  limits: ConnectionLimits,
  userOf: (socket: TLSSocket) => string | undefined,
): Connections {
  const counts: Counts = { limits, secure: 0, byUser: new Map(), byAddress: new Map() };
  const raw = new Map<string, number>();
  // Node itself cuts what is beyond before anything is made for it.
  server.maxConnections = limits.all * cutRatio;
  server.prependListener("connection", (socket: Socket) => {
    const address = socket.remoteAddress ?? "";
    add(raw, address, 1);
    socket.once("close", () => add(raw, address, -1));
    const strangers = counts.byAddress.get(address) ?? 0;
    const mostRaw = limits.perUser + limits.perAddress * cutRatio;
    if (strangers >= limits.perAddress * cutRatio || (raw.get(address) ?? 0) > mostRaw) socket.destroy();
  });
  server.on("secureConnection", (socket: TLSSocket) => {
    const entry = new Entry(counts, socket.remoteAddress ?? "", userOf(socket));
    Object.defineProperty(socket, entryOf, { value: entry });
    socket.once("close", () => entry.close());
  });
  return { of: (socket) => (socket as { readonly [entryOf]?: Entry })[entryOf] };
}

interface Counts {
  readonly limits: ConnectionLimits;
  secure: number;
  readonly byUser: Map<string, number>;
  readonly byAddress: Map<string, number>;
}

class Entry implements Connection {
  refusal: string | undefined;
  readonly #counts: Counts;
  readonly #address: string;
  #user: string | undefined;

  constructor(counts: Counts, address: string, user: string | undefined) {
    this.#counts = counts;
    this.#address = address;
    const { limits } = counts;
    counts.secure += 1;
    const most = user === undefined ? limits.all - limits.reserved : limits.all;
    if (counts.secure > most) this.refusal = `this server has ${most} connections, which is all that it takes`;
    if (user !== undefined) this.#take(user);
    else if (add(counts.byAddress, address, 1) > limits.perAddress) {
      this.refusal ??= `${limits.perAddress} connections of this address have not said whose they are: no more of them`;
    }
  }

  belongsTo(user: string): boolean {
    // A certificate has said it, or an earlier request.
    if (this.#user !== undefined) return this.refusal === undefined;
    add(this.#counts.byAddress, this.#address, -1);
    this.#take(user);
    return this.refusal === undefined;
  }

  close(): void {
    this.#counts.secure -= 1;
    if (this.#user === undefined) add(this.#counts.byAddress, this.#address, -1);
    else add(this.#counts.byUser, this.#user, -1);
  }

  #take(user: string): void {
    const { limits, byUser } = this.#counts;
    this.#user = user;
    if (add(byUser, user, 1) > limits.perUser) {
      this.refusal ??= `user ${JSON.stringify(user)} has ${limits.perUser} connections, which is all that one user may have`;
    }
  }
}

/** Answers the new count; a count of none is no entry. */
function add(counts: Map<string, number>, key: string, by: 1 | -1): number {
  const now = (counts.get(key) ?? 0) + by;
  if (now <= 0) counts.delete(key);
  else counts.set(key, now);
  return now;
}
