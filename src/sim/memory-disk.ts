import type { Disk, DiskFile } from "../env/env.ts";

/** The smallest disk: files in memory, nothing lost, nothing torn. Faults need `disk.ts`. */
export function createMemoryDisk(): Disk {
  const files = new Map<string, Uint8Array>();
  const missing = (path: string): Error => Object.assign(new Error(`${path} does not exist`), { code: "ENOENT" });
  const open = (path: string): DiskFile => {
    const content = (): Uint8Array => files.get(path) ?? new Uint8Array(0);
    return {
      size: async () => content().length,
      read: async (offset, length) => content().slice(offset, offset + length),
      write: async (offset, slices) => {
        const total = slices.reduce((sum, slice) => sum + slice.length, 0);
        const old = content();
        const next = new Uint8Array(Math.max(old.length, offset + total));
        next.set(old);
        let at = offset;
        for (const slice of slices) {
          next.set(slice, at);
          at += slice.length;
        }
        files.set(path, next);
      },
      sync: async () => {},
      close: async () => {},
    };
  };
  return {
    async read(path) {
      const content = files.get(path);
      if (content === undefined) throw missing(path);
      return content.slice();
    },
    writeAtomic: async (path, bytes) => void files.set(path, bytes.slice()),
    async list(folder) {
      const prefix = folder === "" || folder === "." ? "" : `${folder}/`;
      const names = [...files.keys()]
        .filter((path) => path.startsWith(prefix))
        .map((path) => path.slice(prefix.length).split("/")[0] ?? "");
      return [...new Set(names)].toSorted();
    },
    exists: async (path) => files.has(path),
    remove: async (path) => void files.delete(path),
    async rename(from, to) {
      const content = files.get(from);
      if (content === undefined) throw missing(from);
      files.set(to, content);
      files.delete(from);
    },
    makeFolder: async () => {},
    syncFolder: async () => {},
    async open(path, mode) {
      if (!files.has(path)) {
        if (mode === "read") throw missing(path);
        files.set(path, new Uint8Array(0));
      }
      return open(path);
    },
  };
}
