/**
 * The door for machines that join: whoever has a token gets what its role needs, and no more. A node
 * gets a certificate for the key that it keeps; a master gets the cluster's keys and a place among the
 * learners. Any master answers for nodes; masters are taken in by the leader, others name it (421).
 */
import type { User } from "../../actors/runtime/command.ts";
import { requireAllowed } from "../../api/authorize.ts";
import { respondJson, respondStatus, statusOf } from "../../api/rest/respond.ts";
import {
  factsOfToken,
  hashOfTokenSecret,
  isExpired,
  tokenNamespace,
  tokenSecretName,
  type JoinRole,
} from "../../auth/join-tokens.ts";
import type { Env } from "../../env/env.ts";
import type { HttpExchange } from "../../env/http.ts";
import type { Node, Secret } from "../../kinds/generated/types.ts";
import type { Raft } from "../../raft/raft-api.ts";
import { messageOf, StatusError, TransientError, UserError } from "../../util/errors.ts";
import type { Core } from "../core.ts";
import { serverLimits } from "../limits.ts";
import {
  authoritiesPath,
  joinMasterPath,
  joinNodePath,
  keysPath,
  membersPath,
  type AgreedFacts,
  type ClusterPart,
  type JoinMasterAnswer,
  type JoinMasterRequest,
  type JoinNodeAnswer,
  type JoinNodeRequest,
  type KeysRequest,
  type MemberChange,
  type RefusalAnswer,
} from "./answers.ts";
import { Elsewhere, Members } from "./members.ts";

/** What the composition lends: keys and files are its affair. */
export interface JoiningOptions {
  readonly cluster: () => ClusterPart;
  /** PEM of the authorities of serving certificates. */
  readonly authorities: () => string;
  /** The cluster's keys by file name, for a new master. */
  readonly keys: () => Promise<Readonly<Record<string, string>>>;
  /** Takes over new ones; resolves when they are in use. What does not lie in all masters' folders alike is left alone. */
  readonly takeKeys: (files: Readonly<Record<string, string>>) => Promise<void>;
  /** A certificate for the key of this PKCS #10 request, in the node's name. Throws `UserError` where it is none. */
  readonly signNode: (node: string, signingRequest: string) => Promise<string>;
  /** Whether somebody takes connections there: rejects with the reason. */
  readonly reach: (host: string, port: number, timeoutMs: number) => Promise<void>;
  /** `0.1.0` */
  readonly version: string;
  /** This master was started with `--enable-faults`. */
  readonly faults: boolean;
}

interface Parts {
  readonly env: Env;
  readonly core: Pick<Core, "store" | "host" | "door">;
  readonly raft: Raft;
}

const anonymous: User = { name: "system:anonymous", groups: ["system:unauthenticated"] };
const nodePrefix = "system:node:";

export class Joining {
  readonly members: Members;
  readonly #options: JoiningOptions;
  readonly #parts: Parts;

  constructor(options: JoiningOptions, parts: Parts) {
    this.#options = options;
    this.#parts = parts;
    this.members = new Members(parts.raft, parts.env.clock);
  }

  /** False: the request is not for this door. */
  serve(exchange: HttpExchange): boolean {
    const work = this.#workOf(exchange);
    if (work === undefined) return false;
    void work().then(
      (answer) => respondJson(exchange, answer),
      (error: unknown) => this.#refuse(exchange, error),
    );
    return true;
  }

  #workOf(exchange: HttpExchange): (() => Promise<object>) | undefined {
    switch (`${exchange.method} ${exchange.target}`) {
      case `GET ${authoritiesPath}`:
        return () => Promise.resolve({ authorities: this.#options.authorities() });
      case `POST ${joinMasterPath}`:
        return () => this.#joinMaster(exchange);
      case `POST ${joinNodePath}`:
        return () => this.#joinNode(exchange);
      case `POST ${keysPath}`:
        return () => this.#takeKeys(exchange);
      case `GET ${membersPath}`:
        return () => this.#look(exchange);
      case `POST ${membersPath}`:
        return () => this.#change(exchange);
      default:
        return undefined;
    }
  }

  #refuse(exchange: HttpExchange, error: unknown): void {
    if (error instanceof StatusError) return respondStatus(exchange, statusOf(error));
    const { code, answer } = refusalOf(error);
    this.#parts.env.log("info", "join.refused", { target: exchange.target, code: answer.code, reason: answer.message });
    respondJson(exchange, answer, { code });
  }

