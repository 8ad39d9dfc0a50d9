/** What lies in a cluster's `pki` folder: authorities and leaves, and how long they live. */
import { X509Certificate } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Begins a little before the certificate was made: clocks of joining machines differ. */
const clockSkewMs = 10 * 60 * 1_000;

/** Milliseconds since 1970. */
export interface Life {
  /** When it was made. */
  readonly fromMs: number;
  readonly toMs: number;
}

export function lifeOf(certificate: X509Certificate): Life {
  return { fromMs: Date.parse(certificate.validFrom) + clockSkewMs, toMs: Date.parse(certificate.validTo) };
}

/** Renewed when two thirds of its life are over. */
export function renewalDueMs({ fromMs, toMs }: Life): number {
  return toMs - Math.max(0, toMs - fromMs) / 3;
}

export interface Certificate {
  /** `serving`, `admin`, `node-n1`, `client-ca`: its file without `.pem`. */
  readonly name: string;
  readonly use: "authority" | "server" | "client" | "server and client";
  /** `CN=system:node:n1, O=system:nodes`. */
  readonly subject: string;
  /** The common name of the authority that signed it. */
  readonly issuer: string;
  readonly toMs: number;
  /** When it will be made anew; authorities never are. */
  readonly renewalMs: number | undefined;
  readonly fingerprint: string;
}

const serverAuth = "1.3.6.1.5.5.7.3.1";
const clientAuth = "1.3.6.1.5.5.7.3.2";

export function describe(name: string, pem: string): Certificate {
  const certificate = new X509Certificate(pem);
  const life = lifeOf(certificate);
  const usage = certificate.keyUsage ?? [];
  const isServer = usage.includes(serverAuth);
  const isClient = usage.includes(clientAuth);
  const leaf = isServer && isClient ? "server and client" : isServer ? "server" : "client";
  const parts = (text: string): readonly string[] => text.split("\n").filter((part) => part !== "");
  return {
    name,
    use: certificate.ca ? "authority" : leaf,
    subject: parts(certificate.subject).toReversed().join(", "),
    issuer:
      parts(certificate.issuer)
        .find((part) => part.startsWith("CN="))
        ?.slice("CN=".length) ?? certificate.issuer,
    toMs: life.toMs,
    renewalMs: certificate.ca ? undefined : renewalDueMs(life),
    fingerprint: certificate.fingerprint256,
  };
}

/** Authorities first, then leaves, each by name; empty where there is no folder. */
export async function listCertificates(folder: string): Promise<readonly Certificate[]> {
  const files = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const found: Certificate[] = [];
  for (const file of files.filter((name) => name.endsWith(".pem"))) {
    const pem = await readFile(join(folder, file), "utf8");
    // Nothing is trusted beside the authority any more.
    if (pem.trim() !== "") found.push(describe(file.slice(0, -".pem".length), pem));
  }
  const rank = ({ use, name }: Certificate): string => `${use === "authority" ? 0 : 1}${name}`;
  return found.toSorted((a, b) => rank(a).localeCompare(rank(b), "en"));
}
