/** A data directory: room, speed of its disk, ports, certificates, the log, backups. Nothing is changed. */
import { constants } from "node:fs";
import { open, readdir, stat, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { performance } from "node:perf_hooks";
import type { Log } from "../../env/env.ts";
import { messageOf, UserError } from "../../util/errors.ts";
import { listSaved } from "../backups.ts";
import { listCertificates, type Certificate } from "../certificates.ts";
import { layoutOf, type Registered } from "../cluster-file.ts";
import { leftText } from "../commands/cert.ts";
import { sizeText } from "../output.ts";
import { listenerOf } from "../ports.ts";
import { createProcessEnv } from "../process-env.ts";
import { processesOf } from "../processes.ts";
import { peerPortOffset } from "../../server/joining/answers.ts";
import { readMasterFolder } from "../../server/backup/offline.ts";
import { fail, ok, quantile, warn, type Check } from "./check.ts";
import { doctorLimits } from "./limits.ts";

export async function dataChecks(found: Registered): Promise<readonly Check[]> {
  const isRunning = processesOf(found.dataDir).some(({ role }) => role === "server");
  const certificates = certificateChecks(await listCertificates(layoutOf(found.dataDir).pki), Date.now());
  // A node on a machine of its own has neither ports nor a log.
  if (found.cluster.masterSeeds !== undefined) {
    return [await spaceCheck(found.dataDir), await syncCheck(found.dataDir), ...certificates];
  }
  return [
    await spaceCheck(found.dataDir),
    await syncCheck(found.dataDir),
    ...portChecks(found),
    await clockCheck(found.dataDir),
    await keysCheck(found.dataDir),
    ...certificates,
    ...(await Promise.all(logFolders(found).map(([name, folder]) => logCheck(name, folder, isRunning)))),
    await backupCheck(found, Date.now()),
  ];
}

/** The folder, or the nearest above it that is there. */
async function existing(path: string): Promise<string> {
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  return isThere || path === "/" ? path : existing(dirname(path));
}

export async function spaceCheck(dataDir: string): Promise<Check> {
  const { bavail, bsize, blocks, ffree, files } = await statfs(await existing(dataDir));
  return spaceVerdict({
    freeBytes: bavail * bsize,
    allBytes: blocks * bsize,
    freeFiles: ffree,
    allFiles: files,
  });
}

export function spaceVerdict(disk: {
  readonly freeBytes: number;
  readonly allBytes: number;
  readonly freeFiles: number;
  /** 0: this file system does not count them. */
  readonly allFiles: number;
}): Check {
  const { freeBytes, allBytes, freeFiles, allFiles } = disk;
  const found = `${sizeText(freeBytes)} free of ${sizeText(allBytes)}`;
  const fix = "make room: a master whose disk is full takes no writes";
  if (allFiles > 0 && freeFiles < 1_000) return fail("disk space", `${found}, but no inodes left`, fix);
  if (freeBytes < doctorLimits.failFreeBytes) return fail("disk space", found, fix);
  const isTight = freeBytes < doctorLimits.warnFreeBytes || freeBytes < allBytes * doctorLimits.warnFreeRatio;
  return isTight ? warn("disk space", found, fix) : ok("disk space", found);
}

/** A file without a name: the kernel takes it back when it is closed. */
const unnamedFile = 0o20000000;

async function syncCheck(dataDir: string): Promise<Check> {
  const name = "disk sync";
  let file;
  try {
    file = await open(await existing(dataDir), unnamedFile | constants.O_DIRECTORY | constants.O_RDWR, 0o600);
  } catch (error) {
    return warn(name, `cannot be measured here (${messageOf(error)})`, "run it as the user that runs the master");
  }
  try {
    const block = Buffer.alloc(doctorLimits.syncBlockBytes, 1);
    const tookMs: number[] = [];
    for (let round = 0; round < doctorLimits.syncRoundsCount; round += 1) {
      const began = performance.now();
      await file.write(block, 0, block.length, round * block.length);
      await file.datasync();
      tookMs.push(performance.now() - began);
    }
    return syncVerdict(tookMs);
  } finally {
    await file.close();
  }
}

export function syncVerdict(tookMs: readonly number[]): Check {
  const slow = quantile(tookMs, 0.99);
  const found = `p50 ${quantile(tookMs, 0.5).toFixed(1)} ms, p99 ${slow.toFixed(1)} ms`;
  const fix = "each write waits for it: use a local SSD, and let nothing else write much there";
  if (slow > doctorLimits.failSyncMs) return fail("disk sync", found, fix);
  return slow > doctorLimits.warnSyncMs ? warn("disk sync", found, fix) : ok("disk sync", found);
}

function portChecks({ dataDir, cluster }: Registered): readonly Check[] {
  const own = processesOf(dataDir).map(({ pid }) => pid);
  const peers = cluster.machine === undefined ? [] : [cluster.apiPort + peerPortOffset];
  return [cluster.apiPort, cluster.grpcPort, ...peers].map((port) => {
    const holder = listenerOf(port);
    const name = `port ${port}`;
    if (holder === undefined) return ok(name, "free");
    if (own.includes(holder.pid)) return ok(name, `the master's, process ${holder.pid}`);
    return fail(
      name,
      `process ${holder.pid} has it: ${holder.command}`,
      `end it, or troupe up --port N while it is down`,
    );
  });
}

/** Whoever sets the clock back leaves files from the future. */
async function clockCheck(dataDir: string): Promise<Check> {
  const layout = layoutOf(dataDir);
  const paths = [layout.clusterFile, join(layout.master, "incarnation"), join(layout.master, "identity")];
  const times = await Promise.all(
    paths.map((path) =>
      stat(path).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      ),
    ),
  );
  const aheadMs = Math.max(...times) - Date.now();
  if (aheadMs < doctorLimits.clockAheadMs) return ok("clock and files", "no file is from the future");
  const found = `the newest file is ${leftText(aheadMs)} ahead of the clock`;
  return fail("clock and files", found, "the clock was set back: set it right before the master starts");
}

