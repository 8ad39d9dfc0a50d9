import type { MemberId, Message } from "./core/types.ts";

/**
 * How members talk. The core's messages and those that carry a snapshot go the same way; each is
 * best effort. Between two members messages keep their order within one connection, and a transport
 * lets go of a peer's old connections before it hands over the first message of a new one: an
 * acknowledgement from before a restart must not arrive after it.
 */
export interface Transport {
  send(to: MemberId, message: PeerMessage): void;
  /** Whom the configuration names, without this member; told at the start and whenever it changes. */
  setPeers?(peers: readonly PeerAddress[]): void;
}

export interface PeerAddress {
  readonly id: MemberId;
  /** `host:port`; undefined where the configuration does not say. */
  readonly address: string | undefined;
}

export type PeerMessage = Message | SnapshotMessage;

/**
 * A command of another member's client on its way to the leader, and what it came to. They travel
 * beside the log, which knows nothing of them; either may be lost, doubled or late.
 */
export type CallMessage = CommandMessage | RelayMessage;

/**
 * A stream to a container that one member's client asked for and another member holds. Numbers of streams are the
 * origin's, of its life `incarnation`.
 */
export interface RelayMessage {
  readonly type: "relay";
  readonly incarnation: number;
  readonly stream: number;
  /** `end`: the last chunk of a channel; `ack`: `amount` bytes were taken; `heard`: when nodes were, without a stream. */
  readonly step: "open" | "opened" | "refused" | "chunk" | "end" | "ack" | "close" | "heard";
  readonly toOrigin: boolean;
  readonly channel: number;
  readonly amount: number;
  readonly body: Uint8Array;
}

export type CommandMessage =
  | {
      readonly type: "command";
      /** Evaluated only by the leader of this term. */
      readonly term: number;
      /** With the sender's number and `sequence`: the command's id. */
      readonly incarnation: number;
      readonly sequence: number;
      /** What the sender does not ask for again. */
      readonly resultsUpTo: number;
      readonly body: Uint8Array;
    }
  | {
      readonly type: "answer";
      readonly term: number;
      readonly incarnation: number;
      readonly sequence: number;
      /** The answer holds in every state from this entry on. */
      readonly index: number;
      readonly body: Uint8Array;
    };

/** Beside the log, not of it. */
export function isCall(message: PeerMessage | CallMessage): message is CallMessage {
  return message.type === "command" || message.type === "answer" || message.type === "relay";
}

/** Names one file of bytes, so that a broken transfer goes on only with the same. */
export interface SnapshotId {
  readonly index: number;
  readonly term: number;
  readonly sizeBytes: number;
  /** Of the file's footer, which holds the crc of every block. */
  readonly crc: number;
}

export type SnapshotMessage =
  /** The leader has a snapshot for the receiver, who says from where on it needs it. */
  | { readonly type: "snapshotOffer"; readonly term: number; readonly id: SnapshotId }
  | {
      readonly type: "snapshotChunk";
      readonly term: number;
      readonly id: SnapshotId;
      readonly offset: number;
      readonly crc: number;
      readonly bytes: Uint8Array;
    }
  | {
      readonly type: "snapshotAck";
      readonly term: number;
      readonly id: SnapshotId;
      /** Everything below is on stable storage. */
      readonly offset: number;
      /** `more`: go on; `again`: from `offset`, something is missing; `done`: installed; `broken`: the whole does not hold together. */
      readonly state: "more" | "again" | "done" | "broken";
    };
