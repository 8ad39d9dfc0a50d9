/**
 * Certificate authorities and leaf certificates: EC P-256, one authority a purpose, so that a node's
 * certificate never opens a door that a user's does. Pure but for the WebCrypto that it is given.
 */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import type { Millis } from "../util/time.ts";

type Subtle = WebCrypto["subtle"];
type CryptoKey = Parameters<Subtle["exportKey"]>[1];
interface CryptoKeyPair {
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
}

/** The part of WebCrypto that keys and signatures need; `env/real` gives the platform's. */
export type WebCrypto = typeof globalThis.crypto;

/** PEM texts; the key is PKCS #8. */
export interface CertifiedKey {
  readonly certificate: string;
  readonly key: string;
}

export interface LeafRequest {
  readonly commonName: string;
  readonly organizations?: readonly string[];
  /** `peer`: both, between masters. */
  readonly usage: "server" | "client" | "peer";
  /** DNS names and IP addresses that the certificate speaks for (servers). */
  readonly names?: readonly string[];
  /** Who it is, in a form that no host can be named: `troupe://CLUSTER/member/ID`. */
  readonly uris?: readonly string[];
  readonly validMs: Millis;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const day = 24 * 60 * 60 * 1_000;
/** Certificates begin a little in the past: clocks of joining machines differ. */
const clockSkewMs = 10 * 60 * 1_000;
const authorityValidMs = 10 * 365 * day;

export interface Issuer {
  /** A self-signed authority. */
  authority(commonName: string): Promise<CertifiedKey>;
  leaf(authority: CertifiedKey, request: LeafRequest): Promise<CertifiedKey>;
  /** A key that stays where it is made, and what asks for its certificate (PKCS #10). PEM texts. */
  request(commonName: string): Promise<{ readonly key: string; readonly request: string }>;
  /**
   * A certificate for the key of a PKCS #10 request. Only the key is taken from it: what the certificate
   * says is `request`. Throws where the request is none, or its signature does not fit.
   */
  sign(authority: CertifiedKey, signingRequest: string, request: LeafRequest): Promise<string>;
}

export function createIssuer({
  webcrypto,
  now,
}: {
  readonly webcrypto: WebCrypto;
  readonly now: () => Millis;
}): Issuer {
  x509.cryptoProvider.set(webcrypto);

  const generateKeys = (): Promise<CryptoKeyPair> => webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);

  const pemOf = async (key: CryptoKey): Promise<string> =>
    x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY");

  const importKey = (pem: string): Promise<CryptoKey> =>
    webcrypto.subtle.importKey("pkcs8", x509.PemConverter.decodeFirst(pem), algorithm, false, ["sign"]);

  /** Positive, 16 random bytes (RFC 5280 allows 20). */
  const serialNumber = (): string => {
    const bytes = webcrypto.getRandomValues(new Uint8Array(16));
    bytes[0] = (bytes[0]! & 0x7f) | 0x40;
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  };

  const certify = async (authority: CertifiedKey, publicKey: CryptoKey, request: LeafRequest): Promise<string> => {
    const parent = new x509.X509Certificate(authority.certificate);
    const hosts = (request.names ?? []).map((value) => ({
      type: /^[0-9.]+$|:/.test(value) ? ("ip" as const) : ("dns" as const),
      value,
    }));
    const names = [...hosts, ...(request.uris ?? []).map((value) => ({ type: "url" as const, value }))];
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject: [
        ...(request.organizations ?? []).map((organization) => ({ O: [organization] })),
        { CN: [request.commonName] },
      ],
      issuer: parent.subjectName,
      notBefore: new Date(now() - clockSkewMs),
      notAfter: new Date(now() + request.validMs),
      signingAlgorithm: algorithm,
      publicKey,
      signingKey: await importKey(authority.key),
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([
          ...(request.usage === "client" ? [] : [x509.ExtendedKeyUsage.serverAuth]),
          ...(request.usage === "server" ? [] : [x509.ExtendedKeyUsage.clientAuth]),
        ]),
        await x509.AuthorityKeyIdentifierExtension.create(parent),
        ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
      ],
    });
    return `${certificate.toString("pem")}\n`;
  };

  return {
    async authority(commonName) {
      const keys = await generateKeys();
      const certificate = await x509.X509CertificateGenerator.createSelfSigned({
        serialNumber: serialNumber(),
        name: [{ CN: [commonName] }],
        notBefore: new Date(now() - clockSkewMs),
        notAfter: new Date(now() + authorityValidMs),
        signingAlgorithm: algorithm,
        keys,
        extensions: [
          new x509.BasicConstraintsExtension(true, undefined, true),
          new x509.KeyUsagesExtension(
            x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature,
            true,
          ),
          await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
        ],
      });
      return { certificate: `${certificate.toString("pem")}\n`, key: `${await pemOf(keys.privateKey)}\n` };
    },

    async leaf(authority, request) {
      const keys = await generateKeys();
      return {
        certificate: await certify(authority, keys.publicKey, request),
        key: `${await pemOf(keys.privateKey)}\n`,
      };
    },

    async request(commonName) {
      const keys = await generateKeys();
      const made = await x509.Pkcs10CertificateRequestGenerator.create({
        name: [{ CN: [commonName] }],
        signingAlgorithm: algorithm,
        keys,
      });
      return { key: `${await pemOf(keys.privateKey)}\n`, request: `${made.toString("pem")}\n` };
    },

    async sign(authority, signingRequest, request) {
      const asked = new x509.Pkcs10CertificateRequest(signingRequest);
      if (!(await asked.verify())) throw new Error("the request is not signed with its own key");
      return certify(authority, await asked.publicKey.export(algorithm, ["verify"]), request);
    },
  };
}
