/** `troupe token create|list|revoke`: what machines join with. */
import {
  factsOfToken,
  formatJoinToken,
  hashOfTokenSecret,
  isExpired,
  newTokenParts,
  tokenNamespace,
  tokenObject,
  tokenSecretName,
  tokenSecretType,
  type TokenFacts,
} from "../../auth/join-tokens.ts";
import { realCrypto } from "../../env/real/crypto.ts";
import { realRandom } from "../../env/real/random.ts";
import type { Secret } from "../../kinds/generated/types.ts";
import { UserError } from "../../util/errors.ts";
import { parseChoice, parseDuration } from "../arguments.ts";
import { clusterOptions, outputOption } from "../cluster-options.ts";
import { text, type Command, type Values } from "../command.ts";
import { openAdmin, type Admin } from "../machines/admin.ts";
import { print, say, table } from "../output.ts";
import { pinOf } from "../pki.ts";
import { self } from "../self.ts";

export const token: Command = {
  name: "token",
  summary:
    "Tokens with which machines join: made, listed, revoked. One names the cluster's\n" +
    "authority by its hash and ends by itself. It is shown once.",
  examples: [
    "troupe token create --name prod",
    "troupe token create --role master --ttl 1h",
    "troupe token list -o json",
    "troupe token revoke abcdef",
  ],
  arguments: "create|list|revoke [ID...] ",
  options: [
    ...clusterOptions,
    { name: "role", type: "string", value: "ROLE", help: "create: node (default) or master" },
    { name: "ttl", type: "string", value: "24h", help: "create: how long it is good for" },
    { name: "description", type: "string", value: "TEXT", help: "create: what it is for" },
    outputOption("create, list: table (default) or json"),
  ],
  async run(values, [verb, ...ids]) {
    if (verb === "create" && ids.length === 0) return create(values);
    if (verb === "list" && ids.length === 0) return list(values);
    if (verb === "revoke" && ids.length > 0) return revoke(values, ids);
    throw new UserError("TRP-0002", "token knows create, list and revoke ID", {
      hint: `${self} token --help`,
      exitCode: 2,
    });
  },
};

const secretsPath = `/api/v1/namespaces/${tokenNamespace}/secrets`;
const usualMs = 24 * 60 * 60 * 1_000;
const longestMs = 365 * usualMs;

async function create(values: Values): Promise<number> {
  const output = parseChoice("output", text(values, "output") ?? "table", ["table", "json"]);
  const role = parseChoice("role", text(values, "role") ?? "node", ["node", "master"] as const);
  const ttl = text(values, "ttl");
  const ttlMs = ttl === undefined ? usualMs : parseDuration("ttl", ttl);
  if (ttlMs === 0 || ttlMs > longestMs) {
    throw new UserError("TRP-0103", `--ttl ${ttl} cannot be understood`, {
      cause: new Error("a token is good for a year at most, and for longer than nothing"),
      exitCode: 2,
    });
  }
  const admin = await openAdmin(values);
  const made = await makeToken(admin, { role, ttlMs, description: text(values, "description") ?? "" });
  if (output === "json") {
    print(JSON.stringify({ token: made.words, id: made.id, role, expiration: made.expiration }, undefined, 2));
    return 0;
  }
  print(made.words);
  const { cluster } = admin.found;
  const at = `${cluster.machine?.host ?? cluster.address}:${cluster.apiPort}`;
  say(`for a ${role}, until ${made.expiration}. On the new machine:`);
  say(`  troupe ${role === "node" ? "agent" : "server"} --join ${at} --token ${made.words}`);
  return 0;
}

export interface MadeToken {
  readonly words: string;
  readonly id: string;
  readonly expiration: string;
}

export async function makeToken(
  admin: Admin,
  { role, ttlMs, description }: Pick<TokenFacts, "role" | "description"> & { readonly ttlMs: number },
): Promise<MadeToken> {
  const { cluster } = admin.found;
  if (cluster.machine === undefined) {
    throw new UserError("TRP-0406", `no machine can join "${cluster.name}": its master listens for this one only`, {
      hint: `stop it, and start it as one of several: ${self} server --data-dir ${admin.found.dataDir} --advertise-address HOST`,
    });
  }
  const random = realRandom.stream("token");
  const { id, secret } = newTokenParts((bound) => random.below(bound));
  const expiration = `${new Date(Date.now() + ttlMs).toISOString().slice(0, 19)}Z`;
  const hash = hashOfTokenSecret(realCrypto, secret);
  await clearExpired(admin);
  await admin.ask("POST", secretsPath, tokenObject({ id, hash, role, expiration, description }));
  return { words: formatJoinToken({ pin: pinOf(admin.authority), id, secret }), id, expiration };
}

async function tokensOf(admin: Admin): Promise<readonly TokenFacts[]> {
  const selector = encodeURIComponent(`type=${tokenSecretType}`);
  const { items } = await admin.ask<{ readonly items: readonly Secret[] }>(
    "GET",
    `${secretsPath}?fieldSelector=${selector}`,
  );
  // Objects in a list have no kind of their own.
  return items.flatMap((secret) => factsOfToken(secret) ?? []);
}

async function clearExpired(admin: Admin): Promise<void> {
  const over = (await tokensOf(admin)).filter((facts) => isExpired(facts, Date.now()));
  for (const { id } of over) await remove(admin, id);
}

async function list(values: Values): Promise<number> {
  const output = parseChoice("output", text(values, "output") ?? "table", ["table", "json"]);
  const admin = await openAdmin(values);
  const tokens = await tokensOf(admin);
  if (output === "json") {
    const shown = tokens.map(({ hash: _hash, ...facts }) => ({ ...facts, expired: isExpired(facts, Date.now()) }));
    print(JSON.stringify({ name: admin.found.name, tokens: shown }, undefined, 2));
    return 0;
  }
  if (tokens.length === 0) {
    say(`no tokens; ${self} token create makes one`);
    return 0;
  }
  print(
    table(
      ["ID", "ROLE", "ENDS", "DESCRIPTION"],
      tokens.map((facts) => [facts.id, facts.role, endText(facts), facts.description]),
    ),
  );
  return 0;
}

function endText(facts: TokenFacts): string {
  if (facts.expiration === "") return "never";
  return isExpired(facts, Date.now()) ? `${facts.expiration} (over)` : facts.expiration;
}

async function revoke(values: Values, given: readonly string[]): Promise<number> {
  const admin = await openAdmin(values);
  const ids = given.map(
    (words) => /^(?:TRP1[0-9a-f]{64}::)?([a-z0-9]{6})(?:\.[a-z0-9]{16})?$/.exec(words)?.[1] ?? words,
  );
  const present = new Set((await tokensOf(admin)).map(({ id }) => id));
  const unknown = ids.find((id) => !present.has(id));
  if (unknown !== undefined) {
    throw new UserError("TRP-0403", `there is no token "${unknown}"`, { hint: `${self} token list`, exitCode: 3 });
  }
  for (const id of ids) {
    await remove(admin, id);
    print(`token ${id} revoked`);
  }
  return 0;
}

async function remove(admin: Admin, id: string): Promise<void> {
  await admin.ask("DELETE", `${secretsPath}/${tokenSecretName(id)}`);
}
