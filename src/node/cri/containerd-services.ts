import type { Clock } from "../../env/env.ts";
import { CriError } from "./cri.ts";
import { queryTimeoutMs } from "./limits.ts";
import { createTransport, type Target, type Transport } from "./transport.ts";

/**
 * containerd's own services beside CRI, in CRI's namespace: bringing images in without a registry,
 * and events that say which container is worth a look before the next listing.
 */
export interface ContainerdServices {
  /** Digest of each image's target by its full name. */
  imageTargets(): Promise<ReadonlyMap<string, string>>;
  /** What `run` writes is safe from collection until it has ended; give it names by then. One id, one import at a time. */
  withLease<T>(id: string, run: (lease: string) => Promise<T>): Promise<T>;
  /** A blob that is already there is no error; one whose digest is wrong is. */
  writeBlob(lease: string, blob: Blob): Promise<void>;
  /** Makes the name, or moves it to this target. */
  nameImage(lease: string, image: NamedImage): Promise<void>;
  /** Container ids of tasks that exited or ran out of memory. After `onEnd` list, then subscribe again. */
  subscribe(onTask: (containerId: string) => void, onEnd: () => void): { cancel(): void };
  close(): void;
}

export interface Blob {
  /** `sha256:<hex>`. */
  readonly digest: string;
  readonly size: number;
  /** References to other blobs: without them those are collected. */
  readonly labels: Readonly<Record<string, string>>;
  read(offset: number, length: number): Promise<Uint8Array>;
}

export interface NamedImage {
  /** In full: `docker.io/library/busybox:1`. */
  readonly name: string;
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

const chunkBytes = 1024 * 1024;
const namespace = { "containerd-namespace": "k8s.io" };
const write = 1;
const commit = 2;

interface Descriptor {
  readonly digest: string;
}

interface Envelope {
  readonly event: { readonly value: Uint8Array } | null;
}

export function createContainerdServices(options: {
  readonly socket: string;
  readonly clock: Clock;
}): ContainerdServices {
  const transport = createTransport({
    ...options,
    proto: ["content", "images", "leases", "events"].map((name) => `containerd/${name}.proto`),
  });
  return {
    imageTargets: async () => {
      const { images } = await transport.unary<{
        readonly images: readonly { readonly name: string; readonly target: Descriptor | null }[];
      }>({ ...target("images", "List"), request: {}, timeoutMs: queryTimeoutMs });
      return new Map(images.map(({ name, target: found }) => [name, found?.digest ?? ""]));
    },
    withLease: (id, run) => withLease(transport, id, run),
    writeBlob: (lease, blob) => writeBlob(transport, lease, blob),
    nameImage: (lease, image) => nameImage(transport, lease, image),
    subscribe: (onTask, onEnd) =>
      transport.serverStream<Envelope>({
        ...target("events", "Subscribe"),
        request: { filters: ["namespace==k8s.io,topic~=^/tasks/(exit|oom)"] },
        onMessage: ({ event }) => {
          if (event === null) return;
          const task = transport.decode<{ readonly containerId: string }>(
            "containerd.services.events.v1.TaskEvent",
            event.value,
          );
          onTask(task.containerId);
        },
        onEnd,
      }),
    close: () => transport.close(),
  };
}

function target(name: string, method: string, lease?: string): Target {
  const service = `${name[0]!.toUpperCase()}${name.slice(1)}`;
  return {
    service: `containerd.services.${name}.v1.${service}`,
    method,
    metadata: lease === undefined ? namespace : { ...namespace, "containerd-lease": lease },
  };
}

async function withLease<T>(transport: Transport, id: string, run: (lease: string) => Promise<T>): Promise<T> {
  try {
    await transport.unary({
      ...target("leases", "Create"),
      request: { id },
      timeoutMs: queryTimeoutMs,
    });
  } catch (error) {
    // Left over from an import that was cut off: as good as a new one, and ended by this one.
    if (!(error instanceof CriError && error.kind === "alreadyExists")) throw error;
  }
  try {
    return await run(id);
  } finally {
    await transport.unary({
      ...target("leases", "Delete"),
      request: { id },
      timeoutMs: queryTimeoutMs,
    });
  }
}

interface WriteReply {
  readonly offset: number | { toNumber(): number };
}

async function writeBlob(transport: Transport, lease: string, blob: Blob): Promise<void> {
  const conversation = transport.conversation<WriteReply>(target("content", "Write", lease));
  const common = { ref: `troupe-${blob.digest}`, total: blob.size, expected: blob.digest };
  try {
    // The first answer tells how much of an earlier, interrupted write is there.
    const status = await conversation.ask({ action: 0, ...common });
    let offset = typeof status.offset === "number" ? status.offset : status.offset.toNumber();
    while (offset < blob.size) {
      const data = await blob.read(offset, Math.min(chunkBytes, blob.size - offset));
      if (data.length === 0) {
        throw new CriError("failed", "Write", `blob ${blob.digest} is cut off at byte ${offset}`);
      }
      await conversation.ask({ action: write, ...common, offset, data });
      offset += data.length;
    }
    await conversation.ask({ action: commit, ...common, offset, labels: blob.labels });
  } catch (error) {
    if (!(error instanceof CriError && error.kind === "alreadyExists")) throw error;
  } finally {
    conversation.end();
  }
}

async function nameImage(transport: Transport, lease: string, image: NamedImage): Promise<void> {
  const { name, mediaType, digest, size } = image;
  const request = { image: { name, target: { mediaType, digest, size } } };
  const timeoutMs = queryTimeoutMs;
  try {
    await transport.unary({ ...target("images", "Create", lease), request, timeoutMs });
  } catch (error) {
    if (!(error instanceof CriError && error.kind === "alreadyExists")) throw error;
    await transport.unary({ ...target("images", "Update", lease), request, timeoutMs });
  }
}
