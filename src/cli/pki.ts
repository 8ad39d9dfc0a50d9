/**
 * The keys of a cluster on this machine: three authorities (serving, clients, nodes), the master's
 * serving certificate, the administrator's and each node's client certificate, and the key that signs
 * ServiceAccount tokens. Made once; a leaf that does not fit any more (another address) is made anew.
 */
import { X509Certificate, createHash, createPublicKey, generateKeyPairSync } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { CertifiedKey, Issuer, LeafRequest } from "../auth/certificates.ts";
import { UserError } from "../util/errors.ts";
import { self } from "./self.ts";
import { lifeOf, renewalDueMs } from "./certificates.ts";
import { masterAddress, readText, writeAtomic, type ClusterFile } from "./cluster-file.ts";

export interface Pki {
  readonly serving: CertifiedKey;
  readonly servingAuthority: string;
  readonly clientAuthority: string;
  readonly nodeAuthority: string;
  readonly admin: CertifiedKey;
  readonly node: (name: string) => CertifiedKey;
  /** Authorities are PEM bundles: the one that signs first. What masters show each other, by name; there are several masters. */
  readonly peer: (name: string) => CertifiedKey;
  readonly peerAuthority: string;
  readonly tokens: { readonly signingKey: string; readonly verifyingKey: string };
  /** What seals Secrets at rest: keys of 32 bytes, oldest first. */
  readonly sealingKeys: readonly Uint8Array[];
}

const yearMs = 365 * 24 * 60 * 60 * 1_000;

export interface Renewal {
  /** Whether the leaf of this name is made anew though it fits. */
  readonly renew?: (name: string) => boolean;
  /** How long leaves that are made now are good for; a year if missing. */
  readonly validMs?: number;
}

export async function ensurePki(folder: string, cluster: ClusterFile, renewal: Renewal = {}): Promise<Pki> {
  const { renew = () => false, validMs = yearMs } = renewal;
  if (cluster.masterSeeds !== undefined) {
    throw new UserError("TRP-0111", `${folder} is that of a node: it has no keys of the cluster`, {
      hint: `${self} on a machine with a master`,
      exitCode: 3,
    });
  }
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const issuer = lazyIssuer();
  const authority = async (name: string): Promise<CertifiedKey & { readonly trusted: string }> => {
    const pair = await ensurePair(
      folder,
      `${name}-ca`,
      () => true,
      async () => (await issuer()).authority(`troupe-${name}-ca@${cluster.name}`),
    );
    return { ...pair, trusted: pair.certificate + ((await readText(join(folder, trustFile(name)))) ?? "") };
  };
  const [servingCa, clientCa, nodeCa] = await Promise.all([
    authority("serving"),
    authority("client"),
    authority("node"),
  ]);
  const names = servingNames(cluster);
  const leaf = (name: string, parent: CertifiedKey, request: LeafRequest): Promise<CertifiedKey> =>
    ensurePair(
      folder,
      name,
      (pair) => !renew(name) && fits(pair, parent, request),
      async () => (await issuer()).leaf(parent, request),
    );
  const serving = await leaf("serving", servingCa, {
    commonName: "kube-apiserver",
    usage: "server",
    names,
    validMs,
  });
  const admin = await leaf("admin", clientCa, {
    commonName: "troupe-admin",
    organizations: ["system:masters"],
    usage: "client",
    validMs,
  });
  const nodes = new Map<string, CertifiedKey>();
  for (const node of cluster.nodes) {
    nodes.set(node, await leaf(`node-${node}`, nodeCa, nodeRequest(node, validMs)));
  }
  const members = membersHere(cluster);
  const peerCa = members.length === 0 ? undefined : await authority("peer");
  const peers = new Map<string, CertifiedKey>();
  for (const { name, uri } of members) {
    const uris = [uri];
    peers.set(
      name,
      await leaf(`peer-${name}`, peerCa!, { commonName: `troupe-peer-${name}`, usage: "peer", uris, validMs }),
    );
  }
  return {
    serving,
    servingAuthority: servingCa.trusted,
    clientAuthority: clientCa.trusted,
    nodeAuthority: nodeCa.trusted,
    admin,
    node: (name) => nodes.get(name)!,
    peer: (name) => peers.get(name)!,
    peerAuthority: peerCa?.trusted ?? "",
    tokens: await ensureTokenKeys(folder),
    sealingKeys: await readSealingKeys(folder),
  };
}

