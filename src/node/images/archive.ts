import type { Crypto } from "../../env/env.ts";
import type { HostFiles } from "../../env/host.ts";
import { toHex } from "../../util/bytes.ts";
import { UserError } from "../../util/errors.ts";
import type { Blob } from "../cri/containerd-services.ts";
import { fullName, parseReference } from "./reference.ts";
import { readTarIndex, type TarEntry } from "./tar.ts";

/**
 * What an archive of images holds, as blobs that containerd can take and names to give: an OCI
 * layout, or what `docker save` writes (its layers have no manifest; one is made). Blobs are read
 * from the file piece by piece when they are sent.
 */

export interface ArchivedImage {
  /** Full names. */
  readonly names: readonly string[];
  readonly manifest: { readonly mediaType: string; readonly digest: string; readonly size: number };
  /** What it refers to first, the manifest last. */
  readonly blobs: readonly Blob[];
}

export interface ArchiveSeams {
  readonly files: HostFiles;
  readonly crypto: Pick<Crypto, "sha256">;
}

/** `architecture`: which one is taken of an image for several. */
export async function readArchive(
  seams: ArchiveSeams,
  path: string,
  architecture: string,
): Promise<readonly ArchivedImage[]> {
  const archive: Archive = { ...seams, path, architecture, entries: await indexOf(seams, path) };
  const images = archive.entries.has("index.json") ? await readLayout(archive) : await readDockerSave(archive);
  if (images.length > 0) return images;
  throw new UserError("TRP-0310", `${path} holds no named image for ${architecture}`);
}

interface Archive extends ArchiveSeams {
  readonly path: string;
  readonly architecture: string;
  readonly entries: ReadonlyMap<string, TarEntry>;
}

async function indexOf({ files }: ArchiveSeams, path: string): Promise<ReadonlyMap<string, TarEntry>> {
  const entries = await readTarIndex(files, path);
  if (entries.has("index.json") || entries.has("manifest.json")) return entries;
  throw new UserError("TRP-0310", `${path} is neither an OCI layout nor what "docker save" writes`);
}

