/**
 * Image names. containerd knows only full ones; people write `busybox`.
 */

export interface ImageReference {
  /** `docker.io/library/busybox`. */
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

const repositoryPart = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const host = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-.]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::\d+)?$/;
const tagForm = /^\w[\w.-]{0,127}$/;
const digestForm = /^sha256:[0-9a-f]{64}$/;

/** `undefined`: not an image's name (reason `InvalidImageName`). */
export function parseReference(text: string): ImageReference | undefined {
  const [named, digest, ...more] = text.split("@");
  if (named === undefined || more.length > 0) return undefined;
  if (digest !== undefined && !digestForm.test(digest)) return undefined;
  const slash = named.lastIndexOf("/");
  const colon = named.indexOf(":", slash + 1);
  const name = colon < 0 ? named : named.slice(0, colon);
  const tag = colon < 0 ? undefined : named.slice(colon + 1);
  if (tag !== undefined && !tagForm.test(tag)) return undefined;
  const repository = fullRepository(name);
  return repository === undefined ? undefined : { repository, tag, digest };
}

/** A first part with a dot, a port, or the word `localhost` is a registry. */
function fullRepository(name: string): string | undefined {
  const parts = name.split("/");
  const first = parts[0] ?? "";
  const isHost = parts.length > 1 && (/[.:]/.test(first) || first === "localhost");
  const registry = isHost ? first : "docker.io";
  const path = isHost ? parts.slice(1) : parts;
  if (!host.test(registry) || !path.every((part) => repositoryPart.test(part))) return undefined;
  const official = registry === "docker.io" && path.length === 1 ? ["library"] : [];
  return [registry, ...official, ...path].join("/");
}

/** As containerd stores it: `docker.io/library/busybox:latest`; with a digest the tag is left out. */
export function fullName({ repository, tag, digest }: ImageReference): string {
  return digest === undefined ? `${repository}:${tag ?? "latest"}` : `${repository}@${digest}`;
}

export type PullPolicy = "Always" | "IfNotPresent" | "Never";

/** What a container without `imagePullPolicy` gets. */
export function defaultPullPolicy(image: string): PullPolicy {
  const reference = parseReference(image);
  if (reference?.digest !== undefined) return "IfNotPresent";
  return (reference?.tag ?? "latest") === "latest" ? "Always" : "IfNotPresent";
}

/** What to send as the registry's address, so that credentials do not go to its mirrors. */
export function registryUrl({ repository }: ImageReference): string {
  const name = repository.slice(0, repository.indexOf("/"));
  return name === "docker.io" ? "https://registry-1.docker.io" : `https://${name}`;
}
