/** Messages of `proto/node.proto` as both ends of a link see them. */

export interface Up {
  readonly hello?: Hello | null;
  readonly heartbeat?: Heartbeat | null;
  readonly report?: Report | null;
}

export interface Hello {
  readonly node: string;
  readonly bootId: string;
  readonly clusterEpoch: string;
  readonly lastRevision: number;
  readonly version: string;
}

export interface Heartbeat {
  readonly sequence: number;
  readonly proxiedRevision: number;
  /** JSON of `ActorView[]`; absent (null off the wire) when unchanged. */
  readonly actors?: string | null;
}

export interface Report {
  readonly id: number;
  /** `WriteRequest` without `user`, as JSON. */
  readonly request: string;
}

export interface Down {
  readonly welcome?: Welcome;
  readonly rows?: Rows;
  readonly result?: ReportResult;
  readonly open?: OpenStream;
  readonly proxied?: Proxied;
}

export interface Welcome {
  readonly clusterEpoch: string;
  readonly revision: number;
  readonly clusterDomain: string;
  readonly serviceCidr: string;
  readonly dnsAddress: string;
}

export interface Rows {
  readonly rows: readonly LinkRow[];
  /** Where the node stands with these rows; 0: more of the same revision follow. */
  readonly revision: number;
  readonly synced: boolean;
}

export interface LinkRow {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly revision: number;
  /** JSON of the object; absent: deleted or no longer needed on this node. */
  readonly object?: Uint8Array;
}

export interface ReportResult {
  readonly id: number;
  readonly code: number;
  readonly body: string;
}

export interface OpenStream {
  readonly id: string;
  readonly request: string;
}

/** Newest revision that the proxies of all Ready nodes with a live link have programmed. */
export interface Proxied {
  readonly revision: number;
}

export interface Chunk {
  readonly id: string;
  readonly channel: number;
  readonly data: Uint8Array;
  readonly end: boolean;
  readonly error: string;
}
