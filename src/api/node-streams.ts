import type { User } from "../actors/runtime/command.ts";
import type { Attributes } from "../auth/auth-api.ts";

/**
 * How the API reaches a container: through the link of the node that runs it (`api/link/`). The
 * virtual cluster answers it from its simulated nodes.
 */
export interface NodeStreams {
  /**
   * Throws StatusError 503 when no live link to `node` is known. Where another master holds the link, that one
   * authorises `asker` again.
   */
  open(node: string, request: NodeStreamRequest, asker?: StreamAsker): Promise<NodeStream>;
}

/** Who asks, and what this was authorised as. */
export interface StreamAsker {
  readonly user: User;
  readonly attributes: Attributes;
}

export type NodeStreamRequest =
  | {
      readonly kind: "logs";
      readonly podUid: string;
      readonly namespace: string;
      readonly pod: string;
      readonly container: string;
      /** The runtime's id of the container that ended last, where `options.previous` asks for it. */
      readonly previousId?: string;
      readonly options: LogOptions;
    }
  | {
      readonly kind: "exec";
      readonly podUid: string;
      readonly container: string;
      readonly command: readonly string[];
      readonly tty: boolean;
      readonly stdin: boolean;
      readonly stdout: boolean;
      readonly stderr: boolean;
    }
  | {
      readonly kind: "attach";
      readonly podUid: string;
      readonly container: string;
      readonly tty: boolean;
      readonly stdin: boolean;
      readonly stdout: boolean;
      readonly stderr: boolean;
    }
  /** An actor of the node that is held, or waits: it goes on. Answered by being opened. */
  | { readonly kind: "release"; readonly path: string }
  /** The machine of one of the node's actors, as JSON on channel 1; `state`: where it is. */
  | { readonly kind: "chart"; readonly path: string; readonly machine: string; readonly state: string }
  /** Raw SPDY/3.1 bytes of the port-forward protocol, relayed to the runtime. */
  | { readonly kind: "portforward"; readonly podUid: string };

export interface LogOptions {
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  readonly sinceSeconds?: number;
  readonly sinceTime?: string;
  readonly limitBytes?: number;
}

/**
 * Channels as in Kubernetes' remote command: 0 stdin, 1 stdout (and logs, port-forward bytes both
 * ways), 2 stderr, 3 error (the final Status as JSON), 4 resize (`{"Width":80,"Height":24}`).
 * An empty chunk with `end` closes that channel only.
 */
export interface StreamChunk {
  readonly channel: number;
  readonly bytes: Uint8Array;
  readonly end?: boolean;
}

export interface NodeStream {
  send(chunk: StreamChunk): void;
  /** Bytes that the other side has not taken. */
  readonly pending: number;
  /** Stops and goes on taking what the other side sends: back-pressure. */
  pause(): void;
  resume(): void;
  onChunk(run: (chunk: StreamChunk) => void): void;
  /** `error`: the link broke or the node refused; undefined: ended in order. */
  onClose(run: (error: Error | undefined) => void): void;
  close(): void;
}
