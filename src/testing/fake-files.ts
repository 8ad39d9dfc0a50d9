import type { FileStat, HostFiles } from "../env/host.ts";

/**
 * The host's files in memory: absolute paths, folders are made as needed, errors carry Node's codes.
 * Times come from a counter, so that later writes are newer.
 */
export interface FakeFiles extends HostFiles {
  /** Every file and link below a path, in order. */
  below(path: string): readonly string[];
}

interface FileNode {
  readonly kind: FileStat["kind"];
  readonly inode: number;
  bytes: Uint8Array;
  target: string;
  mode: number;
  uid: number;
  gid: number;
  mtimeMs: number;
}

interface State {
  readonly nodes: Map<string, FileNode>;
  readonly watchers: Set<{ readonly path: string; readonly run: () => void }>;
  tick: number;
}

export function createFakeFiles(): FakeFiles {
  const state: State = { nodes: new Map(), watchers: new Set(), tick: 1 };
  put(state, "/", "folder");
  return {
    ...readers(state),
    ...writers(state),
    ...attributes(state),
    below: (path) =>
      [...state.nodes]
        .filter(([name, node]) => name.startsWith(`${path}/`) && node.kind !== "folder")
        .map(([name]) => name)
        .sort(),
    watch: (path, run) => {
      const watcher = { path, run };
      state.watchers.add(watcher);
      return () => void state.watchers.delete(watcher);
    },
  };
}

type Readers = Pick<
  HostFiles,
  "read" | "readText" | "readRange" | "digest" | "list" | "stat" | "readLink" | "realPath" | "statfs"
>;

function readers(state: State): Readers {
  return {
    read: async (path) => content(state, path).slice(),
    readText: async (path) => new TextDecoder().decode(content(state, path)),
    readRange: async (path, offset, length) => content(state, path).slice(offset, Math.max(offset, offset + length)),
    digest: async (path, offset, length) => {
      const part = content(state, path).slice(offset, offset + length);
      const hash = new Uint8Array(await globalThis.crypto.subtle.digest("SHA-256", part));
      return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
    },
    list: async (path) => {
      expectFolder(state, path);
      const prefix = path === "/" ? "/" : `${path}/`;
      return [...state.nodes.keys()]
        .filter((name) => name !== "/" && name.startsWith(prefix))
        .map((name) => name.slice(prefix.length))
        .filter((name) => name !== "" && !name.includes("/"))
        .sort();
    },
    stat: async (path) => {
      const node = state.nodes.get(path);
      if (node === undefined) return undefined;
      const { kind, bytes, mode, uid, gid, mtimeMs, inode } = node;
      return { kind, size: bytes.length, mode, uid, gid, mtimeMs, inode };
    },
    readLink: async (path) => {
      const node = find(state, path);
      if (node.kind !== "link") throw failure("EINVAL", path);
      return node.target;
    },
    realPath: async (path) => {
      const real = follow(state, path);
      find(state, real);
      return real;
    },
    statfs: async () => ({
      capacityBytes: 100e9,
      availableBytes: 50e9,
      inodes: 1e6,
      inodesFree: 5e5,
    }),
  };
}

type Writers = Pick<
  HostFiles,
  "write" | "writeAtomic" | "makeFolder" | "remove" | "removeFolder" | "removeAll" | "link" | "rename"
>;