/** The masters whose keys lie here, and the URIs that say who they are. */
function membersHere({ id, machine, masters = [] }: ClusterFile): readonly { name: string; uri: string }[] {
  const uriOf = (clusterId: string, memberId: number): string => `troupe://${clusterId}/member/${memberId}`;
  if (machine !== undefined) return [{ name: machine.name, uri: uriOf(machine.clusterId, machine.memberId) }];
  return masters.map(({ name, id: memberId }) => ({ name, uri: uriOf(id, memberId) }));
}

/** One authority a purpose; what is trusted is the one that signs, and those of a rotation that is under way. */
export const purposes = ["serving", "client", "node", "peer"] as const;

export function authorityFile(purpose: string): string {
  return `${purpose}-ca.pem`;
}

/** Certificates without keys that are trusted beside the authority that signs. */
export function trustFile(purpose: string): string {
  return `${purpose}-ca.trust.pem`;
}

const sealingFile = "sealing.key";
const replaceable = [...purposes.flatMap((name) => [authorityFile(name), trustFile(name)]), sealingFile];
const sharedFiles = [...replaceable, "service-account.key"];

/** What all masters of a cluster have in common, by file name: for one that joins. */
export async function readSharedKeys(folder: string): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  for (const file of sharedFiles) {
    const content = await readText(join(folder, file));
    if (content !== undefined) found[file] = content;
  }
  return found;
}

/** Only files that are shared are written, whatever the other end has sent. */
export async function writeSharedKeys(
  folder: string,
  files: Readonly<Record<string, string>>,
  which: "all" | "replaceable" = "all",
): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const file of which === "all" ? sharedFiles : replaceable) {
    const content = files[file];
    if (content !== undefined) await writeAtomic(join(folder, file), content, 0o600);
  }
}

/** A year's certificate for the key of a node on another machine. */
export async function signNode(folder: string, node: string, signingRequest: string): Promise<string> {
  const parent = await readText(join(folder, "node-ca.pem"));
  if (parent === undefined) throw new UserError("TRP-0406", "this master has no authority for nodes");
  const { createIssuer } = await import("../auth/certificates.ts");
  const issuer = createIssuer({ webcrypto: globalThis.crypto, now: () => Date.now() });
  try {
    return await issuer.sign(split(parent), signingRequest, nodeRequest(node, yearMs));
  } catch (error) {
    throw new UserError("TRP-0406", "the request for a certificate cannot be signed", { cause: error });
  }
}

function nodeRequest(node: string, validMs: number): LeafRequest {
  return { commonName: `system:node:${node}`, organizations: ["system:nodes"], usage: "client", validMs };
}

/** SHA-256 of an authority's public key, in hex: what join tokens pin. */
export function pinOf(authority: string): string {
  const key = new X509Certificate(authority).publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(key).digest("hex");
}

/** One key a line, in hex, the newest last. */
export const sealingKeyFile: string = sealingFile;

export async function readSealingKeys(folder: string): Promise<readonly Uint8Array[]> {
  return parseSealingKeys(await ensureText(join(folder, sealingKeyFile), newSealingKey));
}

export function parseSealingKeys(words: string): readonly Uint8Array[] {
  const lines = words.split("\n").filter((line) => line.trim() !== "");
  return lines.map((line) => new Uint8Array(Buffer.from(line.trim(), "hex")));
}

export function newSealingKey(): string {
  return randomHex(32);
}