  async #joinMaster(exchange: HttpExchange): Promise<JoinMasterAnswer> {
    const { env, raft } = this.#parts;
    await this.#requireToken(exchange, "master");
    const asked = (await bodyOf(exchange)) as unknown as JoinMasterRequest;
    requireFields(asked, { host: "string", peerPort: "number", wished: "object", version: "string", nowMs: "number" });
    this.#requireFit(asked);
    requireSame(asked.wished, this.#options.cluster());
    this.members.requireLeader();
    requireSameFaults(asked.faults, this.#options.faults);
    const { host, peerPort } = asked;
    const address = `${host.includes(":") ? `[${host}]` : host}:${peerPort}`;
    await this.#options.reach(host, peerPort, serverLimits.joinReachMs).catch((error: unknown) => {
      throw new UserError("TRP-0405", `${address} cannot be reached from here`, {
        cause: error,
        hint: "--advertise-address takes an address that the other masters reach; is a firewall between them?",
      });
    });
    const keys = await this.#options.keys();
    const { id, advice } = await this.members.admit(address);
    env.log("info", "master.admitted", { member: id, address });
    return { clusterId: raft.clusterId, memberId: id, cluster: this.#options.cluster(), keys, advice };
  }

  async #joinNode(exchange: HttpExchange): Promise<JoinNodeAnswer> {
    const asked = (await bodyOf(exchange)) as unknown as JoinNodeRequest;
    requireFields(asked, { node: "string", signingRequest: "string", version: "string", nowMs: "number" });
    const { node } = asked;
    if (!/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(node)) throw wrongRequest(`"${node}" is no name of a node`);
    const user = exchange.certificate === undefined ? undefined : await this.#user(exchange);
    if (user?.name !== `${nodePrefix}${node}` || !user.groups.includes("system:nodes")) {
      await this.#requireToken(exchange, "node");
      this.#requireFit(asked);
      this.#requireAbsent(node);
      this.#parts.env.log("info", "node.admitted", { node });
    }
    return {
      certificate: await this.#options.signNode(node, asked.signingRequest),
      authorities: this.#options.authorities(),
      cluster: this.#options.cluster(),
      masters: this.members.endpoints(),
    };
  }

  async #look(exchange: HttpExchange): Promise<object> {
    const user = await this.#user(exchange);
    if (!user.groups.includes("system:nodes")) this.#requireAdmin(user, "get");
    return this.members.list();
  }

  async #change(exchange: HttpExchange): Promise<object> {
    const user = await this.#user(exchange);
    this.#requireAdmin(user, "post");
    const change = (await bodyOf(exchange)) as unknown as MemberChange;
    requireFields(change, { type: "string", id: "number" });
    await this.members.change(change);
    this.#parts.env.log("info", "members.change-asked", { user: user.name, ...change });
    return this.members.list();
  }

  async #takeKeys(exchange: HttpExchange): Promise<object> {
    const user = await this.#user(exchange);
    requireAllowed(this.#parts.core.door.authorizer, user, { resource: false, verb: "post", path: keysPath });
    const { files } = (await bodyOf(exchange)) as unknown as KeysRequest;
    requireFields({ files }, { files: "object" });
    if (Object.values(files).some((content) => typeof content !== "string")) throw wrongRequest("a file is no text");
    await this.#options.takeKeys(files);
    this.#parts.env.log("info", "keys.taken", { user: user.name, files: Object.keys(files) });
    return { files: Object.keys(files) };
  }

  async #user(exchange: HttpExchange): Promise<User> {
    return (await this.#parts.core.door.authenticator.authenticate(exchange)) ?? anonymous;
  }

  #requireAdmin(user: User, verb: string): void {
    requireAllowed(this.#parts.core.door.authorizer, user, { resource: false, verb, path: membersPath });
  }

  /** An unknown token and a wrong secret look the same; what else is wrong is said only to who has the secret. */
  async #requireToken(exchange: HttpExchange, role: JoinRole): Promise<void> {
    const { core, env } = this.#parts;
    const match = /^Bearer ([a-z0-9]{6})\.([a-z0-9]{16})$/.exec(exchange.headers["authorization"] ?? "");
    const [, id = "", secret = ""] = match ?? [];
    // Nobody is asked for what cannot be one.
    if (match !== null) await core.host.readBarrier();
    const row = match === null ? undefined : core.store.committed.get("secrets", tokenNamespace, tokenSecretName(id));
    const facts = row === undefined ? undefined : factsOfToken(row.object<Secret>());
    const hint = `troupe token create --role ${role}`;
    if (facts === undefined || facts.hash !== hashOfTokenSecret(env.crypto, secret)) {
      throw new UserError("TRP-0403", "the token is not known here", {
        cause: new Error("it was revoked, has ended and was cleared away, or is of another cluster"),
        hint,
      });
    }
    if (isExpired(facts, env.clock.wall())) {
      throw new UserError("TRP-0403", `the token ${id} ended at ${facts.expiration}`, { hint });
    }
    if (facts.role !== role) {
      throw new UserError("TRP-0403", `the token ${id} is for a ${facts.role}, not for a ${role}`, { hint });
    }
  }

  #requireFit({ version, nowMs }: { readonly version: string; readonly nowMs: number }): void {
    const { env } = this.#parts;
    const apartMs = Math.abs(nowMs - env.clock.wall());
    if (apartMs > serverLimits.joinSkewMs) {
      throw new UserError("TRP-0405", `the machines' clocks are ${Math.round(apartMs / 1_000)} s apart`, {
        cause: new Error("certificates and tokens end by the clock"),
        hint: "let a program such as chrony keep the clock on both",
      });
    }
    const [own, theirs] = [minorOf(this.#options.version), minorOf(version)];
    if (own.major === theirs.major && Math.abs(own.minor - theirs.minor) <= 1) return;
    throw new UserError("TRP-0405", `Troupe ${version} cannot join a cluster of Troupe ${this.#options.version}`, {
      hint: "use the cluster's version, or one minor version beside it",
    });
  }

  /** Two machines of one name would take each other's pods. */
  #requireAbsent(node: string): void {
    const object = this.#parts.core.store.committed.get("nodes", "", node)?.object<Node>();
    const ready = object?.status?.conditions?.find(({ type }) => type === "Ready");
    if (ready?.status !== "True") return;
    throw new UserError("TRP-0407", `there is a node "${node}", and it is Ready`, {
      hint: "take another --node, or stop the other agent and wait a minute",
    });
  }
}

