/** The data directory of a master that belongs to a cluster on several machines: made anew, joined, or taken up. */
import { randomUUID } from "node:crypto";
import { connect, isIP } from "node:net";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import {
  memberPath,
  membersPath,
  peerPortOffset,
  type AgreedFacts,
  type ClusterPart,
} from "../../server/joining/answers.ts";
import { differences, faultsDiffer, type JoiningOptions } from "../../server/joining/joining.ts";
import type { Master, PeersOptions } from "../../server/master.ts";
import { UserError } from "../../util/errors.ts";
import { parseIpv4Cidr } from "../../util/ipv4.ts";
import { callJson } from "../api-client.ts";
import {
  checkName,
  layoutOf,
  masterAddress,
  readText,
  writeCluster,
  type ClusterFile,
  type MachineMaster,
} from "../cluster-file.ts";
import { flag, text, type Values } from "../command.ts";
import { requireEmpty } from "../data-folder.ts";
import { addContext } from "../kubeconfig.ts";
import { machineAddress } from "../machine.ts";
import { say } from "../output.ts";
import { readSharedKeys, signNode, writeSharedKeys, type Pki } from "../pki.ts";
import { parsePort } from "../ports.ts";
import { rangesOf } from "../ranges.ts";
import { self } from "../self.ts";
import { troupeVersion } from "../versions.ts";
import { ask, splitHostPort, usualPort } from "./asking.ts";
import { joinAsMaster } from "./joining.ts";
import { ownPart } from "./own-machine.ts";

/** What the flags of `troupe server` say of a master among several machines. */
export interface MachineWish {
  readonly dataDir: string;
  readonly join: string | undefined;
  readonly token: string | undefined;
  readonly host: string | undefined;
  readonly listen: string | undefined;
  readonly port: number | undefined;
  readonly alternativeNames: readonly string[];
  readonly wished: Partial<AgreedFacts>;
  /** `--enable-faults` */
  readonly faults: boolean;
}

export function machineWish(values: Values, dataDir: string): MachineWish {
  const port = text(values, "port");
  const names = text(values, "tls-san");
  return {
    dataDir,
    join: text(values, "join"),
    token: tokenOf(values),
    host: text(values, "advertise-address"),
    listen: text(values, "listen"),
    port: port === undefined ? undefined : parsePort(port),
    alternativeNames: names === undefined ? [] : names.split(",").filter((name) => name !== ""),
    wished: wishedFacts(values),
    faults: flag(values, "enable-faults"),
  };
}

/** A token on the command line stands in the list of processes; in the environment it does not. */
export function tokenOf(values: Values): string | undefined {
  return text(values, "token") ?? process.env["TROUPE_TOKEN"];
}

function wishedFacts(values: Values): Partial<AgreedFacts> {
  const name = text(values, "name");
  const [podCidr, serviceCidr] = [rangeOf(values, "cluster-cidr"), rangeOf(values, "service-cidr")];
  const clusterDomain = text(values, "cluster-domain");
  return {
    ...(name === undefined ? {} : { name: checkName(name) }),
    ...(podCidr === undefined ? {} : { podCidr }),
    ...(serviceCidr === undefined ? {} : { serviceCidr, dnsAddress: tenthAddress(serviceCidr) }),
    ...(clusterDomain === undefined ? {} : { clusterDomain }),
  };
}

function rangeOf(values: Values, option: string): string | undefined {
  const words = text(values, option);
  if (words === undefined) return undefined;
  const range = parseIpv4Cidr(words);
  if (range !== undefined && Number(words.split("/")[1]) <= 24) return words;
  throw new UserError("TRP-0103", `--${option} ${words} cannot be understood`, {
    cause: new Error("it takes a range of IPv4 addresses of at least a /24, such as 10.42.0.0/16"),
    exitCode: 2,
  });
}

function tenthAddress(range: string): string {
  const bytes = range.split("/")[0]!.split(".");
  return [...bytes.slice(0, 3), Number(bytes[3]) + 10].join(".");
}