function writers(state: State): Writers {
  return {
    write: async (path, bytes, options = {}) => {
      const node = writeFile(state, follow(state, path), bytes);
      if (options.mode !== undefined) node.mode = options.mode;
      if (options.uid !== undefined) node.uid = options.uid;
      if (options.gid !== undefined) node.gid = options.gid;
      changed(state, path);
    },
    writeAtomic: async (path, bytes, options = {}) => {
      // A rename: another inode under the name.
      expectFolder(state, parentOf(path));
      state.nodes.delete(path);
      const node = writeFile(state, path, bytes);
      if (options.mode !== undefined) node.mode = options.mode;
      changed(state, path);
    },
    makeFolder: async (path, options) => {
      const parts = path.split("/").filter((part) => part !== "");
      for (let count = 1; count <= parts.length; count += 1) {
        const folder = `/${parts.slice(0, count).join("/")}`;
        const there = state.nodes.get(follow(state, folder));
        if (there === undefined) put(state, folder, "folder");
        else if (there.kind !== "folder") throw failure("ENOTDIR", folder);
      }
      if (options?.mode !== undefined) find(state, follow(state, path)).mode = options.mode;
    },
    remove: async (path) => {
      if (find(state, path).kind === "folder") throw failure("EISDIR", path);
      state.nodes.delete(path);
      changed(state, path);
    },
    removeFolder: async (path) => {
      expectFolder(state, path);
      if ([...state.nodes.keys()].some((name) => name.startsWith(`${path}/`))) {
        throw failure("ENOTEMPTY", path);
      }
      state.nodes.delete(path);
    },
    removeAll: async (path) => {
      for (const name of state.nodes.keys()) {
        if (name === path || name.startsWith(`${path}/`)) state.nodes.delete(name);
      }
      changed(state, path);
    },
    link: async (target, path) => {
      if (state.nodes.has(path)) throw failure("EEXIST", path);
      expectFolder(state, parentOf(path));
      put(state, path, "link").target = target;
    },
    rename: async (from, to) => {
      const moved = [...state.nodes].filter(([name]) => name === from || name.startsWith(`${from}/`));
      if (moved.length === 0) throw failure("ENOENT", from);
      for (const [name] of moved) state.nodes.delete(name);
      for (const [name, node] of moved) state.nodes.set(to + name.slice(from.length), node);
      changed(state, from);
      changed(state, to);
    },
  };
}

function attributes(state: State): Pick<HostFiles, "chmod" | "chown"> {
  return {
    chmod: async (path, mode) => void (find(state, follow(state, path)).mode = mode),
    chown: async (path, uid, gid) => {
      const node = find(state, follow(state, path));
      node.uid = uid;
      node.gid = gid;
    },
  };
}

function writeFile(state: State, path: string, bytes: Uint8Array | string): FileNode {
  expectFolder(state, parentOf(path));
  const old = state.nodes.get(path);
  if (old?.kind === "folder") throw failure("EISDIR", path);
  const node = old ?? put(state, path, "file");
  node.bytes = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes.slice();
  node.mtimeMs = state.tick;
  state.tick += 1;
  return node;
}

function put(state: State, path: string, kind: FileStat["kind"]): FileNode {
  const node: FileNode = {
    kind,
    inode: state.tick,
    bytes: new Uint8Array(0),
    target: "",
    mode: kind === "folder" ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    mtimeMs: state.tick,
  };
  state.tick += 1;
  state.nodes.set(path, node);
  return node;
}

function changed(state: State, path: string): void {
  for (const watcher of state.watchers) if (watcher.path === path) watcher.run();
}

function find(state: State, path: string): FileNode {
  const node = state.nodes.get(path);
  if (node === undefined) throw failure("ENOENT", path);
  return node;
}

function content(state: State, path: string): Uint8Array {
  const node = find(state, follow(state, path));
  if (node.kind === "folder") throw failure("EISDIR", path);
  return node.bytes;
}

/** Resolves links in every part of the path. */
function follow(state: State, path: string, depth: number = 0): string {
  if (depth > 40) throw failure("ELOOP", path);
  let resolved = "";
  const parts = path.split("/").filter((part) => part !== "");
  for (const [index, part] of parts.entries()) {
    if (part === ".") continue;
    if (part === "..") {
      resolved = resolved.slice(0, resolved.lastIndexOf("/"));
      continue;
    }
    const next = `${resolved}/${part}`;
    const node = state.nodes.get(next);
    if (node?.kind === "link") {
      const rest = parts.slice(index + 1).join("/");
      const target = node.target.startsWith("/") ? node.target : `${resolved}/${node.target}`;
      return follow(state, rest === "" ? target : `${target}/${rest}`, depth + 1);
    }
    resolved = next;
  }
  return resolved === "" ? "/" : resolved;
}

function expectFolder(state: State, path: string): void {
  if (find(state, follow(state, path)).kind !== "folder") throw failure("ENOTDIR", path);
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
