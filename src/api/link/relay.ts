/**
 * Streams to containers from any master. Nodes link to the leader, so another master asks it over the peers'
 * connections, and both carry the chunks. The leader authorises again by what the first one has asked for. A stream
 * ends with the connection or the term that carries it; nothing is opened twice. Followers also learn here when nodes
 * were last heard.
 */
import { serviceUnavailable } from "../../kinds/status-errors.ts";
import type { RelayMessage } from "../../actors/runtime/forwarding.ts";
import { textOf, utf8 } from "../../util/bytes.ts";
import { StatusError } from "../../util/errors.ts";
import type { Millis } from "../../util/time.ts";
import type { NodeStream, NodeStreamRequest, NodeStreams, StreamAsker } from "../node-streams.ts";
import { linkLimits } from "./limits.ts";
import type { OpenContent, RefusedContent, RelayServerOptions } from "./relay-messages.ts";
import { RelayedStream } from "./relayed-stream.ts";
import { RelayServer } from "./relay-server.ts";

export interface NodeRelayOptions extends RelayServerOptions {
  readonly leader: () => number | undefined;
  readonly identity: { readonly member: number; readonly incarnation: number };
}

interface Opening {
  readonly leader: number;
  readonly stream: RelayedStream;
  readonly resolve: (stream: NodeStream | undefined) => void;
  readonly reject: (error: Error) => void;
}

export class NodeRelay implements NodeStreams {
  readonly #options: NodeRelayOptions;
  readonly #server: RelayServer;
  readonly #opening = new Map<number, Opening>();
  readonly #open = new Map<number, { readonly leader: number; readonly stream: RelayedStream }>();
  #heard: ReadonlyMap<string, Millis> = new Map();
  #last = 0;

  constructor(options: NodeRelayOptions) {
    this.#options = options;
    this.#server = new RelayServer(options);
    this.#askForHeard();
  }

  async open(node: string, request: NodeStreamRequest, asker?: StreamAsker): Promise<NodeStream> {
    const { clock, identity, leads, local } = this.#options;
    const untilMs = clock.mono() + linkLimits.openStreamMs;
    for (;;) {
      if (leads()) return local.open(node, request, asker);
      const leader = this.#options.leader();
      const isElsewhere = leader !== undefined && leader !== identity.member;
      const stream =
        isElsewhere && asker !== undefined ? await this.#openAt(leader, { node, request, asker }) : undefined;
      if (stream !== undefined) return stream;
      if (clock.mono() >= untilMs)
        throw serviceUnavailable(`no link to node ${node}: there is no leader that holds it`);
      await new Promise<void>((resolve) => void clock.after(linkLimits.relayRetryMs, resolve, { daemon: true }));
    }
  }

  /** When the leader heard the node last, as far as is known here. */
  lastHeard(node: string): { readonly atMs: Millis } | undefined {
    const atMs = this.#heard.get(node);
    return atMs === undefined ? undefined : { atMs };
  }

  take(from: number, message: RelayMessage): void {
    if (!message.toOrigin) return this.#server.take(from, message);
    if (message.incarnation !== this.#options.identity.incarnation) return;
    if (message.step === "heard") {
      this.#heard = new Map(JSON.parse(textOf(message.body)) as readonly (readonly [string, Millis])[]);
      return;
    }
    const opening = this.#opening.get(message.stream);
    if (opening !== undefined) return this.#opened(opening, message);
    const open = this.#open.get(message.stream);
    if (open?.leader === from) open.stream.take(message);
  }

  /** What went over the connections to that master has ended. */
  lost(peer: number): void {
    this.#server.lost(peer);
    const why = serviceUnavailable("the connection to the leader broke");
    for (const [id, { leader, reject }] of this.#opening) {
      if (leader !== peer) continue;
      this.#opening.delete(id);
      reject(why);
    }
    for (const { leader, stream } of this.#open.values()) if (leader === peer) stream.end(why);
  }

  /** The term is over: who had asked us asks the next leader. */
  release(): void {
    this.#server.release();
  }

  /** Undefined: that master does not lead. */
  #openAt(leader: number, content: OpenContent): Promise<NodeStream | undefined> {
    const { port, identity, clock } = this.#options;
    this.#last += 1;
    const id = this.#last;
    const address = { type: "relay", incarnation: identity.incarnation, stream: id, toOrigin: false } as const;
    const stream = new RelayedStream({
      send: (message) => port.send(leader, { ...address, channel: 0, amount: 0, body: new Uint8Array(), ...message }),
      ended: () => void this.#open.delete(id),
    });
    return new Promise((resolve, reject) => {
      // Longer than the leader waits for the node.
      const late = clock.after(
        2 * linkLimits.openStreamMs,
        () => {
          if (!this.#opening.delete(id)) return;
          stream.close();
          reject(serviceUnavailable("the leader did not open the stream in time"));
        },
        { daemon: true },
      );
      const settled =
        <T>(run: (value: T) => void) =>
        (value: T): void => {
          late.cancel();
          run(value);
        };
      this.#opening.set(id, { leader, stream, resolve: settled(resolve), reject: settled(reject) });
      const body = utf8(JSON.stringify(content));
      port.send(leader, { ...address, step: "open", channel: 0, amount: 0, body });
    });
  }

  #opened({ leader, stream, resolve, reject }: Opening, message: RelayMessage): void {
    this.#opening.delete(message.stream);
    if (message.step === "opened") {
      this.#open.set(message.stream, { leader, stream });
      return resolve(stream);
    }
    const { status } = (message.body.length === 0 ? {} : JSON.parse(textOf(message.body))) as RefusedContent;
    if (status === undefined) resolve(undefined);
    else reject(new StatusError(status));
  }

  /** Again and again, as long as this master lives; a leader needs not ask. */
  #askForHeard(): void {
    const { clock, leads, port, identity } = this.#options;
    clock.after(
      linkLimits.heardEveryMs,
      () => {
        this.#askForHeard();
        const leader = this.#options.leader();
        if (leads() || leader === undefined || leader === identity.member) return;
        port.send(leader, {
          type: "relay",
          incarnation: identity.incarnation,
          stream: 0,
          step: "heard",
          toOrigin: false,
          channel: 0,
          amount: 0,
          body: new Uint8Array(),
        });
      },
      { daemon: true },
    );
  }
}
