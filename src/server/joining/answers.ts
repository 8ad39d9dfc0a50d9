/** What machines of a cluster ask a master, and what it answers: JSON over the API's port. Types and paths only. */

/** Anyone: the authorities of the masters' certificates. Compared with the pin before anything is told. */
export const authoritiesPath = "/troupe/v1/authorities";
/** With a token. */
export const joinMasterPath = "/troupe/v1/join/master";
/** With a token, or with the node's own certificate to have it renewed. */
export const joinNodePath = "/troupe/v1/join/node";
/** Administrators: authorities and sealing keys that all masters are to have from now on. */
export const keysPath = "/troupe/v1/keys";
/** Anyone: what a master says of itself. */
export const memberPath = "/troupe/v1/member";
/** Administrators and nodes look, administrators change. */
export const membersPath = "/troupe/v1/members";

export interface AuthoritiesAnswer {
  /** PEM, one or more certificates. */
  readonly authorities: string;
}

/** What all masters must agree on. */
export interface AgreedFacts {
  readonly name: string;
  readonly podCidr: string;
  readonly serviceCidr: string;
  readonly dnsAddress: string;
  readonly clusterDomain: string;
}

interface JoinRequest {
  /** `0.1.0` */
  readonly version: string;
  /** The machine's clock, ms since 1970. */
  readonly nowMs: number;
}

export interface JoinMasterRequest extends JoinRequest {
  /** Where the others will reach it. */
  readonly host: string;
  readonly peerPort: number;
  /** What its flags say; facts that were not given are missing. */
  readonly wished: Partial<AgreedFacts>;
  /** Whether it was started with `--enable-faults`; missing: it is too old to say. */
  readonly faults?: boolean;
}

export interface JoinMasterAnswer {
  /** Identity in the log. */
  readonly clusterId: string;
  readonly memberId: number;
  /** The cluster's part of the file `cluster.json`. */
  readonly cluster: ClusterPart;
  /** The folder `pki` by file name: authorities with their keys, what signs tokens and seals Secrets. */
  readonly keys: Readonly<Record<string, string>>;
  /** What a person should know: an even number of masters. Empty if there is nothing. */
  readonly advice: string;
}

export interface JoinNodeRequest extends JoinRequest {
  readonly node: string;
  /** PKCS #10, PEM: the key stays where it is. */
  readonly signingRequest: string;
}

export interface JoinNodeAnswer {
  readonly certificate: string;
  readonly authorities: string;
  readonly cluster: ClusterPart;
  /** `host:port` of the masters' API. */
  readonly masters: readonly string[];
}

export interface ClusterPart extends AgreedFacts {
  /** The epoch: another one after a restore. */
  readonly id: string;
  readonly epoch: number;
}

export interface KeysRequest {
  /** Of the folder `pki`, by file name. */
  readonly files: Readonly<Record<string, string>>;
}

export interface MembersAnswer {
  /** The member that answers. */
  readonly from: number;
  readonly leader: number | undefined;
  readonly term: number;
  readonly members: readonly MemberAnswer[];
  readonly removed: readonly number[];
  readonly advice: string;
}

export interface MemberAnswer {
  readonly id: number;
  readonly role: "leader" | "voter" | "learner" | "reader";
  /** `host:port` of its API; undefined where the configuration does not say. */
  readonly api: string | undefined;
  /** What only the leader knows: entries that it lacks, and ms since it was heard. */
  readonly lagEntries?: number;
  readonly silentMs?: number;
}

export type MemberChange =
  | { readonly type: "promote"; readonly id: number }
  | { readonly type: "remove"; readonly id: number; readonly isForced: boolean }
  | { readonly type: "replace"; readonly id: number; readonly by: number }
  | { readonly type: "transfer"; readonly id: number }
  /** `address`: `host:port` of its peer port. */
  | { readonly type: "setAddress"; readonly id: number; readonly address: string };

/** An answer with another status than 200. */
export interface RefusalAnswer {
  readonly code: string;
  readonly message: string;
  readonly cause?: string;
  readonly hint?: string;
  /** Ask there instead: `host:port` of the leader's API (status 421). */
  readonly leader?: string;
}

/** A master has three ports in a row: API, gRPC, peers. Who knows the last knows all. */
export const peerPortOffset = 2;

/** `10.0.0.1:6445` (peers) → `10.0.0.1:6443` (API). */
export function apiOfPeer(address: string): string {
  const at = address.lastIndexOf(":");
  return `${address.slice(0, at)}:${Number(address.slice(at + 1)) - peerPortOffset}`;
}