function minorOf(version: string): { readonly major: number; readonly minor: number } {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return { major, minor };
}

/** What the flags of a joining master say must be what the cluster has. */
function requireSame(wished: Partial<AgreedFacts>, facts: AgreedFacts): void {
  const differs = differences(wished, facts);
  if (differs.length === 0) return;
  throw new UserError("TRP-0404", "the masters of a cluster must agree, and this one differs", {
    cause: new Error(differs.join("; ")),
    hint: "leave these flags out: a master that joins takes what the cluster has",
  });
}

/** Masters that serve Faults and masters that know none would answer the same client in two ways. */
function requireSameFaults(wished: boolean | undefined, own: boolean): void {
  if (wished === undefined || wished === own) return;
  throw new UserError("TRP-0404", "the masters of a cluster must agree, and this one differs", {
    cause: new Error(faultsDiffer(own)),
    hint: own ? "add --enable-faults" : "leave --enable-faults out",
  });
}

/** `others`: whether they have it. */
export function faultsDiffer(others: boolean): string {
  const [theirs, ours] = others ? ["with", "without"] : ["without", "with"];
  return `the cluster's masters were started ${theirs} --enable-faults, this one ${ours}`;
}

const flags: Readonly<Record<keyof AgreedFacts, string>> = {
  name: "--name",
  podCidr: "--cluster-cidr",
  serviceCidr: "--service-cidr",
  dnsAddress: "--cluster-dns",
  clusterDomain: "--cluster-domain",
};

/** `--service-cidr is 10.43.0.0/16 in the cluster, 10.96.0.0/12 was asked for` */
export function differences(wished: Partial<AgreedFacts>, facts: AgreedFacts): readonly string[] {
  return (Object.keys(flags) as (keyof AgreedFacts)[]).flatMap((key) => {
    const value = wished[key];
    if (value === undefined || value === facts[key]) return [];
    return [`${flags[key]} is ${facts[key]} in the cluster, ${value} was asked for`];
  });
}

function refusalOf(error: unknown): { readonly code: number; readonly answer: RefusalAnswer } {
  if (error instanceof Elsewhere) {
    return { code: 421, answer: { code: "TRP-0406", message: error.message, leader: error.api } };
  }
  if (error instanceof TransientError) return { code: 503, answer: { code: "TRP-0406", message: error.message } };
  if (!(error instanceof UserError)) return { code: 500, answer: { code: "TRP-0406", message: messageOf(error) } };
  const { code, message, cause, hint } = error;
  const answer = {
    code,
    message,
    ...(cause === undefined ? {} : { cause: messageOf(cause) }),
    ...(hint === undefined ? {} : { hint }),
  };
  return { code: code === "TRP-0403" ? 401 : 409, answer };
}

function wrongRequest(why: string): UserError {
  return new UserError("TRP-0406", `the request cannot be understood: ${why}`);
}

async function bodyOf(exchange: HttpExchange): Promise<Readonly<Record<string, unknown>>> {
  const words = new TextDecoder().decode(await exchange.body(serverLimits.joinBodyBytes));
  try {
    const body: unknown = JSON.parse(words);
    if (typeof body === "object" && body !== null) return body as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw wrongRequest(messageOf(error));
  }
  throw wrongRequest("its body is no object");
}

/** Checks the types of a request that came over the wire. */
function requireFields(body: object, fields: Readonly<Record<string, "string" | "number" | "object">>): void {
  for (const [name, type] of Object.entries(fields)) {
    const value = (body as Readonly<Record<string, unknown>>)[name];
    if (typeof value !== type || value === null) throw wrongRequest(`"${name}" is not there`);
  }
}
