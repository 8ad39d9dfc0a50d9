import type { HttpExchange } from "../env/http.ts";
import type { User } from "../actors/runtime/command.ts";

/**
 * Who asks, at once where nothing has to be verified. Absent = anonymous (`system:anonymous`, group
 * `system:unauthenticated`). Rejects with StatusError 401 for bad credentials.
 */
export interface Authenticator {
  authenticate(exchange: HttpExchange): User | undefined | Promise<User | undefined>;
}

export type Attributes =
  | {
      readonly resource: true;
      readonly verb: string;
      readonly group: string;
      readonly version: string;
      readonly plural: string;
      readonly subresource: string;
      readonly namespace: string;
      readonly name: string;
    }
  | { readonly resource: false; readonly verb: string; readonly path: string };

export interface Authorizer {
  /** `reason` says why, for the 403 and for access reviews. */
  authorize(user: User, attributes: Attributes): { readonly allowed: boolean; readonly reason: string };
}

/** Signs and checks ServiceAccount tokens (JWT). */
export interface TokenIssuer {
  issue(claims: TokenClaims): Promise<{ readonly token: string; readonly expirationTimestamp: string }>;
  /** Throws StatusError 401. Bound objects are checked by the caller. */
  verify(token: string): Promise<TokenClaims>;
}

export interface TokenClaims {
  readonly namespace: string;
  readonly serviceAccount: { readonly name: string; readonly uid: string };
  readonly pod?: { readonly name: string; readonly uid: string };
  readonly node?: { readonly name: string; readonly uid: string };
  readonly audiences: readonly string[];
  readonly expirationSeconds: number;
}
