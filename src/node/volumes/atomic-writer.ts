import type { HostFiles } from "../../env/host.ts";
import { formatTime } from "../../util/time-format.ts";
import type { Millis } from "../../util/time.ts";
import type { Payload } from "./payload.ts";

/**
 * Writes a volume's files so that a reader sees all of one version or all of another, never a mix:
 * the files lie in a new folder, and one rename of the link `..data` makes them the volume's. What a
 * reader opens are links to `..data/<name>`.
 */
export interface WriteOptions {
  readonly now: Millis;
  /** Part of the folder's name; unique among those written within a second. */
  readonly suffix: string;
  /** Group of all files, which get its read right. */
  readonly fsGroup?: number;
}

const dataLink = "..data";
const nextLink = "..data_tmp";

/** False: it held exactly these files already, and nothing was written. */
export async function writeAtomically(
  files: HostFiles,
  folder: string,
  payload: Payload,
  options: WriteOptions,
): Promise<boolean> {
  const before = await currentFolder(files, folder);
  if (before !== undefined && (await holds(files, `${folder}/${before}`, payload))) return false;
  const stamp = formatTime(options.now).replace("Z", "").replaceAll(/[-T:]/g, "_");
  const version = `..${stamp}.${options.suffix}`;
  await writeVersion(files, `${folder}/${version}`, payload, options.fsGroup);
  await files.removeAll(`${folder}/${nextLink}`);
  await files.link(version, `${folder}/${nextLink}`);
  await files.rename(`${folder}/${nextLink}`, `${folder}/${dataLink}`);
  await linkNames(files, folder, payload);
  for (const name of await files.list(folder)) {
    if (name.startsWith("..") && name !== version && name !== dataLink) await files.removeAll(`${folder}/${name}`);
  }
  return true;
}

async function writeVersion(
  files: HostFiles,
  version: string,
  payload: Payload,
  fsGroup: number | undefined,
): Promise<void> {
  const folderMode = fsGroup === undefined ? 0o755 : 0o2775;
  const made = new Set<string>();
  const makeFolder = async (path: string): Promise<void> => {
    if (made.has(path)) return;
    made.add(path);
    await files.makeFolder(path, { mode: 0o755 });
    if (fsGroup === undefined) return;
    await files.chown(path, 0, fsGroup);
    await files.chmod(path, folderMode);
  };
  await makeFolder(version);
  for (const [path, file] of payload) {
    const parts = path.split("/");
    for (let depth = 1; depth < parts.length; depth += 1) {
      await makeFolder(`${version}/${parts.slice(0, depth).join("/")}`);
    }
    const mode = fsGroup === undefined ? file.mode : file.mode | 0o440;
    await files.write(`${version}/${path}`, file.bytes, { mode });
    if (file.uid !== undefined || fsGroup !== undefined) {
      await files.chown(`${version}/${path}`, file.uid ?? 0, fsGroup ?? file.uid ?? 0);
    }
  }
}

/** Adds the links that are missing and drops those whose files are gone. */
async function linkNames(files: HostFiles, folder: string, payload: Payload): Promise<void> {
  const wanted = new Set([...payload.keys()].map((path) => path.split("/")[0]!));
  const present = new Set(await files.list(folder));
  for (const name of wanted) {
    if (!present.has(name)) await files.link(`${dataLink}/${name}`, `${folder}/${name}`);
  }
  for (const name of present) {
    if (!name.startsWith("..") && !wanted.has(name)) await files.removeAll(`${folder}/${name}`);
  }
}

async function currentFolder(files: HostFiles, folder: string): Promise<string | undefined> {
  const link = await files.stat(`${folder}/${dataLink}`);
  return link?.kind === "link" ? files.readLink(`${folder}/${dataLink}`) : undefined;
}

async function holds(files: HostFiles, version: string, payload: Payload): Promise<boolean> {
  const found = await filesBelow(files, version, "");
  if (found.length !== payload.size) return false;
  for (const path of found) {
    const wanted = payload.get(path);
    if (wanted === undefined) return false;
    const bytes = await files.read(`${version}/${path}`);
    if (bytes.length !== wanted.bytes.length || !bytes.every((byte, index) => byte === wanted.bytes[index])) {
      return false;
    }
  }
  return true;
}

async function filesBelow(files: HostFiles, root: string, below: string): Promise<readonly string[]> {
  const stat = await files.stat(`${root}/${below}`);
  if (stat === undefined) return [];
  if (stat.kind !== "folder") return [below];
  const found: string[] = [];
  for (const name of await files.list(`${root}/${below}`)) {
    found.push(...(await filesBelow(files, root, below === "" ? name : `${below}/${name}`)));
  }
  return found;
}
