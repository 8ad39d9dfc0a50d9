import type { VersionInfo } from "../api/rest/door.ts";
import type { TokenClaims, TokenIssuer } from "../auth/auth-api.ts";
import { unauthorized } from "../kinds/status-errors.ts";
import type { ClusterFacts } from "../server/core.ts";
import { StatusError } from "../util/errors.ts";

/** What simulated masters say of themselves and of their cluster. */
export const simFacts: ClusterFacts = {
  name: "virtual",
  epoch: "epoch-1",
  clusterDomain: "cluster.local",
  podCidr: "10.42.0.0/16",
  serviceCidr: "10.43.0.0/16",
  dnsAddress: "10.43.0.10",
};

export const simAudiences: readonly string[] = ["https://kubernetes.default.svc.cluster.local"];
export const simVersion: VersionInfo = {
  major: "1",
  minor: "33",
  gitVersion: "v1.33.0+troupe",
  gitCommit: "",
  gitTreeState: "clean",
  buildDate: "",
  goVersion: "",
  compiler: "",
  platform: "linux/amd64",
};

/** Tokens without a signature: signing takes real time, which a virtual cluster has none of. */
export const plainTokens: TokenIssuer = {
  issue: async (claims) => ({
    token: `virtual.${encodeURIComponent(JSON.stringify(claims))}`,
    expirationTimestamp: "2030-01-01T00:00:00Z",
  }),
  verify: async (token) => {
    try {
      const claims: unknown = JSON.parse(decodeURIComponent(token.slice("virtual.".length)));
      if (typeof claims === "object" && claims !== null && "namespace" in claims) return claims as TokenClaims;
    } catch (error) {
      throw new StatusError(unauthorized().status, { cause: error });
    }
    throw unauthorized();
  },
};
