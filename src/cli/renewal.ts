/**
 * Certificates of a process that runs on: looked at before they are due, renewed, and taken over
 * without a restart. `troupe cert renew` says SIGHUP, which is a look at once.
 */
import { X509Certificate } from "node:crypto";
import type { CertifiedKey } from "../auth/certificates.ts";
import type { Log } from "../env/env.ts";
import { messageOf } from "../util/errors.ts";
import { lifeOf, renewalDueMs } from "./certificates.ts";
import { readCluster, type ClusterFile } from "./cluster-file.ts";
import { renewUser } from "./kubeconfig.ts";
import { ensurePki, type Pki } from "./pki.ts";

/** So often at least, in case the clock steps or somebody changes the files. */
export const lookEveryMs: number = 60 * 60 * 1_000;
/** So often at most: what cannot be renewed is told, not told without end. */
export const lookMinMs = 1_000;
/** After a change: another process may have renewed at the same time, and what lies there last counts. */
export const lookAgainMs = 10_000;

export interface KeepingOptions {
  readonly folder: string;
  readonly cluster: ClusterFile;
  readonly log: Log;
  /** The certificate that this process shows. */
  readonly own: (pki: Pki) => CertifiedKey;
  /** What else is taken over when it has changed: the authorities that this process believes. */
  readonly believed: (pki: Pki) => string;
  readonly take: (pair: CertifiedKey, pki: Pki) => void;
  /** Others to tell of what is there now. */
  readonly tell?: (pki: Pki) => Promise<void>;
}

/**
 * Keeps on for the rest of the process's life, without keeping it alive. Answers how to look at once; that resolves
 * when what is there now has been taken over.
 */
export function keepCertificates(options: KeepingOptions): () => Promise<void> {
  const { folder, cluster, log, own, believed, take } = options;
  let shown: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  const lookOnce = async (): Promise<void> => {
    clearTimeout(timer);
    let nextMs = lookEveryMs;
    try {
      const pki = await ensurePki(folder, cluster);
      const pair = own(pki);
      const certificate = new X509Certificate(pair.certificate);
      const known = pair.certificate + believed(pki);
      nextMs = untilLook(renewalDueMs(lifeOf(certificate)), Date.now());
      if (shown !== undefined && shown !== known) {
        nextMs = Math.min(nextMs, lookAgainMs);
        take(pair, pki);
        if (shown.startsWith(pair.certificate)) log("info", "authorities.changed");
        else log("info", "certificate.renewed", { subject: certificate.subject, until: certificate.validTo });
      }
      shown = known;
      await options
        .tell?.(pki)
        .catch((error: unknown) => log("warn", "kubeconfig.not-renewed", { reason: messageOf(error) }));
    } catch (error) {
      log("error", "certificate.not-renewed", { reason: messageOf(error) });
    }
    clearTimeout(timer);
    timer = setTimeout(() => void look(), nextMs);
    timer.unref();
  };
  let last = Promise.resolve();
  // One behind the other: of two at once the earlier may end later, and stay with what is old.
  const look = (): Promise<void> => {
    last = last.then(lookOnce);
    return last;
  };
  process.on("SIGHUP", () => void look());
  void look();
  return look;
}

/** Milliseconds from `nowMs` until the next look at a certificate that is due at `dueMs`. */
export function untilLook(dueMs: number, nowMs: number): number {
  return Math.min(lookEveryMs, Math.max(lookMinMs, dueMs - nowMs));
}

/** The user's kubeconfig, if there is one, gets the administrator's new certificate, and whom to believe. */
export async function renewContext(dataDir: string, { admin, servingAuthority: authority }: Pki): Promise<void> {
  const { kubeconfig } = (await readCluster(dataDir)) ?? {};
  if (kubeconfig !== undefined) await renewUser(kubeconfig.path, { name: kubeconfig.context, ...admin, authority });
}
