/**
 * New authorities for a cluster that runs. First all masters, nodes and kubeconfigs believe the new ones
 * beside the old; only then the new ones sign; what the old ones signed goes on until they are let go in a
 * step of its own. Each step is handed to every master, and may be repeated: what was made for it lies in
 * `pki` until the new authorities sign.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { CertifiedKey } from "../auth/certificates.ts";
import { keysPath, membersPath, type MembersAnswer } from "../server/joining/answers.ts";
import { UserError } from "../util/errors.ts";
import { layoutOf, readText, writeAtomic } from "./cluster-file.ts";
import type { Values } from "./command.ts";
import { openAdmin, type Admin } from "./machines/admin.ts";
import { authorityFile, newAuthority, purposes, split, trustFile } from "./pki.ts";
import { self } from "./self.ts";

type Files = Readonly<Record<string, string>>;

export interface Rotation {
  readonly values: Values;
  /** How long everybody has to learn whom to believe, before the new authorities sign. */
  readonly settleMs: number;
  readonly tell: (line: string) => void;
}

export async function rotateAuthorities({ values, settleMs, tell }: Rotation): Promise<void> {
  const first = await openAdmin(values);
  const folder = layoutOf(first.found.dataDir).pki;
  const next = await makeNext(folder, first.found.cluster.name);
  const trusting = await filesOf(folder, (purpose, { extra }) => ({
    [trustFile(purpose)]: bundle([extra, next[purpose]!.certificate]),
  }));
  await hand(first, trusting);
  tell("every master believes the new authorities");
  tell(`waiting ${Math.round(settleMs / 1_000)} s for nodes and kubeconfigs to learn of them`);
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  const signing = await filesOf(folder, (purpose, { present, extra }) => {
    const { certificate, key } = next[purpose]!;
    return {
      [authorityFile(purpose)]: certificate + key,
      [trustFile(purpose)]: bundle([present.certificate, extra.replace(certificate, "")]),
    };
  });
  await hand(await openAdmin(values), signing);
  for (const purpose of purposes) await rm(join(folder, nextFile(purpose)), { force: true });
  tell("the new authorities sign; certificates of masters and nodes are made anew");
}

/** Whoever shows a certificate of an old authority is a stranger from now on. */
export async function dropOldAuthorities(values: Values): Promise<void> {
  const admin = await openAdmin(values);
  await hand(admin, Object.fromEntries(purposes.map((purpose) => [trustFile(purpose), ""])));
}

/** To every master, the one that leads last: it makes use of them first. Throws before anything is sent where one is away. */
export async function hand(admin: Admin, files: Files): Promise<void> {
  const { members, leader } = await admin.ask<MembersAnswer>("GET", membersPath);
  const ordered = members.toSorted((a, b) => Number(a.id === leader) - Number(b.id === leader));
  for (const { id, api } of ordered) {
    const answers =
      api === undefined
        ? undefined
        : await admin
            .at([api])
            .ask("GET", membersPath)
            .then(
              () => api,
              () => undefined,
            );
    if (answers !== undefined) continue;
    throw new UserError("TRP-0409", `member ${id} does not answer, and would miss the new keys`, {
      cause: new Error(`it is asked at ${api ?? "no address"}`),
      hint: `bring it back, or ${self} member remove ${id}; then the same again`,
      exitCode: 5,
    });
  }
  for (const { api = "" } of ordered) await admin.at([api]).ask("POST", keysPath, { files });
}

function nextFile(purpose: string): string {
  return `${purpose}-ca.next.pem`;
}

/** Made once a rotation; one that was cut short goes on with them. */
async function makeNext(folder: string, cluster: string): Promise<Readonly<Record<string, CertifiedKey>>> {
  const made: Record<string, CertifiedKey> = {};
  for (const purpose of purposes) {
    const path = join(folder, nextFile(purpose));
    const present = await readText(path);
    made[purpose] = present === undefined ? await newAuthority(purpose, cluster) : split(present);
    if (present === undefined) await writeAtomic(path, made[purpose].certificate + made[purpose].key, 0o600);
  }
  return made;
}

async function filesOf(
  folder: string,
  of: (purpose: string, files: { readonly present: CertifiedKey; readonly extra: string }) => Files,
): Promise<Files> {
  const files: Record<string, string> = {};
  for (const purpose of purposes) {
    const present = split((await readText(join(folder, authorityFile(purpose)))) ?? "");
    const extra = (await readText(join(folder, trustFile(purpose)))) ?? "";
    Object.assign(files, of(purpose, { present, extra }));
  }
  return files;
}

/** Each certificate once. */
function bundle(parts: readonly string[]): string {
  const found = parts.join("\n").match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return [...new Set(found)].map((pem) => `${pem}\n`).join("");
}
