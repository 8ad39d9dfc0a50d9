/**
 * The node's seams: processes, files, sockets of the machine that the agent runs on. Real ones lie
 * in `env/real/`; tests give fakes.
 */

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Exec {
  /** Runs to the end. A non-zero exit is a result, not an error; throws `TransientError` when it cannot be started or the time is over. */
  run(
    file: string,
    args: readonly string[],
    options?: {
      readonly input?: string;
      readonly timeoutMs?: number;
      readonly env?: Readonly<Record<string, string>>;
    },
  ): Promise<ExecResult>;
  /** A long-lived child with piped stdin and stderr. */
  start(file: string, args: readonly string[], options?: { readonly env?: Readonly<Record<string, string>> }): Child;
  /** A process that outlives us: own session, output appended to `logPath`. Answers its pid. */
  detach(
    file: string,
    args: readonly string[],
    options: {
      readonly logPath: string;
      readonly cwd?: string;
      readonly env?: Readonly<Record<string, string>>;
    },
  ): Promise<number>;
}

export interface Child {
  readonly pid: number;
  write(text: string): void;
  onStdout(run: (text: string) => void): void;
  onStderr(run: (text: string) => void): void;
  onExit(run: (code: number | undefined) => void): void;
  kill(signal: "SIGTERM" | "SIGKILL"): void;
}

/** Files of the host by absolute path: volumes, cgroups, logs, /proc. Errors carry `code` (ENOENT …). */
export interface HostFiles {
  read(path: string): Promise<Uint8Array>;
  readText(path: string): Promise<string>;
  /** Shorter than `length` only at the end of the file. */
  readRange(path: string, offset: number, length: number): Promise<Uint8Array>;
  /** SHA-256 of that part of a file in lower-case hex, in constant memory. */
  digest(path: string, offset: number, length: number): Promise<string>;
  write(
    path: string,
    content: Uint8Array | string,
    options?: { readonly mode?: number; readonly uid?: number; readonly gid?: number },
  ): Promise<void>;
  /** Write to a sibling, sync, rename. */
  writeAtomic(path: string, content: Uint8Array | string, options?: { readonly mode?: number }): Promise<void>;
  makeFolder(path: string, options?: { readonly mode?: number }): Promise<void>;
  remove(path: string): Promise<void>;
  removeFolder(path: string): Promise<void>;
  removeAll(path: string): Promise<void>;
  list(path: string): Promise<readonly string[]>;
  stat(path: string): Promise<FileStat | undefined>;
  link(target: string, path: string): Promise<void>;
  readLink(path: string): Promise<string>;
  rename(from: string, to: string): Promise<void>;
  chmod(path: string, mode: number): Promise<void>;
  chown(path: string, uid: number, gid: number): Promise<void>;
  realPath(path: string): Promise<string>;
  statfs(path: string): Promise<{
    readonly capacityBytes: number;
    readonly availableBytes: number;
    readonly inodes: number;
    readonly inodesFree: number;
  }>;
  /** Told when the file may have grown or been replaced; answers how to stop. */
  watch(path: string, run: () => void): () => void;
}

export interface FileStat {
  readonly kind: "file" | "folder" | "link" | "socket" | "char" | "block" | "other";
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeMs: number;
  readonly inode: number;
}

/** Sockets of the agent: probes, streams to the runtime, DNS. */
export interface HostNet {
  httpGet(request: {
    readonly scheme: "http" | "https";
    readonly host: string;
    readonly port: number;
    readonly path: string;
    readonly headers: readonly (readonly [string, string])[];
    readonly timeoutMs: number;
    readonly bodyLimit: number;
  }): Promise<{
    readonly status: number;
    readonly body: string;
    readonly location: string | undefined;
  }>;
  tcpConnect(host: string, port: number, timeoutMs: number): Promise<void>;
  /** A raw duplex byte stream (SPDY towards the runtime). */
  dial(target: { readonly host: string; readonly port: number } | { readonly path: string }): Promise<ByteStream>;
}

export interface ByteStream {
  write(bytes: Uint8Array): void;
  readonly pending: number;
  onData(run: (bytes: Uint8Array) => void): void;
  onClose(run: (error: Error | undefined) => void): void;
  /** Stops and goes on taking bytes from the other side: back-pressure. */
  pause(): void;
  resume(): void;
  end(): void;
  destroy(): void;
}

/** The four together: what the agent's core takes. */
export interface Host {
  readonly exec: Exec;
  readonly files: HostFiles;
  readonly net: HostNet;
  readonly hostname: string;
  /** MiB-exact facts of the machine. */
  readonly cpus: number;
  readonly memoryBytes: number;
}
