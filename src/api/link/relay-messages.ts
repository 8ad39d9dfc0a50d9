/** What masters tell each other of streams to containers, and what the leader's end needs. */
import type { ForwardPort, RelayMessage } from "../../actors/runtime/forwarding.ts";
import type { Clock } from "../../env/env.ts";
import { utf8 } from "../../util/bytes.ts";
import type { Status } from "../../util/errors.ts";
import type { Millis } from "../../util/time.ts";
import type { NodeStreamRequest, NodeStreams, StreamAsker } from "../node-streams.ts";
import { statusOf } from "../rest/respond.ts";

export interface RelayServerOptions {
  readonly clock: Clock;
  readonly leads: () => boolean;
  /** To nodes whose links this master holds. */
  readonly local: NodeStreams;
  readonly port: ForwardPort;
  /** Throws StatusError. */
  readonly authorize: (asker: StreamAsker) => void;
  /** When this master, as the leader, heard each node last. */
  readonly heard: () => readonly (readonly [node: string, atMs: Millis])[];
}

export type RelayPart = Pick<RelayMessage, "step"> & Partial<Pick<RelayMessage, "channel" | "amount" | "body">>;

/** What an `open` holds, as JSON. */
export interface OpenContent {
  readonly node: string;
  readonly request: NodeStreamRequest;
  readonly asker: StreamAsker;
}

/** What a `refused` holds. Empty: that master does not lead. */
export interface RefusedContent {
  readonly status?: Status;
}

export function refusal(error: unknown): Uint8Array {
  return utf8(JSON.stringify({ status: statusOf(error) } satisfies RefusedContent));
}
