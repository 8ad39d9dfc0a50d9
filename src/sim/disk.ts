import { concatBytes } from "../util/bytes.ts";
import { invariant } from "../util/errors.ts";
import type { Disk, DiskFile, OpenMode, Rng } from "../env/env.ts";

/**
 * A disk in memory that forgets like a real one. What was written but not synced lives in `dirty`
 * sectors; a crash keeps any subset of them. A name made, moved or removed lasts only once its
 * folder is synced; a crash keeps a prefix of each folder's unsynced changes. All draws come from
 * the given Rng, so a seed replays. Handles from before a crash never answer again, as a dead
 * process does not.
 */
export interface SimDisk extends Disk {
  /** The disk as one process sees it: calls made through it after a crash never answer. */
  attach(): Disk;
  /** Power loss: unsynced sectors and names survive or not, by the Rng. */
  crash(): void;
  /** The next matching operations fail with this code; `count` defaults to 1. */
  inject(fault: DiskFault): void;
  /** No more injected failures. */
  heal(): void;
  /** All files whose paths start so, one behind the other in order of their paths, as they are read now. */
  bytesOf(prefix: string): Uint8Array;
  /** What is on it now, as data. */
  image(): DiskImage;
  /** Rot: flips one bit of the stored bytes. */
  flipBit(path: string, bit: number): void;
  /** Puts bytes over the stored ones, as an operator or a misdirected write would. */
  overwrite(path: string, offset: number, bytes: Uint8Array): void;
}

export type DiskOperation = "read" | "write" | "sync" | "syncFolder" | "open" | "rename";

export interface DiskFault {
  readonly operation: DiskOperation;
  /** Matches paths that start so; all if missing. */
  readonly path?: string;
  readonly code: "EIO" | "ENOSPC" | "EROFS";
  readonly count?: number;
}

/** Bytes of an image are never written to. */
export interface DiskImage {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly folders: readonly string[];
}

export interface SimDiskOptions {
  /** What is on it at first, durably. */
  readonly image?: DiskImage;
  readonly rng: Rng;
  readonly sectorBytes?: number;
  /** Awaited between the start and the end of a write, sync or read: the time the device takes. */
  readonly pace?: (operation: DiskOperation, path: string) => Promise<void>;
}

interface Inode {
  bytes: Uint8Array;
  /** An image reads them too: they are copied before they are written. */
  isShared: boolean;
  size: number;
  /** Old bytes of sectors changed since the last sync, by sector number. */
  dirty: Map<number, Uint8Array> | undefined;
  durableSize: number;
}

/** What one call changed in one folder: it lasts whole or not at all, as a rename does. */
type NameChange = readonly {
  readonly path: string;
  readonly inode: Inode | undefined;
}[];

const sparesMax = 64;

/** A promise of its own for each call: whoever waits for a shared one would be held by it for ever. */
function never(): Promise<never> {
  return new Promise(() => undefined);
}

export function createSimDisk(options: SimDiskOptions): SimDisk {
  return new MemoryDisk(options);
}

class MemoryDisk implements SimDisk {
  readonly #rng: Rng;
  readonly #sectorBytes: number;
  readonly #zeros: Uint8Array;
  /** Blocks for copies of sectors: an engine takes longer to make one than to fill it. */
  readonly #spares: Uint8Array[] = [];
  readonly #pace: (operation: DiskOperation, path: string) => Promise<void>;
  #names: Map<string, Inode> = new Map();
  readonly #durableNames: Map<string, Inode> = new Map();
  readonly #nameChanges: Map<string, NameChange[]> = new Map();
  readonly #folders: Set<string> = new Set([""]);
  #faults: { readonly fault: DiskFault; left: number }[] = [];
  #life = 0;

  constructor(options: SimDiskOptions) {
    this.#rng = options.rng;
    this.#sectorBytes = options.sectorBytes ?? 512;
    this.#zeros = new Uint8Array(this.#sectorBytes);
    this.#pace = options.pace ?? (() => Promise.resolve());
    for (const folder of options.image?.folders ?? []) this.#folders.add(folder);
    for (const [path, content] of options.image?.files ?? []) {
      const size = content.length;
      const inode = { bytes: content, isShared: true, size, dirty: undefined, durableSize: size };
      this.#names.set(path, inode);
      this.#durableNames.set(path, inode);
    }
  }

  async read(path: string): Promise<Uint8Array> {
    const inode = this.#find(path);
    return this.#turn("read", path, () => inode.bytes.slice(0, inode.size));
  }

  async writeAtomic(path: string, bytes: Uint8Array): Promise<void> {
    const file = await this.open(`${path}.part`, "create");
    await file.write(0, [bytes]);
    await file.sync();
    await file.close();
    await this.rename(`${path}.part`, path);
    await this.syncFolder(folderOf(path));
  }

