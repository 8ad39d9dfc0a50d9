import type { HostFiles } from "../../env/host.ts";

/**
 * What the node makes outside its data directory, written down and synced before it is made, so
 * that `down` can remove it after any crash. Recording the same thing again changes nothing.
 */
export interface Recorder {
  record(kind: OutsideKind, name: string): Promise<void>;
}

/**
 * netns: name under /run/netns; link: interface in the node's namespace; route: destination;
 * cgroup: root path in every controller; table: `family name` of nft.
 */
export type OutsideKind = "netns" | "link" | "route" | "cgroup" | "table" | "mount" | "file";

export interface OutsideThing {
  readonly kind: OutsideKind;
  readonly name: string;
  /** Lies in the node's own network namespace, and goes with it: not to be removed by itself. */
  readonly inside?: true;
}

function outsidePath(dataDirectory: string): string {
  return `${dataDirectory}/outside.jsonl`;
}

export interface RecorderOptions {
  readonly files: HostFiles;
  readonly dataDirectory: string;
  /** True for an agent that lives in a network namespace of its own. */
  readonly ownNetns?: boolean;
}

const networkKinds: readonly OutsideKind[] = ["link", "route", "table"];

export function createRecorder({ files, dataDirectory, ownNetns }: RecorderOptions): Recorder {
  let last: Promise<void> = Promise.resolve();
  const write = async (thing: OutsideThing): Promise<void> => {
    // Read again: `up` and the agent both write here, one after the other.
    const known = await readRecords(files, dataDirectory);
    if (known.some((each) => isSame(each, thing))) return;
    const next = [...known, thing];
    await files.makeFolder(dataDirectory);
    await files.writeAtomic(outsidePath(dataDirectory), next.map((each) => `${JSON.stringify(each)}\n`).join(""));
  };
  return {
    record: (kind, name) => {
      // One after the other; a failed write is told to its caller and does not stop the next.
      const inside = ownNetns === true && networkKinds.includes(kind);
      const thing: OutsideThing = inside ? { kind, name, inside } : { kind, name };
      const done = last.then(() => write(thing));
      last = done.catch(() => undefined);
      return done;
    },
  };
}

function isSame(a: OutsideThing, b: OutsideThing): boolean {
  return a.kind === b.kind && a.name === b.name && a.inside === b.inside;
}

/** In the order in which they were recorded. */
export async function readRecords(files: HostFiles, dataDirectory: string): Promise<readonly OutsideThing[]> {
  const path = outsidePath(dataDirectory);
  if ((await files.stat(path)) === undefined) return [];
  const lines = (await files.readText(path)).split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as OutsideThing);
}