/** What bodies that this key has sealed begin with, in hex. */
export function sealingKeyName(key: Uint8Array): string {
  return createHash("sha256").update(key).digest("hex").slice(0, 8);
}

function servingNames(cluster: ClusterFile): readonly string[] {
  const service = `kubernetes.default.svc.${cluster.clusterDomain}`;
  const names = [
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    service,
    "localhost",
    "127.0.0.1",
    "::1",
  ];
  const own = cluster.machine === undefined ? [] : [cluster.machine.host, ...cluster.machine.alternativeNames];
  return [...new Set([...names, cluster.address, masterAddress(cluster), firstAddress(cluster.serviceCidr), ...own])];
}

/** 10.43.0.0/16 → 10.43.0.1, the address of Service `kubernetes`. */
export function firstAddress(cidr: string): string {
  const bytes = cidr.split("/")[0]!.split(".").map(Number);
  return [...bytes.slice(0, 3), bytes[3]! + 1].join(".");
}

/** The certificate library takes a fifth of a second to load, and is needed on the first start only. */
function lazyIssuer(): () => Promise<Issuer> {
  let issuer: Promise<Issuer> | undefined;
  const load = async (): Promise<Issuer> => {
    const { createIssuer } = await import("../auth/certificates.ts");
    return createIssuer({ webcrypto: globalThis.crypto, now: () => Date.now() });
  };
  return () => (issuer ??= load());
}

/** Still signed by this authority, speaks for all names, and has a third of its life before it. */
function fits(pair: CertifiedKey, parent: CertifiedKey, request: LeafRequest): boolean {
  const certificate = new X509Certificate(pair.certificate);
  if (!certificate.verify(new X509Certificate(parent.certificate).publicKey)) return false;
  if (Date.now() >= renewalDueMs(lifeOf(certificate))) return false;
  const speaksFor = certificate.subjectAltName?.split(", ") ?? [];
  if ((request.uris ?? []).some((uri) => !speaksFor.includes(`URI:${uri}`))) return false;
  return (request.names ?? []).every((name) =>
    /^[0-9.]+$|:/.test(name) ? certificate.checkIP(name) !== undefined : certificate.checkHost(name) !== undefined,
  );
}

async function ensurePair(
  folder: string,
  name: string,
  isFit: (pair: CertifiedKey) => boolean,
  make: () => Promise<CertifiedKey>,
): Promise<CertifiedKey> {
  const path = join(folder, `${name}.pem`);
  const text = await readText(path);
  if (text !== undefined) {
    const pair = split(text);
    if (isFit(pair)) return pair;
  }
  const made = await make();
  await writeAtomic(path, made.certificate + made.key, 0o600);
  return made;
}

/** An authority for a rotation to come. */
export async function newAuthority(purpose: string, cluster: string): Promise<CertifiedKey> {
  return (await lazyIssuer()()).authority(`troupe-${purpose}-ca@${cluster}`);
}

/** Certificate and key out of one file. */
export function split(text: string): CertifiedKey {
  const at = text.indexOf("-----BEGIN PRIVATE KEY-----");
  return { certificate: text.slice(0, at), key: text.slice(at) };
}

async function ensureText(path: string, make: () => string): Promise<string> {
  const present = await readText(path);
  if (present !== undefined) return present.trim();
  const made = make();
  await writeAtomic(path, `${made}\n`, 0o600);
  return made;
}

async function ensureTokenKeys(folder: string): Promise<Pki["tokens"]> {
  const signingKey = await ensureText(join(folder, "service-account.key"), () =>
    generateKeyPairSync("ec", { namedCurve: "P-256" })
      .privateKey.export({ type: "pkcs8", format: "pem" })
      .toString()
      .trim(),
  );
  const verifyingKey = createPublicKey(signingKey).export({ type: "spki", format: "pem" }).toString();
  return { signingKey, verifyingKey };
}

function randomHex(bytes: number): string {
  return Buffer.from(globalThis.crypto.getRandomValues(new Uint8Array(bytes))).toString("hex");
}