interface Descriptor {
  readonly mediaType?: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly architecture?: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Manifest {
  readonly manifests?: readonly Descriptor[];
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
}

interface ImageConfig {
  readonly rootfs?: { readonly diff_ids?: readonly string[] };
}

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const configType = "application/vnd.oci.image.config.v1+json";
const layerType = "application/vnd.oci.image.layer.v1.tar";

async function readLayout(archive: Archive): Promise<readonly ArchivedImage[]> {
  const index = await readJson<Manifest>(archive, "index.json");
  /** One image may have several names: one entry each. */
  const byDigest = new Map<string, { readonly target: Descriptor; readonly names: string[] }>();
  for (const descriptor of index.manifests ?? []) {
    const name = nameIn(descriptor.annotations ?? {});
    const target = await forArchitecture(archive, descriptor);
    if (name === undefined || target === undefined) continue;
    const found = byDigest.get(target.digest) ?? { target, names: [] };
    found.names.push(name);
    byDigest.set(target.digest, found);
  }
  const images: ArchivedImage[] = [];
  for (const { target, names } of byDigest.values()) {
    images.push(await imageOf(archive, target, names));
  }
  return images;
}

/** A bare tag names nothing. */
function nameIn(annotations: Readonly<Record<string, string>>): string | undefined {
  const name = annotations["io.containerd.image.name"] ?? annotations["org.opencontainers.image.ref.name"];
  if (name === undefined || !/[/:]/.test(name)) return undefined;
  const reference = parseReference(name);
  return reference === undefined ? undefined : fullName(reference);
}

/** Follows an index to the manifest for this machine. */
async function forArchitecture(archive: Archive, descriptor: Descriptor): Promise<Descriptor | undefined> {
  if (descriptor.mediaType?.includes("index") || descriptor.mediaType?.includes("list")) {
    const { manifests = [] } = await readJson<Manifest>(archive, blobPath(descriptor.digest));
    return manifests.find(({ platform }) => platform?.architecture === archive.architecture);
  }
  const { platform } = descriptor;
  const fits = platform?.architecture === undefined || platform.architecture === archive.architecture;
  return fits ? descriptor : undefined;
}

async function imageOf(archive: Archive, target: Descriptor, names: readonly string[]): Promise<ArchivedImage> {
  const manifest = await readJson<Manifest>(archive, blobPath(target.digest));
  if (manifest.config === undefined) throw broken(archive, "a manifest names no config");
  const layers = manifest.layers ?? [];
  const config = await readJson<ImageConfig>(archive, blobPath(manifest.config.digest));
  const diffIds = config.rootfs?.diff_ids ?? [];
  return {
    names,
    manifest: {
      mediaType: target.mediaType ?? manifestType,
      digest: target.digest,
      size: target.size,
    },
    blobs: [
      ...layers.map((layer, index) => fileBlob(archive, layer, layerLabels(diffIds[index]))),
      fileBlob(archive, manifest.config, {}),
      fileBlob(archive, target, manifestLabels(manifest.config, layers)),
    ],
  };
}

function layerLabels(diffId: string | undefined): Readonly<Record<string, string>> {
  return diffId === undefined ? {} : { "containerd.io/uncompressed": diffId };
}

/** Without these the collector takes what the manifest refers to. */
function manifestLabels(config: Descriptor, layers: readonly Descriptor[]): Readonly<Record<string, string>> {
  return Object.fromEntries([
    ["containerd.io/gc.ref.content.config", config.digest],
    ...layers.map(({ digest }, index) => [`containerd.io/gc.ref.content.l.${index}`, digest]),
  ]) as Record<string, string>;
}

interface SavedImage {
  readonly Config: string;
  readonly RepoTags: readonly string[] | null;
  readonly Layers: readonly string[];
}

async function readDockerSave(archive: Archive): Promise<readonly ArchivedImage[]> {
  const images: ArchivedImage[] = [];
  for (const saved of await readJson<readonly SavedImage[]>(archive, "manifest.json")) {
    const names = (saved.RepoTags ?? [])
      .map(parseReference)
      .flatMap((found) => (found === undefined ? [] : [fullName(found)]));
    if (names.length > 0) images.push(await savedImage(archive, saved, names));
  }
  return images;
}

async function savedImage(archive: Archive, saved: SavedImage, names: readonly string[]): Promise<ArchivedImage> {
  const diffIds = (await readJson<ImageConfig>(archive, saved.Config)).rootfs?.diff_ids ?? [];
  const config = await describe(archive, saved.Config, configType);
  const layers: Descriptor[] = [];
  for (const path of saved.Layers) {
    const type = (await isGzip(archive, path)) ? `${layerType}+gzip` : layerType;
    layers.push(await describe(archive, path, type));
  }
  const content = new TextEncoder().encode(
    JSON.stringify({ schemaVersion: 2, mediaType: manifestType, config, layers }),
  );
  const digest = `sha256:${toHex(archive.crypto.sha256(content))}`;
  return {
    names,
    manifest: { mediaType: manifestType, digest, size: content.length },
    blobs: [
      ...layers.map((layer, index) => entryBlob(archive, saved.Layers[index]!, layer, layerLabels(diffIds[index]))),
      entryBlob(archive, saved.Config, config, {}),
      {
        digest,
        size: content.length,
        labels: manifestLabels(config, layers),
        read: (offset, length) => Promise.resolve(content.subarray(offset, offset + length)),
      },
    ],
  };
}

async function describe(archive: Archive, name: string, mediaType: string): Promise<Descriptor> {
  const { offset, size } = entryOf(archive, name);
  const digest = await archive.files.digest(archive.path, offset, size);
  return { mediaType, digest: `sha256:${digest}`, size };
}

async function isGzip(archive: Archive, name: string): Promise<boolean> {
  const { offset } = entryOf(archive, name);
  const [first, second] = await archive.files.readRange(archive.path, offset, 2);
  return first === 0x1f && second === 0x8b;
}

function fileBlob(archive: Archive, descriptor: Descriptor, labels: Blob["labels"]): Blob {
  return entryBlob(archive, blobPath(descriptor.digest), descriptor, labels);
}

function entryBlob(archive: Archive, name: string, { digest }: Descriptor, labels: Blob["labels"]): Blob {
  const entry = entryOf(archive, name);
  return {
    digest,
    size: entry.size,
    labels,
    read: (offset, length) =>
      archive.files.readRange(archive.path, entry.offset + offset, Math.min(length, entry.size - offset)),
  };
}

function blobPath(digest: string): string {
  return `blobs/${digest.replace(":", "/")}`;
}

/** Old archives hold a layer once, and link to it elsewhere. */
function entryOf(archive: Archive, name: string): TarEntry {
  const seen = new Set<string>();
  let path = name;
  for (;;) {
    const entry = archive.entries.get(path);
    if (entry === undefined || seen.has(path)) throw broken(archive, `${name} is missing`);
    if (entry.link === undefined) return entry;
    seen.add(path);
    path = entry.link;
  }
}

async function readJson<T>(archive: Archive, name: string): Promise<T> {
  const { offset, size } = entryOf(archive, name);
  const bytes = await archive.files.readRange(archive.path, offset, size);
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as T;
  } catch (error) {
    throw broken(archive, `${name} is not JSON`, error);
  }
}

function broken(archive: Archive, why: string, cause?: unknown): UserError {
  return new UserError("TRP-0310", `${archive.path}: ${why}`, { cause });
}
