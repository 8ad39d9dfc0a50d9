import type { Clock, Disk, DiskFile } from "./env.ts";
import type { FaultPort } from "./faults.ts";

/**
 * A disk behind the seam `disk`: each operation passes at `/disk/<operation>/<path>`. What is slow is
 * done late; what fails is not done.
 */
export function faultyDisk(disk: Disk, { clock, faults }: { readonly clock: Clock; readonly faults: FaultPort }): Disk {
  const pass = async <T>(operation: string, path: string, run: () => Promise<T>): Promise<T> => {
    if (faults.enabled) {
      const fault = faults.at({ seam: "disk", path: `/disk/${operation}/${path}` });
      if (fault.kind === "error") throw failure(fault.code ?? "EIO", fault.message, `${operation} '${path}'`);
      if (fault.kind === "delay") await new Promise<void>((resolve) => void clock.after(fault.ms, resolve));
    }
    return run();
  };
  const file = (path: string, inner: DiskFile): DiskFile => ({
    size: () => inner.size(),
    read: (offset, length) => pass("read", path, () => inner.read(offset, length)),
    write: (offset, slices) => pass("write", path, () => inner.write(offset, slices)),
    sync: () => pass("sync", path, () => inner.sync()),
    close: () => inner.close(),
  });
  return {
    read: (path) => pass("read", path, () => disk.read(path)),
    writeAtomic: (path, bytes) => pass("write", path, () => disk.writeAtomic(path, bytes)),
    list: (folder) => pass("list", folder, () => disk.list(folder)),
    exists: (path) => pass("list", path, () => disk.exists(path)),
    remove: (path) => pass("remove", path, () => disk.remove(path)),
    rename: (from, to) => pass("rename", to, () => disk.rename(from, to)),
    makeFolder: (path) => pass("write", path, () => disk.makeFolder(path)),
    syncFolder: (path) => pass("sync", path, () => disk.syncFolder(path)),
    open: (path, mode) => pass("open", path, async () => file(path, await disk.open(path, mode))),
  };
}

/** As Node tells it: with a code, and what was done to what. */
function failure(code: string, message: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${message}, ${what}`), { code });
}
