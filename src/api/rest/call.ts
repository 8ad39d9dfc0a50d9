import type { WriteHost } from "../../actors/runtime/host-api.ts";
import type { User } from "../../actors/runtime/command.ts";
import type { Attributes, Authenticator, Authorizer, TokenIssuer } from "../../auth/auth-api.ts";
import type { Env } from "../../env/env.ts";
import type { HttpExchange } from "../../env/http.ts";
import type { Kind } from "../../kinds/kind.ts";
import type { CommittedStore } from "../../store/store-api.ts";
import type { KindIndex } from "../kind-index.ts";
import type { NodeStreams, StreamAsker } from "../node-streams.ts";
import type { Seats } from "../seats.ts";
import type { Discovery } from "./discovery.ts";
import type { HealthCheck } from "./health.ts";
import type { WatchCounts } from "./watch-counts.ts";
import type { WatchGroups } from "./watch-groups.ts";
import type { Metrics } from "./metrics.ts";
import type { Target } from "./target.ts";
import type { EventCache } from "./event-cache.ts";
import type { NodeLeaseOptions, NodeLeases } from "./node-leases.ts";
import type { Virtual } from "./virtual.ts";
import type { OpenApi } from "../openapi/documents.ts";

/** What `kubectl version` shows of the server. */
export interface VersionInfo {
  readonly major: string;
  readonly minor: string;
  /** A semantic version: `v1.33.0+troupe`. */
  readonly gitVersion: string;
  readonly gitCommit: string;
  readonly gitTreeState: string;
  readonly buildDate: string;
  readonly goVersion: string;
  readonly compiler: string;
  readonly platform: string;
}

export interface RestDoorOptions {
  readonly host: WriteHost;
  readonly store: CommittedStore;
  readonly kinds: readonly Kind[];
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly tokenIssuer: TokenIssuer;
  readonly nodeStreams: NodeStreams;
  readonly env: Env;
  readonly version: VersionInfo;
  /** Audiences that tokens for the API itself carry. */
  readonly audiences?: readonly string[];
  /** Checks of `/readyz` beyond `ping`. */
  readonly readiness?: readonly HealthCheck[];
  /** Waited for before a user is refused: a master that does not lead may not have heard yet of what lets it. */
  readonly beforeRefusal?: () => Promise<void>;
  /** Shared with the other doors. Default: the door's own. */
  readonly seats?: Seats;
  /** Further metrics: blocks of lines, each ended. */
  readonly moreMetrics?: () => readonly string[];
  /** When a node was last heard, for its Lease. Default: no node was. */
  readonly lastHeard?: NodeLeaseOptions["lastHeard"];
  /** `host:port` that `/api` names to its clients. */
  readonly serverAddress?: string;
}

/** The door with everything that is made once. */
export interface Door extends RestDoorOptions {
  readonly seats: Seats;
  readonly watchCounts: WatchCounts;
  readonly catalogue: KindIndex;
  readonly discovery: Discovery;
  readonly openApi: OpenApi;
  readonly metrics: Metrics;
  readonly events: EventCache;
  readonly watchGroups: WatchGroups;
  readonly virtual: Virtual;
  readonly leases: NodeLeases;
}

/** One request on its way. */
export interface Call {
  readonly door: Door;
  readonly exchange: HttpExchange;
  readonly target: Target;
  readonly user: User;
  /** What it was authorised as, where that was one thing. */
  readonly attributes: Attributes | undefined;
}

/** For a stream that another master may have to open. */
export function askerOf({ user, attributes }: Call): StreamAsker | undefined {
  return attributes === undefined ? undefined : { user, attributes };
}