/** The cluster's file as `troupe server` is to use it; written where it changed. */
export async function machineCluster(wish: MachineWish, present: ClusterFile | undefined): Promise<ClusterFile> {
  if (present !== undefined) return takeUp(wish, present);
  if (wish.join === undefined) return begin(wish);
  const { join: at, token } = wish;
  if (token === undefined) {
    throw new UserError("TRP-0401", "--join needs --token", {
      hint: `${self} token create --role master, on a machine with a master`,
      exitCode: 2,
    });
  }
  const { cluster, advice } = await joinAsMaster({
    dataDir: wish.dataDir,
    at,
    token,
    waitMs: joinWaitMs,
    host: wish.host ?? machineAddress(),
    listen: wish.listen ?? everywhere,
    apiPort: wish.port ?? usualPort,
    alternativeNames: wish.alternativeNames,
    wished: wish.wished,
    faults: wish.faults,
  });
  say(`joined "${cluster.name}" as member ${cluster.machine?.memberId}; it votes once it has caught up`);
  if (advice !== "") say(`! ${advice}`);
  return cluster;
}

const joinWaitMs = 60_000;
const everywhere = "0.0.0.0";

/** The first master of a new cluster. */
async function begin(wish: MachineWish): Promise<ClusterFile> {
  const { dataDir, wished, alternativeNames } = wish;
  await requireEmpty(dataDir);
  const id = randomUUID();
  const host = wish.host ?? machineAddress();
  const listen = wish.listen ?? everywhere;
  const apiPort = wish.port ?? usualPort;
  const cluster: ClusterFile = {
    version: 1,
    name: "dev",
    id,
    ...rangesOf(0),
    clusterDomain: "cluster.local",
    ...wished,
    ...ownPart({ clusterId: id, memberId: 1, host, listen, apiPort, alternativeNames }),
  };
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  await writeCluster(dataDir, cluster);
  return cluster;
}

/** What lies there is started again, with the address that it has now. */
async function takeUp(wish: MachineWish, present: ClusterFile): Promise<ClusterFile> {
  const { dataDir, wished } = wish;
  const differs = differences(wished, present);
  if (differs.length > 0) {
    throw new UserError("TRP-0404", `the cluster in ${dataDir} differs from what is asked for`, {
      cause: new Error(differs.join("; ")),
      hint: "leave these flags out: they count when a cluster is made",
      exitCode: 2,
    });
  }
  if (present.masters !== undefined) {
    throw new UserError("TRP-0404", `the masters of "${present.name}" all live on this machine`, {
      cause: new Error("up --masters made them, on ports of the loopback"),
      hint: `save and restore it for several machines: ${self} snapshot save --name ${present.name}`,
      exitCode: 2,
    });
  }
  if (wish.join !== undefined)
    say(`${dataDir} belongs to "${present.name}" already: --join and --token are not needed`);
  const known = present.machine;
  const host = wish.host ?? known?.host ?? machineAddress();
  const apiPort = wish.port ?? present.apiPort;
  const identity = await identityIn(dataDir);
  const memberId = identity?.memberId ?? known?.memberId ?? 1;
  const machine: MachineMaster = {
    name: `m${memberId}`,
    clusterId: identity?.clusterId ?? known?.clusterId ?? present.id,
    memberId,
    host,
    listen: wish.listen ?? known?.listen ?? everywhere,
    alternativeNames: wish.alternativeNames.length > 0 ? wish.alternativeNames : (known?.alternativeNames ?? []),
    ...(known?.joined === true ? { joined: true } : {}),
  };
  const cluster = { ...present, apiPort, grpcPort: apiPort + 1, address: host, machine };
  if (JSON.stringify(cluster) !== JSON.stringify(present)) await writeCluster(dataDir, cluster);
  return cluster;
}

/** Who the log in the data directory says it is; undefined: there is none yet. */
export async function identityIn(
  dataDir: string,
): Promise<{ readonly clusterId: string; readonly memberId: number } | undefined> {
  const words = await readText(join(layoutOf(dataDir).master, "identity"));
  return words === undefined ? undefined : (JSON.parse(words) as { clusterId: string; memberId: number });
}

/** `host:port`, with brackets where the host has colons. */
export function peerAddress({ machine, apiPort }: ClusterFile): string {
  const host = machine?.host ?? "";
  return `${isIP(host) === 6 ? `[${host}]` : host}:${apiPort + peerPortOffset}`;
}

export async function machinePeers(
  cluster: ClusterFile,
  machine: MachineMaster,
  pki: () => Pki,
): Promise<PeersOptions> {
  const { realSecureSockets } = await import("../../env/real/secure-sockets.ts");
  const { memberId, clusterId } = machine;
  const address = peerAddress(cluster);
  return {
    clusterId,
    memberId,
    members: machine.joined === true ? [] : [{ id: memberId, address }],
    advertised: address,
    listen: { host: machine.listen, port: cluster.apiPort + peerPortOffset },
    sockets: realSecureSockets,
    credentials: () => ({ ...pki().peer(machine.name), authority: pki().peerAuthority }),
  };
}

