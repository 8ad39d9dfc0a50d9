import type { Crypto } from "../../../env/env.ts";
import { toHex } from "../../../util/bytes.ts";
import { writeTar, type TarItem } from "../tar.ts";
import type { Architecture } from "./elf.ts";

/** An image of one layer as an OCI archive: a tar of its layout, the same bytes on every machine. */
export interface ImageToBuild {
  /** In full: `localhost/troupe/pause:1`. */
  readonly name: string;
  readonly architecture: Architecture;
  readonly files: readonly TarItem[];
  readonly config: {
    readonly Cmd?: readonly string[];
    readonly Entrypoint?: readonly string[];
    readonly Env?: readonly string[];
  };
}

const mediaTypes = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
} as const;

export function buildImage(image: ImageToBuild, crypto: Pick<Crypto, "sha256">): Uint8Array {
  const { name, architecture } = image;
  const blobs: Uint8Array[] = [];
  const add = (mediaType: string, content: Uint8Array) => {
    blobs.push(content);
    return { mediaType, digest: `sha256:${toHex(crypto.sha256(content))}`, size: content.length };
  };
  const layer = add(mediaTypes.layer, writeTar(image.files));
  const config = add(
    mediaTypes.config,
    json({
      architecture,
      os: "linux",
      config: image.config,
      rootfs: { type: "layers", diff_ids: [layer.digest] },
    }),
  );
  const manifest = add(
    mediaTypes.manifest,
    json({ schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: [layer] }),
  );
  const annotations = {
    "io.containerd.image.name": name,
    "org.opencontainers.image.ref.name": name.slice(name.lastIndexOf(":") + 1),
  };
  const index = {
    schemaVersion: 2,
    manifests: [{ ...manifest, platform: { architecture, os: "linux" }, annotations }],
  };
  const file = (path: string, content: Uint8Array): TarItem => ({
    kind: "file",
    name: path,
    mode: 0o644,
    content,
  });
  return writeTar([
    file("oci-layout", json({ imageLayoutVersion: "1.0.0" })),
    file("index.json", json(index)),
    ...blobs.map((blob) => file(`blobs/sha256/${toHex(crypto.sha256(blob))}`, blob)),
  ]);
}

function json(value: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
