/** What `troupe snapshot` does with files and data directories; the bytes are the server's affair. */
import { randomUUID } from "node:crypto";
import { cp, mkdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Env } from "../env/env.ts";
import { createRealDisk } from "../env/real/disk.ts";
import { backupPath } from "../server/backup/backups.ts";
import { backupName, listBackups, openBackupFile, writeBackup, type BackupFile } from "../server/backup/files.ts";
import type { BackupManifest } from "../server/backup/format.ts";
import { LenientSealer, lenientSealer } from "../server/backup/lenient-sealer.ts";
import { backupOf, readMasterFolder, stateOf } from "../server/backup/offline.ts";
import { countRows, countUnreadable, loadBackup, writeMasterFolder } from "../server/backup/restore.ts";
import { messageOf, UserError } from "../util/errors.ts";
import { download } from "./api-client.ts";
import {
  backupCluster,
  layoutOf,
  readCluster,
  readText,
  register,
  registered,
  writeCluster,
  type ClusterFile,
  type Registered,
} from "./cluster-file.ts";
import { foreignEntries } from "./data-folder.ts";
import { ensurePki, parseSealingKeys, sealingKeyFile, sealingKeyName } from "./pki.ts";
import { createProcessEnv } from "./process-env.ts";
import { processesOf } from "./processes.ts";
import { self } from "./self.ts";
import { accessOf } from "./commands/up.ts";

export interface Saved {
  readonly path: string;
  readonly sizeBytes: number;
  readonly manifest: BackupManifest;
  readonly from: "master" | "directory";
}

/** From the master that runs; from its folder where none does. `path` undefined: into the cluster's own folder. */
export async function saveBackup(found: Registered, path: string | undefined): Promise<Saved> {
  const layout = layoutOf(found.dataDir);
  const target = path === undefined ? undefined : resolve(path);
  const folder = target === undefined ? layout.snapshots : dirname(target);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const disk = createRealDisk(folder);
  const isRunning = processesOf(found.dataDir).some(({ role }) => role === "server");
  const bytes = isRunning ? await bytesOfMaster(found) : await bytesOfFolder(found);
  const unnamed = `saving-${process.pid}.snapshot`;
  const sizeBytes = await writeBackup(disk, unnamed, bytes);
  const { manifest } = await peek(join(folder, unnamed));
  const name =
    target === undefined ? backupName("saved", Date.parse(manifest.takenAt), manifest.revision) : basename(target);
  await disk.rename(unnamed, name);
  await disk.syncFolder("");
  return { path: join(folder, name), sizeBytes, manifest, from: isRunning ? "master" : "directory" };
}

async function bytesOfMaster({ dataDir, cluster }: Registered): Promise<AsyncIterable<Uint8Array>> {
  const pki = await ensurePki(layoutOf(dataDir).pki, cluster);
  try {
    return await download(accessOf(cluster, pki), backupPath);
  } catch (error) {
    throw new UserError("TRP-0172", "the master does not hand over a snapshot", {
      cause: error,
      hint: `${self} status --name ${cluster.name}`,
      exitCode: 5,
    });
  }
}

async function bytesOfFolder({ dataDir, cluster }: Registered): Promise<AsyncIterable<Uint8Array>> {
  if (cluster.masters !== undefined) {
    throw new UserError("TRP-0172", "its masters do not run, and none of them knows by itself what is newest", {
      hint: `${self} up --name ${cluster.name}`,
      exitCode: 3,
    });
  }
  const layout = layoutOf(dataDir);
  const env = createProcessEnv({ diskRoot: layout.master, verbose: false });
  const folder = await readMasterFolder(env);
  if (folder === undefined) {
    throw new UserError("TRP-0172", `no master has run in ${dataDir} yet`, { hint: `${self} up`, exitCode: 3 });
  }
  const store = await stateOf(env, folder);
  const keys = parseSealingKeys((await readText(join(layout.pki, sealingKeyFile))) ?? "");
  const newest = keys.at(-1);
  return backupOf(env, store, {
    takenAt: new Date().toISOString(),
    cluster: backupCluster(cluster),
    member: "m1",
    term: folder.wal?.hardState.term ?? 0,
    sealingKey: newest === undefined ? "" : sealingKeyName(newest),
  });
}