/**
 * A member whose machine has another address now tells the leader, until the log says so. A leader does
 * that itself. `pki`: asked anew for each attempt.
 */
export async function announceAddress(cluster: ClusterFile, master: Master, pki: () => Pki): Promise<void> {
  const address = peerAddress(cluster);
  const { raft } = master;
  const isKnown = (): boolean => {
    const own = raft.config.directory.find(({ id }) => id === raft.memberId);
    // Before it has caught up a member does not know what the log says of it.
    return own === undefined || own.address === address;
  };
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, announceMs).unref());
    if (isKnown() || raft.role === "leader") continue;
    const { servingAuthority: authority, admin: identity } = pki();
    const body = { type: "setAddress", id: raft.memberId, address };
    try {
      await ask({
        masters: master.endpoints(),
        method: "POST",
        path: membersPath,
        body,
        authority,
        identity,
        waitMs: 0,
      });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      say(`! the others do not know the address ${address} yet: ${error.message}`);
    }
  }
}

const announceMs = 2_000;

/** A flag that is given at each start may differ from the others' without anyone refusing it: it is said. */
export async function compareFlags(
  master: Master,
  own: { readonly faults: boolean; readonly api: string; readonly authority: string },
  warn: (words: string) => void,
): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, announceMs).unref());
  for (const api of master.endpoints()) {
    if (api === own.api) continue;
    const { host, port } = splitHostPort(api);
    const call = { host, port, method: "GET", path: memberPath, authority: own.authority } as const;
    // Who does not answer now compares when it starts.
    const answer = await callJson(call).catch(() => undefined);
    if (answer?.status !== 200) continue;
    const { faults = own.faults } = JSON.parse(answer.body) as { readonly faults?: boolean };
    if (faults !== own.faults) warn(`${faultsDiffer(faults)}; start all of them alike: ${api} differs`);
  }
}

/** What joining machines are given, from this machine's files. */
export function lendKeys(
  folder: string,
  cluster: ClusterFile,
  { pki, reload, faults }: { readonly pki: () => Pki; readonly reload: () => Promise<void>; readonly faults: boolean },
): JoiningOptions {
  return {
    async takeKeys(files) {
      await writeSharedKeys(folder, files, "replaceable");
      await reload();
    },
    version: troupeVersion,
    faults,
    cluster: () => partOf(cluster),
    authorities: () => pki().servingAuthority,
    keys: () => readSharedKeys(folder),
    signNode: (node, request) => signNode(folder, node, request),
    reach: (host, port, timeoutMs) =>
      new Promise((resolve, reject) => {
        const socket = connect({ host, port, timeout: timeoutMs });
        socket.once("connect", () => {
          socket.destroy();
          resolve();
        });
        socket.once("timeout", () => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)));
        socket.once("error", reject);
      }),
  };
}

/** Where pods find the API: the addresses of all masters, as far as they are addresses. */
export function mastersOf(
  cluster: ClusterFile,
  master: Master | undefined,
): readonly { readonly address: string; readonly port: number }[] {
  const own = { address: masterAddress(cluster), port: cluster.apiPort };
  if (cluster.machine === undefined || master === undefined) return [own];
  const found = master
    .endpoints()
    .map(splitHostPort)
    .filter(({ host }) => isIP(host) !== 0)
    .map(({ host, port }) => ({ address: host, port }));
  return found.length > 0 ? found : [own];
}

/** `DATA/admin.kubeconfig`: kubectl for who may read it. Renewed with the administrator's certificate. */
export async function writeAdminConfig(dataDir: string, cluster: ClusterFile, pki: Pki): Promise<void> {
  const path = join(dataDir, "admin.kubeconfig");
  const context = `troupe-${cluster.name}`;
  const host = cluster.machine?.host ?? "";
  await addContext(path, {
    name: context,
    server: `https://${isIP(host) === 6 ? `[${host}]` : host}:${cluster.apiPort}`,
    authority: pki.servingAuthority,
    certificate: pki.admin.certificate,
    key: pki.admin.key,
  });
  const { kubeconfig } = cluster;
  if (kubeconfig === undefined) await writeCluster(dataDir, { ...cluster, kubeconfig: { path, context } });
}

function partOf({ id, epoch = 0, name, podCidr, serviceCidr, dnsAddress, clusterDomain }: ClusterFile): ClusterPart {
  return { id, epoch, name, podCidr, serviceCidr, dnsAddress, clusterDomain };
}
