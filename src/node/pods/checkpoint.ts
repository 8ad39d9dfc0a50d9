import type { Disk, Log } from "../../env/env.ts";
import type { Pod } from "../../kinds/generated/types.ts";
import { messageOf } from "../../util/errors.ts";
import type { Millis } from "../../util/time.ts";
import type { BackOffEntry } from "./model.ts";

/**
 * What must outlive the agent and does not stand in the runtime: one small file a pod, written whole
 * and synced before the deed that it speaks of.
 */
export interface PodCheckpoint {
  readonly format: 1;
  /** Last version seen: lets an agent whose masters are away restart what crashes. */
  readonly pod: Pod;
  readonly epoch: string;
  readonly bootId: string;
  readonly ip: string;
  readonly volumesReady: boolean;
  readonly backOff: Readonly<Record<string, BackOffEntry>>;
  /** The node decided to end the pod. */
  readonly verdict?: { readonly reason: string; readonly message: string };
  /** Wall time at which the grace of its deletion ends. */
  readonly stopBy?: Millis;
}

export interface Checkpoints {
  load(): Promise<readonly PodCheckpoint[]>;
  save(checkpoint: PodCheckpoint): Promise<void>;
  remove(uid: string): Promise<void>;
}

const folder = "node/pods";

export function createCheckpoints(disk: Disk, log: Log): Checkpoints {
  const pathOf = (uid: string): string => `${folder}/${uid}.json`;
  return {
    async load() {
      if (!(await disk.exists(folder))) await disk.makeFolder(folder);
      const found: PodCheckpoint[] = [];
      for (const name of (await disk.list(folder)).toSorted()) {
        if (!name.endsWith(".json")) continue;
        const read = await readOne(`${folder}/${name}`);
        if (read !== undefined) found.push(read);
      }
      return found;
    },
    async save(checkpoint) {
      const bytes = new TextEncoder().encode(JSON.stringify(checkpoint));
      await disk.writeAtomic(pathOf(checkpoint.pod.metadata.uid), bytes);
    },
    async remove(uid) {
      if (await disk.exists(pathOf(uid))) await disk.remove(pathOf(uid));
    },
  };

  async function readOne(path: string): Promise<PodCheckpoint | undefined> {
    try {
      return JSON.parse(new TextDecoder().decode(await disk.read(path))) as PodCheckpoint;
    } catch (error) {
      // The runtime's labels still tell enough to adopt the pod.
      log("warn", "checkpoint.unreadable", { path, error: messageOf(error) });
      return undefined;
    }
  }
}

/** For nodes that keep nothing (simulated ones, tests of single parts). */
export function memoryCheckpoints(): Checkpoints {
  const kept = new Map<string, PodCheckpoint>();
  return {
    load: async () => [...kept.values()],
    save: async (checkpoint) => {
      kept.set(checkpoint.pod.metadata.uid, checkpoint);
    },
    remove: async (uid) => {
      kept.delete(uid);
    },
  };
}