function openFile(path: string): Promise<BackupFile> {
  const absolute = resolve(path);
  const env = createProcessEnv({ diskRoot: dirname(absolute), verbose: false });
  return openBackupFile(env.disk, env.crypto, basename(absolute)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT" && error.code !== "EISDIR") throw error;
    throw new UserError("TRP-0170", `there is no snapshot ${path}`, { hint: `${self} snapshot list`, exitCode: 3 });
  });
}

async function peek(path: string): Promise<{ readonly manifest: BackupManifest; readonly sizeBytes: number }> {
  const file = await openFile(path);
  await file.close();
  return { manifest: file.manifest, sizeBytes: file.sizeBytes };
}

export interface Inspected {
  readonly file: string;
  readonly sizeBytes: number;
  /** `sound`, or what is wrong. */
  readonly checksum: string;
  readonly takenAt: string;
  readonly cluster: { readonly name: string; readonly id: string; readonly epoch: number };
  readonly member: string;
  readonly revision: number;
  readonly index: number;
  readonly term: number;
  /** Names of the keys without which its Secrets cannot be read. */
  readonly sealingKeys: readonly string[];
  readonly objects: Readonly<Record<string, number>>;
}

/** Reads all of it, as a restore would. */
export async function inspectBackup(path: string): Promise<Inspected> {
  const file = await openFile(path);
  const { manifest, sizeBytes } = file;
  const { name, id, epoch } = manifest.cluster;
  const { takenAt, member, revision, index, term } = manifest;
  const env = createProcessEnv({ diskRoot: "/", verbose: false });
  const known = { file: path, sizeBytes, takenAt, cluster: { name, id, epoch }, member, revision, index, term };
  try {
    const counts = countRows(await loadBackup(env, file, new LenientSealer()));
    return { ...known, checksum: "sound", sealingKeys: counts.sealingKeys, objects: counts.kinds };
  } catch (error) {
    return { ...known, checksum: messageOf(error), sealingKeys: [], objects: {} };
  } finally {
    await file.close();
  }
}

export interface Listed {
  readonly name: string;
  readonly path: string;
  readonly takenAt: string;
  readonly revision: number;
  readonly sizeBytes: number;
  /** What is wrong with it, as far as its beginning tells; else undefined. */
  readonly problem: string | undefined;
}

/** Those in the cluster's own folder, oldest first. Only the beginning of each is read. */
export async function listSaved(dataDir: string): Promise<readonly Listed[]> {
  const folder = layoutOf(dataDir).snapshots;
  const listed: Listed[] = [];
  for (const name of await listBackups(createRealDisk(folder))) {
    const path = join(folder, name);
    try {
      const { manifest, sizeBytes } = await peek(path);
      listed.push({
        name,
        path,
        takenAt: manifest.takenAt,
        revision: manifest.revision,
        sizeBytes,
        problem: undefined,
      });
    } catch (error) {
      listed.push({ name, path, takenAt: "", revision: 0, sizeBytes: 0, problem: messageOf(error) });
    }
  }
  return listed.toSorted((a, b) => a.takenAt.localeCompare(b.takenAt, "en"));
}

export interface RestoreWish {
  readonly path: string;
  readonly dataDir: string;
  /** Folder with the keys of the cluster; undefined: the one beside the snapshot, or that of `dataDir`. */
  readonly keys: string | undefined;
  /** `dataDir` holds the cluster already: its master's state is put aside. */
  readonly replace: boolean;
}

export interface RestoreDone {
  readonly cluster: ClusterFile;
  readonly takenAt: string;
  readonly revision: number;
  /** Where the keys came from; undefined: `up` makes new ones. */
  readonly keys: string | undefined;
  /** Where the state before lies now. */
  readonly aside: string | undefined;
}

/** Makes a data directory out of a snapshot; `up` starts it. Nothing is changed where anything is refused. */
export async function restoreBackup(wish: RestoreWish): Promise<RestoreDone> {
  const layout = layoutOf(wish.dataDir);
  const present = await readCluster(wish.dataDir);
  await requireTarget(wish, present);
  const file = await openFile(wish.path);
  try {
    const { manifest } = file;
    requireSameCluster(wish, manifest, present);
    const keys = present === undefined ? await keysFor(wish) : layout.pki;
    const env = createProcessEnv({ diskRoot: join(wish.dataDir, "master.part"), verbose: false });
    const sealer = await sealerOf(env, keys);
    const store = await loadBackup(env, file, sealer);
    requireKeys(countUnreadable(store, sealer), countRows(store).sealingKeys, keys);
    await rm(join(wish.dataDir, "master.part"), { recursive: true, force: true });
    await mkdir(join(wish.dataDir, "master.part"), { recursive: true, mode: 0o700 });
    const cluster = restoredCluster(manifest, present);
    const { revision } = await writeMasterFolder(env, store, cluster.id);
    if (present === undefined && keys !== undefined) await cp(keys, layout.pki, { recursive: true });
    const aside = present === undefined ? undefined : await putAside(layout.master, manifest);
    await rename(join(wish.dataDir, "master.part"), layout.master);
    await writeCluster(wish.dataDir, cluster);
    await register(cluster.name, wish.dataDir);
    return { cluster, takenAt: manifest.takenAt, revision, keys, aside };
  } finally {
    await file.close();
  }
}

