/**
 * A watch that does not end: it lists, watches from the list's revision, and goes on where it was
 * after a broken connection or a master's restart. Where the history does not reach back (410) it
 * lists again, and shows as events what has changed meanwhile.
 */
import type { ListPage, WatchBatch } from "../api/grpc/messages.ts";
import type { Clock } from "../env/env.ts";
import type { KubeObject } from "../kinds/kind.ts";
import { textOf } from "../util/bytes.ts";
import { StatusError } from "../util/errors.ts";
import { eventTypes } from "../util/grpc.ts";
import { clientLimits } from "./limits.ts";
import { pause, waitOf } from "./retry.ts";

export interface WatchSource {
  readonly clock: Clock;
  /** All objects at one revision. */
  list(): AsyncIterable<ListPage>;
  /** Events after a revision, bookmarks among them. */
  watch(resourceVersion: string): AsyncIterable<WatchBatch>;
}

/** `SYNCED`, once: everything that was there at the start has been shown. DELETED shows the last state. */
export type WatchEvent<O extends KubeObject = KubeObject> =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: O }
  | { readonly type: "SYNCED" };

export async function* watching<O extends KubeObject>(source: WatchSource): AsyncGenerator<WatchEvent<O>> {
  const known = new Map<string, O>();
  let failures = 0;
  let revision: string | undefined;
  let isSynced = false;
  for (;;) {
    try {
      if (revision === undefined) {
        const { objects, resourceVersion } = await listAll<O>(source);
        yield* differences(known, objects);
        revision = resourceVersion;
        if (!isSynced) yield { type: "SYNCED" };
        isSynced = true;
      }
      let isQuiet = true;
      for await (const batch of source.watch(revision)) {
        isQuiet = false;
        failures = 0;
        for (const { type, object: bytes } of batch.events) {
          const object = JSON.parse(textOf(bytes)) as O;
          revision = object.metadata.resourceVersion;
          const seen = type === eventTypes.BOOKMARK ? undefined : take(known, type, object);
          if (seen !== undefined) yield seen;
        }
      }
      if (isQuiet) await pause(source.clock, clientLimits.backoffMs);
    } catch (error) {
      failures += 1;
      if (error instanceof StatusError && error.status.code === 410) {
        revision = undefined;
        continue;
      }
      const waitMs = waitOf(error, "read", Math.min(failures, clientLimits.triesMax));
      if (waitMs === undefined) throw error;
      await pause(source.clock, waitMs);
    }
  }
}

async function listAll<O extends KubeObject>(
  source: WatchSource,
): Promise<{ readonly objects: readonly O[]; readonly resourceVersion: string }> {
  const objects: O[] = [];
  let resourceVersion = "0";
  for await (const page of source.list()) {
    ({ resourceVersion } = page);
    for (const bytes of page.objects) objects.push(JSON.parse(textOf(bytes)) as O);
  }
  return { objects, resourceVersion };
}

/** What a new list says beside what was known; nothing for objects that are as they were. */
function differences<O extends KubeObject>(known: Map<string, O>, objects: readonly O[]): readonly WatchEvent<O>[] {
  const gone = new Map(known);
  const seen: WatchEvent<O>[] = [];
  for (const object of objects) {
    const key = keyOf(object);
    const was = gone.get(key);
    gone.delete(key);
    known.set(key, object);
    if (was?.metadata.resourceVersion === object.metadata.resourceVersion) continue;
    if (was !== undefined && was.metadata.uid !== object.metadata.uid) seen.push({ type: "DELETED", object: was });
    const isSame = was?.metadata.uid === object.metadata.uid;
    seen.push({ type: isSame ? "MODIFIED" : "ADDED", object });
  }
  for (const [key, object] of gone) {
    known.delete(key);
    seen.push({ type: "DELETED", object });
  }
  return seen;
}

function take<O extends KubeObject>(known: Map<string, O>, type: number, object: O): WatchEvent<O> | undefined {
  const key = keyOf(object);
  switch (type) {
    case eventTypes.ADDED:
      known.set(key, object);
      return { type: "ADDED", object };
    case eventTypes.MODIFIED:
      known.set(key, object);
      return { type: "MODIFIED", object };
    case eventTypes.DELETED:
      known.delete(key);
      return { type: "DELETED", object };
    default:
      return undefined;
  }
}

function keyOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}
