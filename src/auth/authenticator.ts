import type { User } from "../actors/runtime/command.ts";
import type { ClientCertificate, HttpExchange } from "../env/http.ts";
import { unauthorized } from "../kinds/status-errors.ts";
import type { View } from "../store/view.ts";
import type { Authenticator, TokenClaims, TokenIssuer } from "./auth-api.ts";

/**
 * Who asks: a client certificate (CN is the user, O are the groups) or a ServiceAccount token whose
 * account, pod and node still exist. Without either, nobody; with a bad one, 401.
 */
export function createAuthenticator(options: {
  readonly tokenIssuer: TokenIssuer;
  /** Committed rows. */
  readonly view: View;
}): Authenticator {
  return {
    authenticate: (exchange) => {
      const { certificate } = exchange;
      if (certificate !== undefined && certificate.commonName !== "") {
        return userOfCertificate(certificate);
      }
      const token = bearerToken(exchange);
      return token === undefined
        ? undefined
        : options.tokenIssuer.verify(token).then((claims) => userOf(claims, options.view));
    },
  };
}

const authenticated = "system:authenticated";

/** A connection shows one certificate and makes many requests. */
const shown = new WeakMap<ClientCertificate, User>();

function userOfCertificate(certificate: ClientCertificate): User {
  const known = shown.get(certificate);
  if (known !== undefined) return known;
  const groups = new Set([...certificate.organizations, authenticated]);
  const user = { name: certificate.commonName, groups: [...groups] };
  shown.set(certificate, user);
  return user;
}

function bearerToken(exchange: HttpExchange): string | undefined {
  const match = /^Bearer +(\S+) *$/i.exec(exchange.headers["authorization"] ?? "");
  return match?.[1];
}

/** Throws 401 when something that the token is bound to is gone. */
function userOf(claims: TokenClaims, view: View): User {
  const { namespace, serviceAccount, pod, node } = claims;
  const lives = (kind: string, where: string, named: { name: string; uid: string }): boolean =>
    view.get(kind, where, named.name)?.hot.uid === named.uid;
  const isBound =
    lives("serviceaccounts", namespace, serviceAccount) &&
    (pod === undefined || lives("pods", namespace, pod)) &&
    (node === undefined || lives("nodes", "", node));
  if (!isBound) throw unauthorized();
  const extra: Record<string, readonly string[]> = {};
  if (pod !== undefined) {
    extra["authentication.kubernetes.io/pod-name"] = [pod.name];
    extra["authentication.kubernetes.io/pod-uid"] = [pod.uid];
  }
  if (node !== undefined) {
    extra["authentication.kubernetes.io/node-name"] = [node.name];
    extra["authentication.kubernetes.io/node-uid"] = [node.uid];
  }
  return {
    name: `system:serviceaccount:${namespace}:${serviceAccount.name}`,
    uid: serviceAccount.uid,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, authenticated],
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}
