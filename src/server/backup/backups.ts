/**
 * The backups of a running master: as an answer to whoever may take one, and by the clock into a
 * folder. Both freeze the committed state in one turn and read it while writes go on.
 */
import { requireAllowed } from "../../api/authorize.ts";
import { respondStatus, statusOf } from "../../api/rest/respond.ts";
import type { Door } from "../../api/rest/call.ts";
import type { Disk, Env, Timer } from "../../env/env.ts";
import type { HttpExchange, HttpStream } from "../../env/http.ts";
import type { ReplicatedLog } from "../../raft/log-api.ts";
import { snapshotOf } from "../../store/snapshot.ts";
import type { Store } from "../../store/store.ts";
import { messageOf, TransientError } from "../../util/errors.ts";
import { serverLimits, type ServerLimits } from "../limits.ts";
import { backupName, pruneBackups, scheduledAt, writeBackup } from "./files.ts";
import { encodeBackup, type BackupCluster } from "./format.ts";

export interface BackupsOptions {
  readonly env: Env;
  readonly store: Store;
  readonly log: ReplicatedLog;
  readonly door: Pick<Door, "authenticator" | "authorizer">;
  readonly member: string;
  readonly cluster: BackupCluster;
  readonly sealingKey: () => string;
  /** Where scheduled ones go. */
  readonly disk: Disk;
  readonly limits?: Partial<ServerLimits>;
}

export const backupPath = "/troupe/v1/snapshot";
/** What a client has not taken yet stays below this. */
const pendingBytesMax = 4 * 1024 * 1024;
const pollMs = 10;

export class Backups {
  readonly #options: BackupsOptions;
  readonly #limits: ServerLimits;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: BackupsOptions) {
    this.#options = options;
    this.#limits = { ...serverLimits, ...options.limits };
  }

  /** The committed state of this moment. */
  take(): {
    readonly revision: number;
    readonly bytes: AsyncIterable<Uint8Array>;
    readonly close: () => void;
  } {
    const { env, store, log, member, cluster, sealingKey } = this.#options;
    const snapshot = snapshotOf(store);
    const { revision, index, digest, chunks } = snapshot;
    const takenAt = new Date(env.clock.wall()).toISOString();
    const manifest = {
      format: 1,
      takenAt,
      cluster,
      member,
      revision,
      index,
      term: log.term,
      digest,
      sealingKey: sealingKey(),
    } as const;
    return {
      revision,
      bytes: encodeBackup(env.crypto, manifest, chunks),
      close: () => snapshot.close(),
    };
  }

  // ---- by the clock ----

  start(): void {
    this.#next();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  #next(): void {
    const { clock } = this.#options.env;
    this.#timer = clock.after(this.#limits.backupCheckEveryMs, () => void this.check().then(() => this.#next()), {
      daemon: true,
    });
  }

  /** Makes one if it is due. A failure is told and tried again at the next look; the master goes on. */
  async check(): Promise<void> {
    const { env } = this.#options;
    if (this.#isStopped) return;
    this.#running = this.#saveIfDue().catch((error: unknown) =>
      env.log("error", "backup.failed", { reason: messageOf(error) }),
    );
    await this.#running;
  }

  async #saveIfDue(): Promise<void> {
    const { env, disk, member } = this.#options;
    const { backupEveryMs, backupKeptCount } = this.#limits;
    await disk.makeFolder("");
    const newestMs = Math.max(0, ...(await disk.list("")).map((name) => scheduledAt(name) ?? 0));
    const now = env.clock.wall();
    // From the future: the clock was set back, and waiting for it could take years.
    if (newestMs <= now && now - newestMs < backupEveryMs) return;
    const { revision, bytes, close } = this.take();
    try {
      const name = backupName("auto", now, revision);
      const sizeBytes = await writeBackup(disk, name, bytes, member);
      env.log("info", "backup.saved", { name, revision, bytes: sizeBytes });
    } finally {
      close();
    }
    await pruneBackups(disk, backupKeptCount, member);
  }

  // ---- as an answer ----

  /** Who may do everything may take all objects at once; nobody else. */
  async serve(exchange: HttpExchange): Promise<void> {
    const { door, env, log, store } = this.#options;
    try {
      const user = (await door.authenticator.authenticate(exchange)) ?? anonymous;
      const verb = exchange.method.toLowerCase();
      requireAllowed(door.authorizer, user, { resource: false, verb, path: backupPath });
      await this.#applied(await log.readIndex());
      env.log("info", "backup.handed-out", { user: user.name, revision: store.revision });
    } catch (error) {
      respondStatus(exchange, statusOf(error));
      return;
    }
    const { bytes, close } = this.take();
    let isGone = false;
    exchange.onClose(() => (isGone = true));
    const stream = exchange.stream({
      status: 200,
      headers: { "content-type": "application/octet-stream" },
    });
    try {
      for await (const piece of bytes) {
        stream.write(piece);
        await this.#taken(stream, () => isGone);
        if (isGone) return;
      }
      stream.end();
    } catch (error) {
      env.log("error", "backup.failed", { reason: messageOf(error) });
      // Its end is missing, which the reader sees.
      stream.cut();
    } finally {
      close();
    }
  }

  async #taken(stream: HttpStream, isGone: () => boolean): Promise<void> {
    while (stream.pending > pendingBytesMax && !isGone()) await this.#pause();
  }

  /** On a follower what is committed may not be here yet. */
  async #applied(index: number): Promise<void> {
    const { env, store } = this.#options;
    const untilMs = env.clock.mono() + this.#limits.backupApplyMs;
    while (store.applied < index) {
      if (env.clock.mono() > untilMs) throw new TransientError("this master lags behind");
      await this.#pause();
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => this.#options.env.clock.after(pollMs, resolve));
  }
}

const anonymous = { name: "system:anonymous", groups: ["system:unauthenticated"] };
