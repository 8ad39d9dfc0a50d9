/**
 * A node on a machine that has no keys of the cluster but its own. It remembers where the masters are,
 * asks them now and then who they are now, and has its certificate renewed by showing the present one.
 */
import { X509Certificate } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Log } from "../../env/env.ts";
import {
  authoritiesPath,
  joinNodePath,
  membersPath,
  type AuthoritiesAnswer,
  type JoinNodeAnswer,
  type MembersAnswer,
} from "../../server/joining/answers.ts";
import { messageOf, UserError } from "../../util/errors.ts";
import { parseChoice } from "../arguments.ts";
import { lifeOf, renewalDueMs } from "../certificates.ts";
import { layoutOf, readText, writeAtomic, writeCluster, type ClusterFile } from "../cluster-file.ts";
import { text, type Values } from "../command.ts";
import { machineAddress } from "../machine.ts";
import { self } from "../self.ts";
import { troupeVersion } from "../versions.ts";
import { ask, splitHostPort } from "./asking.ts";
import { newRequest, type NodeWish } from "./joining.ts";
import { tokenOf } from "./master.ts";

const lookEveryMs = 30_000;
const joinWaitMs = 60_000;
const askWaitMs = 5_000;

export function joinWish(values: Values, { at, dataDir }: { readonly at: string; readonly dataDir: string }): NodeWish {
  const token = tokenOf(values);
  if (token === undefined) {
    throw new UserError("TRP-0401", "--join needs --token", {
      hint: `${self} token create, on a machine with a master`,
      exitCode: 2,
    });
  }
  const endpoint = text(values, "container-runtime-endpoint")?.replace(/^unix:\/\//, "");
  return {
    at,
    token,
    dataDir,
    waitMs: joinWaitMs,
    node: text(values, "node") ?? hostname().toLowerCase(),
    address: text(values, "address") ?? machineAddress(),
    runtime: parseChoice("runtime", text(values, "runtime") ?? "containerd", ["containerd", "simulated"] as const),
    runtimeEndpoint: endpoint,
  };
}

export interface Following {
  readonly dataDir: string;
  readonly cluster: ClusterFile;
  readonly node: string;
  readonly log: Log;
}

interface Identity {
  authority: string;
  certificate: string;
  key: string;
}

/** What the link asks for before each attempt; both are kept up to date for the rest of the process's life. */
export async function followMasters(following: Following): Promise<{
  readonly masterAddress: () => readonly string[];
  readonly tls: Identity;
}> {
  const follower = new Follower(following, await readIdentity(following));
  follower.start();
  return { masterAddress: () => follower.grpc, tls: follower.tls };
}

async function readIdentity({ dataDir, node }: Following): Promise<Identity> {
  const { pki } = layoutOf(dataDir);
  const [authority, own] = [await readText(join(pki, "serving-ca.pem")), await readText(join(pki, `node-${node}.pem`))];
  if (authority === undefined || own === undefined) {
    throw new UserError("TRP-0110", `${pki} lacks the certificate of node ${node}`, {
      hint: `empty ${dataDir} and join again: ${self} agent --join HOST:PORT --token TOKEN --node ${node}`,
    });
  }
  const at = own.indexOf("-----BEGIN PRIVATE KEY-----");
  return { authority, certificate: own.slice(0, at), key: own.slice(at) };
}

class Follower {
  readonly tls: Identity;
  readonly #following: Following;
  /** Those that were told at the beginning are tried for ever: the list may be old on all disks. */
  readonly #seeds: readonly string[];
  #masters: readonly string[];

  constructor(following: Following, tls: Identity) {
    this.#following = following;
    this.tls = tls;
    this.#seeds = following.cluster.masterSeeds ?? [];
    this.#masters = this.#seeds;
  }

  get grpc(): readonly string[] {
    return this.#masters.map((master) => {
      const { host, port } = splitHostPort(master);
      return `${host.includes(":") ? `[${host}]` : host}:${port + 1}`;
    });
  }

  start(): void {
    const look = async (): Promise<void> => {
      clearTimeout(timer);
      try {
        await this.#look();
      } catch (error) {
        this.#following.log("warn", "masters.not-asked", { reason: messageOf(error) });
      }
      clearTimeout(timer);
      timer = setTimeout(() => void look(), lookEveryMs);
      timer.unref();
    };
    let timer: NodeJS.Timeout | undefined;
    process.on("SIGHUP", () => void look());
    void look();
  }

  async #look(): Promise<void> {
    const { dataDir, cluster } = this.#following;
    const { members } = await this.#ask<MembersAnswer>("GET", membersPath);
    const known = members.flatMap(({ api }) => api ?? []);
    const masters = [...new Set([...known, ...this.#seeds])];
    if (masters.join() !== this.#masters.join()) {
      this.#masters = masters;
      await writeCluster(dataDir, { ...cluster, masterSeeds: masters });
    }
    const { authorities } = await this.#ask<AuthoritiesAnswer>("GET", authoritiesPath);
    const isRotated = authorities !== this.tls.authority;
    if (isRotated) {
      await writeAtomic(join(layoutOf(dataDir).pki, "serving-ca.pem"), authorities, 0o600);
      this.tls.authority = authorities;
      this.#following.log("info", "authorities.changed");
    }
    // The authority of nodes is rotated together with that of masters.
    const dueMs = renewalDueMs(lifeOf(new X509Certificate(this.tls.certificate)));
    if (isRotated || Date.now() >= dueMs) await this.#renew();
  }

  async #renew(): Promise<void> {
    const { dataDir, node, log } = this.#following;
    const { key, request } = await newRequest(node);
    const body = { node, signingRequest: request, version: troupeVersion, nowMs: Date.now() };
    const { certificate } = await this.#ask<JoinNodeAnswer>("POST", joinNodePath, body);
    await writeAtomic(join(layoutOf(dataDir).pki, `node-${node}.pem`), certificate + key, 0o600);
    Object.assign(this.tls, { certificate, key });
    log("info", "certificate.renewed", { node, until: new X509Certificate(certificate).validTo });
  }

  #ask<T>(method: "GET" | "POST", path: string, body?: object): Promise<T> {
    const { authority, certificate, key } = this.tls;
    return ask<T>({
      masters: this.#masters,
      method,
      path,
      ...(body === undefined ? {} : { body }),
      authority,
      identity: { certificate, key },
      waitMs: askWaitMs,
    });
  }
}
