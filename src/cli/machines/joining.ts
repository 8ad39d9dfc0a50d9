/**
 * A machine joins a cluster: the authority is compared with the token's pin before anything is told,
 * then the master is asked over a connection that is checked against it. What is answered is written
 * down, `cluster.json` last, so that a join that was cut short is simply done again.
 */
import { mkdir } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { parseJoinToken, type JoinToken } from "../../auth/join-tokens.ts";
import {
  authoritiesPath,
  joinMasterPath,
  joinNodePath,
  peerPortOffset,
  type AgreedFacts,
  type AuthoritiesAnswer,
  type ClusterPart,
  type JoinMasterAnswer,
  type JoinNodeAnswer,
} from "../../server/joining/answers.ts";
import { UserError } from "../../util/errors.ts";
import { layoutOf, registered, writeAtomic, writeCluster, type ClusterFile } from "../cluster-file.ts";
import { requireEmpty } from "../data-folder.ts";
import { say } from "../output.ts";
import { pinOf, writeSharedKeys } from "../pki.ts";
import { self } from "../self.ts";
import { troupeVersion } from "../versions.ts";
import { ask, splitHostPort } from "./asking.ts";
import { ownPart } from "./own-machine.ts";

export interface JoinWish {
  /** `host:port` of any master. */
  readonly at: string;
  readonly token: string;
  readonly waitMs: number;
}

export interface MasterWish extends JoinWish {
  readonly dataDir: string;
  readonly host: string;
  readonly listen: string;
  readonly apiPort: number;
  readonly alternativeNames: readonly string[];
  readonly wished: Partial<AgreedFacts>;
  readonly faults: boolean;
}

export interface NodeWish extends JoinWish {
  readonly dataDir: string;
  readonly node: string;
  readonly address: string;
  readonly runtime: ClusterFile["runtime"];
  readonly runtimeEndpoint: string | undefined;
}

export async function joinAsMaster(
  wish: MasterWish,
): Promise<{ readonly cluster: ClusterFile; readonly advice: string }> {
  const { dataDir, host, listen, apiPort, alternativeNames } = wish;
  await requireEmpty(dataDir, isOfJoin);
  const asking = await meet(wish);
  const peerPort = apiPort + peerPortOffset;
  // The leader tries whether it can be reached there.
  const listener = await listenAt(listen, peerPort);
  try {
    const answer = await ask<JoinMasterAnswer>({
      ...asking,
      method: "POST",
      path: joinMasterPath,
      body: {
        host,
        peerPort,
        wished: wish.wished,
        faults: wish.faults,
        version: troupeVersion,
        nowMs: Date.now(),
      },
      timeoutMs: joinTimeoutMs,
    });
    const { clusterId, memberId, advice } = answer;
    await writeSharedKeys(layoutOf(dataDir).pki, answer.keys);
    const cluster: ClusterFile = {
      ...clusterOf(answer.cluster),
      ...ownPart({ clusterId, memberId, host, listen, apiPort, alternativeNames, joined: true }),
    };
    await writeCluster(dataDir, cluster);
    return { cluster, advice };
  } finally {
    listener.close();
  }
}

export async function joinAsNode(wish: NodeWish): Promise<ClusterFile> {
  const { dataDir, node, address, runtime, runtimeEndpoint } = wish;
  await requireEmpty(dataDir, isOfJoin);
  const asking = await meet(wish);
  const { key, request } = await newRequest(node);
  const answer = await ask<JoinNodeAnswer>({
    ...asking,
    method: "POST",
    path: joinNodePath,
    body: { node, signingRequest: request, version: troupeVersion, nowMs: Date.now() },
  });
  const { pki } = layoutOf(dataDir);
  await mkdir(pki, { recursive: true, mode: 0o700 });
  await writeAtomic(join(pki, "serving-ca.pem"), answer.authorities, 0o600);
  await writeAtomic(join(pki, `node-${node}.pem`), answer.certificate + key, 0o600);
  const taken = new Set((await registered()).map(({ cluster }) => cluster.number));
  const { port } = splitHostPort(wish.at);
  const cluster: ClusterFile = {
    ...clusterOf(answer.cluster),
    number: lowestFree(taken),
    runtime,
    ...(runtimeEndpoint === undefined ? {} : { runtimeEndpoint }),
    nodes: [node],
    apiPort: port,
    grpcPort: port + 1,
    address,
    network: "host",
    masterSeeds: [...new Set([...answer.masters, ...asking.masters])],
  };
  await writeCluster(dataDir, cluster);
  return cluster;
}

/** A key of a node, and the request for its certificate. */
export async function newRequest(node: string): Promise<{ readonly key: string; readonly request: string }> {
  const { createIssuer } = await import("../../auth/certificates.ts");
  return createIssuer({ webcrypto: globalThis.crypto, now: () => Date.now() }).request(`system:node:${node}`);
}

const joinTimeoutMs = 30_000;
/** A join that was cut short has left its keys; the next writes its own over them. */
const isOfJoin = (entry: string): boolean => entry === "pki";

interface Met {
  readonly masters: readonly string[];
  readonly authority: string;
  readonly bearer: string;
  readonly waitMs: number;
  readonly onWait: (why: string) => void;
}

/** Who answers there is the cluster that the token is of. */
async function meet({ at, token, waitMs }: JoinWish): Promise<Met> {
  const parsed = parseToken(token);
  const { host, port } = splitHostPort(at);
  const masters = [`${host.includes(":") ? `[${host}]` : host}:${port}`];
  let isTold = false;
  const onWait = (why: string): void => {
    if (!isTold) say(`waiting for a master: ${why}`);
    isTold = true;
  };
  const { authorities } = await ask<AuthoritiesAnswer>({
    masters,
    method: "GET",
    path: authoritiesPath,
    authority: undefined,
    waitMs,
    onWait,
  });
  const authority = pinned(authorities, parsed, at);
  return { masters, authority, bearer: `${parsed.id}.${parsed.secret}`, waitMs, onWait };
}

function parseToken(words: string): JoinToken {
  const token = parseJoinToken(words);
  if (token !== undefined) return token;
  throw new UserError("TRP-0401", "this is no join token", {
    cause: new Error("one begins with TRP1, and is printed whole by troupe token create"),
    hint: `${self} token create, on a machine with a master`,
    exitCode: 2,
  });
}

/** Of what the other end shows only the pinned authority is believed. */
function pinned(authorities: string, { pin }: JoinToken, at: string): string {
  const shown = authorities.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g) ?? [];
  const found = shown.find((pem) => pinOf(pem) === pin);
  if (found !== undefined) return found;
  throw new UserError("TRP-0402", `the cluster at ${at} is not the one that the token is of`, {
    cause: new Error(`the token pins the authority ${pin}; there it is ${shown.map(pinOf).join(", ") || "none"}`),
    hint: "check the address; after the authority was rotated, make a new token",
    exitCode: 6,
  });
}

function clusterOf(part: ClusterPart): ClusterPart & { readonly version: 1 } {
  const { id, epoch, name, podCidr, serviceCidr, dnsAddress, clusterDomain } = part;
  return { version: 1, id, epoch, name, podCidr, serviceCidr, dnsAddress, clusterDomain };
}

function lowestFree(taken: ReadonlySet<number>): number {
  let number = 0;
  while (taken.has(number)) number += 1;
  return number;
}

function listenAt(host: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        new UserError("TRP-0102", `port ${port} cannot be listened on at ${host}`, {
          cause: error,
          hint: "--port N takes three ports in a row: API, gRPC and the other masters",
        }),
      ),
    );
    server.listen({ host, port }, () => resolve(server));
  });
}