  async list(folder: string): Promise<readonly string[]> {
    if (!this.#folders.has(folder)) throw diskError("ENOENT", folder);
    return this.#turn("read", folder, () => {
      const files = [...this.#names.keys()].filter((path) => folderOf(path) === folder);
      const folders = [...this.#folders].filter((path) => path !== "" && folderOf(path) === folder);
      return [...files, ...folders].map((path) => path.slice(path.lastIndexOf("/") + 1)).toSorted();
    });
  }

  async exists(path: string): Promise<boolean> {
    return this.#turn("read", path, () => this.#names.has(path) || this.#folders.has(path));
  }

  async remove(path: string): Promise<void> {
    return this.#turn("rename", path, () => {
      for (const name of this.#names.keys()) {
        if (name === path || name.startsWith(`${path}/`)) this.#setName(name, undefined);
      }
    });
  }

  async rename(from: string, to: string): Promise<void> {
    const inode = this.#find(from);
    invariant(folderOf(from) === folderOf(to), "a rename stays in its folder");
    return this.#turn("rename", to, () =>
      this.#setNames([
        { path: to, inode },
        { path: from, inode: undefined },
      ]),
    );
  }

  async makeFolder(path: string): Promise<void> {
    return this.#turn("syncFolder", path, () => {
      for (let folder = path; folder !== ""; folder = folderOf(folder)) this.#folders.add(folder);
    });
  }

  async syncFolder(path: string): Promise<void> {
    return this.#turn("syncFolder", path, () => {
      for (const change of this.#nameChanges.get(path) ?? []) {
        applyNames(this.#durableNames, change);
      }
      this.#nameChanges.delete(path);
    });
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    return this.#turn("open", path, () => {
      const known = this.#names.get(path);
      if (known !== undefined && mode !== "create") return this.#handle(path, known, mode);
      if (mode === "read" || !this.#folders.has(folderOf(path))) throw diskError("ENOENT", path);
      const inode = { bytes: new Uint8Array(0), isShared: false, size: 0, dirty: undefined, durableSize: 0 };
      this.#setName(path, inode);
      return this.#handle(path, inode, mode);
    });
  }

  attach(): Disk {
    const life = this.#life;
    const alive = <T>(run: () => Promise<T>): Promise<T> => (life === this.#life ? run() : never());
    return {
      read: (path) => alive(() => this.read(path)),
      writeAtomic: (path, bytes) => alive(() => this.writeAtomic(path, bytes)),
      list: (folder) => alive(() => this.list(folder)),
      exists: (path) => alive(() => this.exists(path)),
      remove: (path) => alive(() => this.remove(path)),
      rename: (from, to) => alive(() => this.rename(from, to)),
      makeFolder: (path) => alive(() => this.makeFolder(path)),
      syncFolder: (path) => alive(() => this.syncFolder(path)),
      open: (path, mode) => alive(() => this.open(path, mode)),
    };
  }

  crash(): void {
    this.#life += 1;
    this.#faults = [];
    for (const changes of this.#nameChanges.values()) {
      const kept = this.#rng.below(changes.length + 1);
      for (const change of changes.slice(0, kept)) applyNames(this.#durableNames, change);
    }
    this.#nameChanges.clear();
    this.#names = new Map(this.#durableNames);
    for (const path of [...this.#names.keys()].toSorted()) this.#tear(this.#find(path));
  }

  inject(fault: DiskFault): void {
    this.#faults.push({ fault, left: fault.count ?? 1 });
  }

  heal(): void {
    this.#faults = [];
  }

  bytesOf(prefix: string): Uint8Array {
    const paths = [...this.#names.keys()].filter((path) => path.startsWith(prefix)).toSorted();
    return concatBytes(paths.map((path) => this.#find(path)).map(({ bytes, size }) => bytes.subarray(0, size)));
  }

  image(): DiskImage {
    const files = new Map<string, Uint8Array>();
    for (const [path, inode] of this.#names) {
      const { bytes, size } = inode;
      inode.isShared = true;
      files.set(path, bytes.length === size ? bytes : bytes.subarray(0, size));
    }
    return { files, folders: [...this.#folders] };
  }

  flipBit(path: string, bit: number): void {
    const inode = this.#find(path);
    const at = Math.floor(bit / 8);
    invariant(at < inode.size, "the flipped bit lies inside the file");
    own(inode);
    inode.bytes[at] = (inode.bytes[at] as number) ^ (1 << (bit % 8));
  }

  overwrite(path: string, offset: number, bytes: Uint8Array): void {
    const inode = this.#find(path);
    invariant(offset + bytes.length <= inode.size, "overwritten bytes lie inside the file");
    own(inode);
    inode.bytes.set(bytes, offset);
  }

  #handle(path: string, inode: Inode, mode: OpenMode): DiskFile {
    const life = this.#life;
    const alive = <T>(run: () => Promise<T>): Promise<T> => (life === this.#life ? run() : never());
    return {
      size: () => alive(async () => inode.size),
      read: (offset, length) =>
        alive(() => this.#turn("read", path, () => inode.bytes.slice(offset, Math.min(inode.size, offset + length)))),
      write: (offset, slices) =>
        alive(async () => {
          invariant(mode !== "read", "a file opened for reading is not written");
          this.#fail("write", path);
          this.#put(inode, offset, slices);
          return this.#wait("write", path, () => {
            if (mode === "dsync") this.#settleRange(inode, offset, lengthOf(slices));
          });
        }),
      sync: () => alive(() => this.#turn("sync", path, () => this.#settle(inode))),
      close: () => alive(async () => undefined),
    };
  }

  #turn<T>(operation: DiskOperation, path: string, run: () => T): Promise<T> {
    this.#fail(operation, path);
    return this.#wait(operation, path, run);
  }

  /** What the call does, it does in the very step in which the process is seen to be alive. */
  async #wait<T>(operation: DiskOperation, path: string, run: () => T): Promise<T> {
    const life = this.#life;
    await this.#pace(operation, path);
    return life === this.#life ? run() : never();
  }

  #fail(operation: DiskOperation, path: string): void {
    const hit = this.#faults.find(
      ({ fault, left }) => left > 0 && fault.operation === operation && path.startsWith(fault.path ?? ""),
    );
    if (hit === undefined) return;
    hit.left -= 1;
    throw diskError(hit.fault.code, path);
  }

  #find(path: string): Inode {
    const inode = this.#names.get(path);
    if (inode === undefined) throw diskError("ENOENT", path);
    return inode;
  }

  #setName(path: string, inode: Inode | undefined): void {
    this.#setNames([{ path, inode }]);
  }

  #setNames(change: NameChange): void {
    applyNames(this.#names, change);
    const folder = folderOf(change[0]?.path ?? "");
    const changes = this.#nameChanges.get(folder) ?? [];
    changes.push(change);
    this.#nameChanges.set(folder, changes);
  }

  #put(inode: Inode, offset: number, slices: readonly Uint8Array[]): void {
    const end = offset + lengthOf(slices);
    if (end > inode.bytes.length) {
      const grown = new Uint8Array(Math.max(end, inode.bytes.length * 2));
      grown.set(inode.bytes);
      inode.bytes = grown;
      inode.isShared = false;
    }
    own(inode);
    const dirty = (inode.dirty ??= new Map<number, Uint8Array>());
    const first = Math.floor(offset / this.#sectorBytes);
    for (let sector = first; sector * this.#sectorBytes < end; sector += 1) {
      if (dirty.has(sector)) continue;
      const start = sector * this.#sectorBytes;
      dirty.set(sector, this.#copyOf(inode, start));
    }
    let position = offset;
    for (const slice of slices) {
      inode.bytes.set(slice, position);
      position += slice.length;
    }
    inode.size = Math.max(inode.size, end);
  }

  /** What a sector holds before it is written over. */
  #copyOf({ bytes, size }: Inode, start: number): Uint8Array {
    const end = start + this.#sectorBytes;
    if (end > bytes.length) return bytes.slice(start);
    // Behind its end a file holds zeros: what is filled ahead needs no copies of them.
    if (start >= size) return this.#zeros;
    const copy = this.#spares.pop() ?? new Uint8Array(this.#sectorBytes);
    copy.set(bytes.subarray(start, end));
    return copy;
  }

  /** A copy is not needed any more. */
  #release(copy: Uint8Array | undefined): void {
    if (copy === undefined || copy === this.#zeros || copy.length < this.#sectorBytes) return;
    if (this.#spares.length < sparesMax) this.#spares.push(copy);
  }

  #settle(inode: Inode): void {
    for (const copy of inode.dirty?.values() ?? []) this.#release(copy);
    inode.dirty?.clear();
    inode.durableSize = inode.size;
  }

  #settleRange(inode: Inode, offset: number, length: number): void {
    const first = Math.floor(offset / this.#sectorBytes);
    for (let sector = first; sector * this.#sectorBytes < offset + length; sector += 1) {
      this.#release(inode.dirty?.get(sector));
      inode.dirty?.delete(sector);
    }
    inode.durableSize = Math.max(inode.durableSize, offset + length);
  }

  /** Each dirty sector keeps its new or its old bytes; so does the size. */
  #tear(inode: Inode): void {
    own(inode);
    for (const [sector, old] of inode.dirty ?? []) {
      if (this.#rng.below(2) === 0) inode.bytes.set(old, sector * this.#sectorBytes);
    }
    inode.dirty = undefined;
    if (inode.size !== inode.durableSize && this.#rng.below(2) === 0) {
      inode.bytes.fill(0, inode.durableSize);
      inode.size = inode.durableSize;
    }
    inode.durableSize = inode.size;
  }
}

function applyNames(names: Map<string, Inode>, change: NameChange): void {
  for (const { path, inode } of change) {
    if (inode === undefined) names.delete(path);
    else names.set(path, inode);
  }
}

/** From here on its bytes may be written. */
function own(inode: Inode): void {
  if (!inode.isShared) return;
  inode.bytes = inode.bytes.slice();
  inode.isShared = false;
}

function lengthOf(slices: readonly Uint8Array[]): number {
  return slices.reduce((sum, slice) => sum + slice.length, 0);
}

function folderOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

/** Shaped as Node's: callers look at `code`. */
function diskError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
