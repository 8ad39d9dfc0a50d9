/**
 * ServiceAccount tokens: JWTs of the shape that Kubernetes issues, signed with ES256. Whether the
 * bound objects still exist is the authenticator's to ask; here only signature, times and issuer.
 */
import { SignJWT, importPKCS8, importSPKI, jwtVerify } from "jose";
import { errors as joseErrors } from "jose";
import type { Clock, Rng } from "../env/env.ts";
import { unauthorized as refused } from "../kinds/status-errors.ts";
import { StatusError } from "../util/errors.ts";
import type { TokenClaims, TokenIssuer } from "./auth-api.ts";

export interface TokenIssuerOptions {
  /** `iss`: `https://kubernetes.default.svc.cluster.local`. */
  readonly issuer: string;
  /** Audiences that this API accepts. */
  readonly audiences: readonly string[];
  /** PEM, PKCS #8 and SPKI. */
  readonly signingKey: string;
  readonly verifyingKeys: readonly string[];
  readonly clock: Clock;
  readonly random: Rng;
}

/** Private claim of Kubernetes' tokens. */
interface KubernetesClaim {
  readonly namespace: string;
  readonly serviceaccount: { readonly name: string; readonly uid: string };
  readonly pod?: { readonly name: string; readonly uid: string };
  readonly node?: { readonly name: string; readonly uid: string };
  readonly warnafter?: number;
}

/** A pod's token is told to be renewed after this long where it was asked for 3607 s (client libraries' magic). */
const warnAfterSeconds = 3_607;

export async function createTokenIssuer(options: TokenIssuerOptions): Promise<TokenIssuer> {
  const signing = await importPKCS8(options.signingKey, "ES256");
  const verifying = await Promise.all(options.verifyingKeys.map((key) => importSPKI(key, "ES256")));

  return {
    async issue(claims) {
      const issuedAt = Math.floor(options.clock.wall() / 1_000);
      const expiresAt = issuedAt + claims.expirationSeconds;
      const kubernetes: KubernetesClaim = {
        namespace: claims.namespace,
        ...(claims.node === undefined ? {} : { node: claims.node }),
        ...(claims.pod === undefined ? {} : { pod: claims.pod }),
        serviceaccount: claims.serviceAccount,
        ...(claims.expirationSeconds === warnAfterSeconds ? { warnafter: issuedAt + warnAfterSeconds } : {}),
      };
      const token = await new SignJWT({ "kubernetes.io": kubernetes })
        .setProtectedHeader({ alg: "ES256", typ: "JWT" })
        .setIssuer(options.issuer)
        .setSubject(`system:serviceaccount:${claims.namespace}:${claims.serviceAccount.name}`)
        .setAudience([...(claims.audiences.length > 0 ? claims.audiences : options.audiences)])
        .setIssuedAt(issuedAt)
        .setNotBefore(issuedAt)
        .setExpirationTime(expiresAt)
        .setJti(options.random.uuid())
        .sign(signing);
      return { token, expirationTimestamp: `${new Date(expiresAt * 1_000).toISOString().slice(0, 19)}Z` };
    },

    async verify(token) {
      for (const key of verifying) {
        try {
          const { payload } = await jwtVerify(token, key, {
            issuer: options.issuer,
            audience: [...options.audiences],
            currentDate: new Date(options.clock.wall()),
          });
          return claimsOf(payload["kubernetes.io"], payload);
        } catch (error) {
          if (!(error instanceof joseErrors.JOSEError)) throw error;
          if (!(error instanceof joseErrors.JWSSignatureVerificationFailed)) throw unauthorized(error);
        }
      }
      throw unauthorized();
    },
  };
}

function claimsOf(
  claim: unknown,
  payload: { readonly aud?: string | string[]; readonly exp?: number; readonly iat?: number },
): TokenClaims {
  if (typeof claim !== "object" || claim === null) throw unauthorized();
  const kubernetes = claim as KubernetesClaim;
  if (typeof kubernetes.namespace !== "string" || typeof kubernetes.serviceaccount?.name !== "string")
    throw unauthorized();
  return {
    namespace: kubernetes.namespace,
    serviceAccount: kubernetes.serviceaccount,
    ...(kubernetes.pod === undefined ? {} : { pod: kubernetes.pod }),
    ...(kubernetes.node === undefined ? {} : { node: kubernetes.node }),
    audiences: typeof payload.aud === "string" ? [payload.aud] : (payload.aud ?? []),
    expirationSeconds: (payload.exp ?? 0) - (payload.iat ?? 0),
  };
}

function unauthorized(cause?: unknown): StatusError {
  return new StatusError(refused().status, { cause });
}
