import { limits } from "../limits.ts";

/**
 * Encoded watch events, so that a change is encoded once for all watchers that want the same form.
 * Bounded by bytes; the oldest go first.
 */
export interface EventCache {
  /** The bytes under `key`, made by `encode` if they are not there. */
  take(key: string, encode: () => Uint8Array): Uint8Array;
}

export function createEventCache(): EventCache {
  const entries = new Map<string, Uint8Array>();
  let bytesHeld = 0;
  return {
    take: (key, encode) => {
      const known = entries.get(key);
      if (known !== undefined) return known;
      const bytes = encode();
      entries.set(key, bytes);
      bytesHeld += bytes.length;
      for (const [oldest, old] of entries) {
        if (bytesHeld <= limits.watchCacheBytesMax) break;
        entries.delete(oldest);
        bytesHeld -= old.length;
      }
      return bytes;
    },
  };
}