async function requireTarget({ dataDir, replace }: RestoreWish, present: ClusterFile | undefined): Promise<void> {
  if (present === undefined) {
    const foreign = (await foreignEntries(dataDir)).filter((entry) => entry !== "master.part");
    if (foreign.length > 0) throw refused(`${dataDir} is no empty folder`, "a new folder");
    return;
  }
  if (!replace) {
    throw refused(
      `${dataDir} holds the cluster "${present.name}"`,
      "a new folder, or --replace to put its state aside",
    );
  }
  const running = processesOf(dataDir).find(({ role }) => role === "server" || role === "keeper");
  if (running !== undefined) {
    throw refused(`its ${running.role} runs, as process ${running.pid}`, `${self} down --name ${present.name}`);
  }
}

function requireSameCluster(wish: RestoreWish, { cluster }: BackupManifest, present: ClusterFile | undefined): void {
  if (present === undefined || present.name === cluster.name) return;
  throw refused(`the snapshot is of "${cluster.name}", ${wish.dataDir} of "${present.name}"`, "a new folder");
}

function refused(why: string, hint: string): UserError {
  return new UserError("TRP-0173", "the snapshot cannot be restored there", {
    cause: new Error(why),
    hint,
    exitCode: 2,
  });
}

/** A snapshot in a cluster's own folder has that cluster's keys beside it. */
async function keysFor({ path, keys }: RestoreWish): Promise<string | undefined> {
  const folder = keys === undefined ? join(dirname(dirname(resolve(path))), "pki") : resolve(keys);
  if ((await readText(join(folder, sealingKeyFile))) !== undefined) return folder;
  if (keys === undefined) return undefined;
  throw new UserError("TRP-0174", `${keys} holds no keys of a cluster`, {
    cause: new Error(`there is no ${sealingKeyFile} in it`),
    hint: "--keys takes the folder pki of the cluster's data directory, or a copy of it",
    exitCode: 2,
  });
}

async function sealerOf(env: Env, folder: string | undefined): Promise<LenientSealer> {
  const words = folder === undefined ? undefined : await readText(join(folder, sealingKeyFile));
  return lenientSealer(env, words === undefined ? [] : parseSealingKeys(words));
}

function requireKeys(unreadable: number, names: readonly string[], keys: string | undefined): void {
  if (unreadable === 0) return;
  const where = keys === undefined ? "no keys were given" : `the keys in ${keys} do not open them`;
  throw new UserError("TRP-0174", `${unreadable} Secrets of the snapshot could not be read`, {
    cause: new Error(`they are sealed with ${names.map((name) => `key ${name}`).join(", ")}; ${where}`),
    hint: "--keys DIR, the folder pki of the cluster's data directory or a copy of it",
  });
}

function restoredCluster({ cluster }: BackupManifest, present: ClusterFile | undefined): ClusterFile {
  // It begins again with one master, whatever it had: the others' logs are of the life before.
  const { masters: _members, ...file } = present ?? (cluster.file as unknown as ClusterFile);
  return { ...file, id: randomUUID(), epoch: Math.max(cluster.epoch, present?.epoch ?? 0) + 1 };
}

async function putAside(master: string, { revision }: BackupManifest): Promise<string> {
  const aside = `${master}-before-r${revision}-${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, "")}`;
  await rename(master, aside).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  return aside;
}

/** The cluster of that name runs somewhere else: two must not answer to one name. */
export async function requireNotRunning(name: string, dataDir: string): Promise<void> {
  const twin = (await registered()).find((entry) => entry.name === name && entry.dataDir !== dataDir);
  if (twin === undefined || processesOf(twin.dataDir).length === 0) return;
  throw refused(`the cluster "${name}" runs, from ${twin.dataDir}`, `${self} down --name ${name}`);
}
