/**
 * One master goes on alone where the others are lost for good: its state, with entries that no majority
 * may have had, becomes another life of the cluster. Nothing is thrown away: the folder of before stays.
 */
import { randomUUID } from "node:crypto";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { apiOfPeer, membersPath } from "../server/joining/answers.ts";
import { readMasterFolder, stateOf, type MasterFolder } from "../server/backup/offline.ts";
import { writeMasterFolder } from "../server/backup/restore.ts";
import { UserError } from "../util/errors.ts";
import { callJson } from "./api-client.ts";
import { layoutOf, writeCluster, type ClusterFile, type MachineMaster, type Registered } from "./cluster-file.ts";
import { splitHostPort } from "./machines/asking.ts";
import { createProcessEnv } from "./process-env.ts";
import { processesOf } from "./processes.ts";
import { self } from "./self.ts";

export interface RecoverPlan {
  readonly memberId: number;
  /** The end of its log: of several survivors the one with the highest is the one to go on with. */
  readonly term: number;
  readonly index: number;
  /** `host:port` of the other masters' API, as far as the log says. */
  readonly others: readonly string[];
  /** Those that answer. */
  readonly alive: readonly string[];
}

export interface Recovered {
  readonly cluster: ClusterFile;
  readonly revision: number;
  /** Where the folder of before lies now. */
  readonly aside: string;
}

/** What a recovery would begin from. Throws `UserError` where there is nothing to recover. */
export async function planRecovery(found: Registered): Promise<RecoverPlan> {
  const { dataDir, cluster } = found;
  if (cluster.masters !== undefined) {
    throw refused(`the masters of "${cluster.name}" all live on this machine`, `${self} up --name ${cluster.name}`);
  }
  const running = processesOf(dataDir).find(({ role }) => role === "server" || role === "keeper");
  if (running !== undefined) {
    throw refused(`its ${running.role} runs, as process ${running.pid}`, "stop it: systemctl stop troupe-server");
  }
  const folder = await folderOf(found);
  const { memberId, config, wal, snapshot } = folder;
  const last = wal?.entries.at(-1) ?? snapshot?.meta;
  const others = config.directory.filter(({ id }) => id !== memberId).map(({ address }) => apiOfPeer(address));
  const answers = await Promise.all(others.map(answersAt));
  return {
    memberId,
    term: last?.term ?? 0,
    index: last?.index ?? 0,
    others,
    alive: others.filter((_, at) => answers[at]),
  };
}

async function folderOf({ dataDir }: Registered): Promise<MasterFolder> {
  const env = createProcessEnv({ diskRoot: layoutOf(dataDir).master, verbose: false });
  const folder = await readMasterFolder(env);
  if (folder !== undefined) return folder;
  throw refused(`no master has run in ${dataDir} yet`, `${self} server --data-dir ${dataDir}`);
}

/** Whoever listens there: who it is does not matter, it is not lost. */
function answersAt(api: string): Promise<boolean> {
  const asked = { ...splitHostPort(api), method: "GET", path: membersPath, authority: undefined } as const;
  return callJson({ ...asked, timeoutMs: answerMs }).then(
    () => true,
    () => false,
  );
}

const answerMs = 2_000;

export function refused(why: string, hint: string): UserError {
  return new UserError("TRP-0408", "this master cannot go on alone", { cause: new Error(why), hint, exitCode: 2 });
}

/** Makes the new life. The old folder is moved away last but one, so that a cut leaves either. */
export async function recoverMaster(found: Registered): Promise<Recovered> {
  const { dataDir, cluster: before } = found;
  const layout = layoutOf(dataDir);
  const folder = await folderOf(found);
  const source = createProcessEnv({ diskRoot: layout.master, verbose: false });
  // What others had a vote on counts as it stands here: nobody is left who knows better.
  const store = await stateOf(source, { ...folder, hasOtherVoters: false });
  const part = join(dataDir, "master.part");
  await rm(part, { recursive: true, force: true });
  await mkdir(part, { recursive: true, mode: 0o700 });
  const id = randomUUID();
  const { memberId, revision } = await writeMasterFolder(
    createProcessEnv({ diskRoot: part, verbose: false }),
    store,
    id,
  );
  const cluster: ClusterFile = {
    ...before,
    id,
    epoch: (before.epoch ?? 0) + 1,
    ...(before.machine === undefined ? {} : { machine: { ...aloneOf(before.machine), clusterId: id, memberId } }),
  };
  const aside = `${layout.master}-before-recover-${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, "")}`;
  await rename(layout.master, aside);
  await rename(part, layout.master);
  await writeCluster(dataDir, cluster);
  return { cluster, revision, aside };
}

/** It begins its log itself now. */
function aloneOf({ joined: _joined, ...machine }: MachineMaster): MachineMaster {
  return machine;
}
