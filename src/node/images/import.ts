import type { Crypto, Log } from "../../env/env.ts";
import type { Exec, HostFiles } from "../../env/host.ts";
import { messageOf } from "../../util/errors.ts";
import type { ContainerdServices } from "../cri/containerd-services.ts";
import { readArchive } from "./archive.ts";
import { busyboxArchive, busyboxImage, machineArchitecture, pauseArchive, pauseImage } from "./build/offline.ts";

/** Images without a registry: archives into containerd's store, the node's own two first. */
export interface ImportOptions {
  readonly exec: Exec;
  readonly files: HostFiles;
  readonly crypto: Pick<Crypto, "sha256">;
  readonly log: Log;
  readonly services: ContainerdServices;
  readonly dataDirectory: string;
}

/**
 * Makes the offline images unless containerd has them, then imports `D/images/*.tar`. Answers the
 * names, which must never be collected. A broken archive is told and left out.
 */
export async function importAtStart(options: ImportOptions): Promise<readonly string[]> {
  const { files, log, dataDirectory } = options;
  const folder = `${dataDirectory}/images`;
  await files.makeFolder(folder);
  const names = [...(await importOwn(options))];
  for (const file of await files.list(folder)) {
    if (!file.endsWith(".tar")) continue;
    try {
      names.push(...(await importArchive(options, `${folder}/${file}`)));
    } catch (error) {
      log("error", "image-archive-refused", { file, error: messageOf(error) });
    }
  }
  return names;
}

async function importOwn(options: ImportOptions): Promise<readonly string[]> {
  const { exec, files, crypto, services, dataDirectory } = options;
  const present = await services.imageTargets();
  const architecture = await machineArchitecture(exec);
  const wanted = [
    { name: pauseImage, build: async () => pauseArchive(architecture, crypto) },
    { name: busyboxImage, build: () => busyboxArchive(options, architecture) },
  ];
  const names: string[] = [];
  for (const { name, build } of wanted) {
    if (!present.has(name)) {
      const archive = await build();
      if (archive === undefined) continue;
      const path = `${dataDirectory}/images/.own.part`;
      await files.write(path, archive);
      await importArchive(options, path);
      await files.remove(path);
    }
    names.push(name);
  }
  return names;
}

/** Answers the names that it gave. Importing again changes nothing. */
export async function importArchive(
  options: Omit<ImportOptions, "dataDirectory">,
  path: string,
): Promise<readonly string[]> {
  const { exec, services, log } = options;
  const images = await readArchive(options, path, await machineArchitecture(exec));
  const present = await services.imageTargets();
  for (const { names, manifest, blobs } of images) {
    if (names.every((name) => present.get(name) === manifest.digest)) continue;
    await services.withLease(`troupe-import-${manifest.digest}`, async (lease) => {
      for (const blob of blobs) await services.writeBlob(lease, blob);
      for (const name of names) await services.nameImage(lease, { name, ...manifest });
    });
    log("info", "image-imported", { names, path });
  }
  return images.flatMap(({ names }) => names);
}