async function keysCheck(dataDir: string): Promise<Check> {
  const { pki } = layoutOf(dataDir);
  const mode = await stat(pki).then(
    (found) => found.mode & 0o777,
    () => undefined,
  );
  if (mode === undefined) return warn("keys", `there is no ${pki}`, "up makes them; after a restore give --keys");
  const open = await readdir(pki).then((names) => Promise.all(names.map((name) => stat(join(pki, name)))));
  const isOpen = (mode & 0o077) !== 0 && open.some((file) => (file.mode & 0o077) !== 0);
  if (!isOpen) return ok("keys", "for their owner alone");
  return fail("keys", "others than their owner can read them", `chmod -R go= ${pki}`);
}

export function certificateChecks(certificates: readonly Certificate[], nowMs: number): readonly Check[] {
  if (certificates.length === 0) return [];
  const bad = certificates.flatMap(({ name, use, toMs, renewalMs }): readonly Check[] => {
    const check = `certificate ${name}`;
    const renew = `troupe cert renew ${name}`;
    if (toMs <= nowMs) return [fail(check, "is over", use === "authority" ? "make a new cluster, and restore" : renew)];
    const left = leftText(toMs - nowMs);
    if (renewalMs !== undefined && nowMs > renewalMs) {
      return [warn(check, `${left} left, and it was not renewed`, `${renew}, or start the cluster: it renews itself`)];
    }
    const isShort = use === "authority" && toMs - nowMs < doctorLimits.authorityLeftMs;
    return isShort ? [warn(check, `${left} left`, "plan a new cluster, and a restore into it")] : [];
  });
  if (bad.length > 0) return bad;
  const first = certificates.toSorted((a, b) => a.toMs - b.toMs)[0]!;
  return [
    ok("certificates", `${certificates.length}, the first ends in ${leftText(first.toMs - nowMs)} (${first.name})`),
  ];
}

/** Each master of this machine has a log of its own. */
function logFolders({ dataDir, cluster }: Registered): readonly (readonly [name: string, folder: string])[] {
  const layout = layoutOf(dataDir);
  if (cluster.masters === undefined) return [["log", layout.master]];
  return cluster.masters.map(({ name }) => [`log ${name}`, layout.member(name)] as const);
}

/** Reads the whole log as a start would, and repairs nothing. */
export async function logCheck(name: string, master: string, isRunning: boolean): Promise<Check> {
  const said: string[] = [];
  const log: Log = (level, event, fields) => {
    if (level === "error") said.push(`${event} ${JSON.stringify(fields ?? {})}`);
  };
  const env = { ...createProcessEnv({ diskRoot: master, verbose: false }), log };
  try {
    const folder = await readMasterFolder(env);
    if (folder === undefined) return ok(name, "no master has run here yet");
    const { wal, snapshot } = folder;
    if (wal?.damage !== undefined) return fail(name, wal.damage.message, wal.damage.hint ?? restoreHint);
    if (await env.disk.exists("damaged")) {
      return fail(
        name,
        "it has lost what it had acknowledged, and is being repaired",
        "start it: others send what it lacks",
      );
    }
    if (said.length > 0) return warn(name, `a snapshot of the log is broken: ${said[0]}`, restoreHint);
    // The last batch of a master that runs is being written at this moment.
    if (wal !== undefined && wal.tail !== "clean" && !isRunning) {
      return warn(
        name,
        `its last batch is ${wal.tail === "torn" ? "torn" : "torn or rotten"}`,
        "the next start cuts it off; a torn one was never acknowledged",
      );
    }
    const last = wal?.entries.at(-1)?.index ?? snapshot?.meta.index ?? 0;
    return ok(name, `sound to entry ${last}, ${sizeText(wal?.logBytes ?? 0)} in ${wal?.segments.length ?? 0} segments`);
  } catch (error) {
    if (isRunning && !(error instanceof UserError)) {
      return warn(name, `it changed while it was read (${messageOf(error)})`, "run doctor again");
    }
    return fail(name, messageOf(error), error instanceof UserError ? (error.hint ?? restoreHint) : restoreHint);
  }
}

const restoreHint = "troupe snapshot list; troupe snapshot restore FILE --data-dir NEW";

async function backupCheck({ name, dataDir }: Registered, nowMs: number): Promise<Check> {
  const saved = await listSaved(dataDir);
  const broken = saved.find(({ problem }) => problem !== undefined);
  if (broken !== undefined) {
    return warn("backups", `${broken.name}: ${broken.problem}`, `remove it, then troupe snapshot save --name ${name}`);
  }
  return backupVerdict(saved.at(-1)?.takenAt, name, nowMs);
}

export function backupVerdict(takenAt: string | undefined, name: string, nowMs: number): Check {
  const fix = `troupe snapshot save --name ${name}; the master's log says backup.failed if it could not`;
  if (takenAt === undefined) return warn("backups", "none yet", fix);
  const found = `the newest is of ${takenAt}`;
  return nowMs - Date.parse(takenAt) > doctorLimits.backupAgeMs ? warn("backups", found, fix) : ok("backups", found);
}
