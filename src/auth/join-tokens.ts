/**
 * Join tokens: what a new machine shows a cluster that it has never seen, and knows it by. The form is
 * `TRP1<pin>::<id>.<secret>`: the pin is the SHA-256 of the public key of the authority that signs the
 * masters' certificates, so that nothing is told to anyone else; id and secret are those of a bootstrap
 * token. The cluster keeps the secret's hash only, in a Secret of the type that Kubernetes has for it.
 */
import type { Crypto } from "../env/env.ts";
import type { Secret } from "../kinds/generated/types.ts";
import { toHex } from "../util/bytes.ts";
import { decodeBase64 } from "../util/base64.ts";
import type { Millis } from "../util/time.ts";

export type JoinRole = "master" | "node";

export interface JoinToken {
  /** SHA-256 of the authority's SubjectPublicKeyInfo, in hex. */
  readonly pin: string;
  /** Six letters or digits; no secret. */
  readonly id: string;
  /** Sixteen letters or digits. */
  readonly secret: string;
}

export const tokenNamespace = "kube-system";
export const tokenSecretType = "bootstrap.kubernetes.io/token";
const namePrefix = "bootstrap-token-";
const groupPrefix = "system:bootstrappers:troupe:";
const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";

export function formatJoinToken({ pin, id, secret }: JoinToken): string {
  return `TRP1${pin}::${id}.${secret}`;
}

/** Undefined: it is none. */
export function parseJoinToken(words: string): JoinToken | undefined {
  const match = /^TRP1([0-9a-f]{64})::([a-z0-9]{6})\.([a-z0-9]{16})$/.exec(words.trim());
  if (match === null) return undefined;
  const [, pin = "", id = "", secret = ""] = match;
  return { pin, id, secret };
}

/** `below`: a random integer from 0 to before the bound. */
export function newTokenParts(below: (bound: number) => number): Pick<JoinToken, "id" | "secret"> {
  const letters = (count: number): string =>
    Array.from({ length: count }, () => alphabet[below(alphabet.length)]).join("");
  return { id: letters(6), secret: letters(16) };
}

export function tokenSecretName(id: string): string {
  return `${namePrefix}${id}`;
}

const utf8 = new TextEncoder();

export function hashOfTokenSecret(crypto: Pick<Crypto, "sha256">, secret: string): string {
  return toHex(crypto.sha256(utf8.encode(secret)));
}

export interface TokenFacts {
  readonly id: string;
  readonly hash: string;
  readonly role: JoinRole;
  /** RFC 3339; empty: never. */
  readonly expiration: string;
  readonly description: string;
}

/** The object that stands for a token. */
export function tokenObject({ id, hash, role, expiration, description }: TokenFacts): object {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: tokenSecretName(id), namespace: tokenNamespace },
    type: tokenSecretType,
    stringData: {
      "token-id": id,
      "token-hash": hash,
      "usage-bootstrap-authentication": "true",
      "auth-extra-groups": `${groupPrefix}${role}`,
      ...(expiration === "" ? {} : { expiration }),
      ...(description === "" ? {} : { description }),
    },
  };
}

/** Undefined: the Secret is no token of ours. */
export function factsOfToken(secret: Secret): TokenFacts | undefined {
  const read = (key: string): string => {
    const bytes = decodeBase64(secret.data?.[key] ?? "");
    return bytes === undefined ? "" : new TextDecoder().decode(bytes);
  };
  const id = read("token-id");
  const groups = read("auth-extra-groups").split(",");
  const role = (["master", "node"] as const).find((known) => groups.includes(`${groupPrefix}${known}`));
  if (secret.type !== tokenSecretType || secret.metadata?.name !== tokenSecretName(id)) return undefined;
  if (role === undefined || read("usage-bootstrap-authentication") !== "true") return undefined;
  return { id, hash: read("token-hash"), role, expiration: read("expiration"), description: read("description") };
}

/** A time that cannot be read is over. */
export function isExpired({ expiration }: Pick<TokenFacts, "expiration">, nowMs: Millis): boolean {
  if (expiration === "") return false;
  const endMs = Date.parse(expiration);
  return Number.isNaN(endMs) || endMs <= nowMs;
}
