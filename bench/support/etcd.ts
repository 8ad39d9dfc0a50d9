/** Debian's etcd as it comes, beside ours: members as processes in the bench's namespace, and its messages. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { get } from "node:http";
import { hasEnded } from "./worker.ts";
import type { Machine } from "../../test/live/support/machine.ts";

export interface Etcd {
  /** Client ports by member. */
  readonly ports: readonly number[];
  pidOf(member: number): number;
  start(member: number): void;
  kill(member: number): Promise<void>;
  stop(): Promise<void>;
}

let firstPort = 24_000;

/** Heartbeats, elections and syncs as etcd has them by default: 100 ms, 1 s, every write. */
export function createEtcd(machine: Machine, members: number): Etcd {
  firstPort += 10;
  const at = Array.from({ length: members }, (_, member) => firstPort + 2 * member);
  const peer = (member: number): string => `http://127.0.0.1:${at[member]! + 1}`;
  const folder = join(machine.folder, `etcd-${firstPort}`);
  const children: (ChildProcess | undefined)[] = at.map(() => undefined);
  const etcd: Etcd = {
    ports: at,
    pidOf: (member) => children[member]!.pid!,
    start(member) {
      const url = `http://127.0.0.1:${at[member]}`;
      const options: Readonly<Record<string, string>> = {
        name: `m${member}`,
        "data-dir": join(folder, `${member}`),
        "log-level": "error",
        logger: "zap",
        "log-outputs": "/dev/null",
        "quota-backend-bytes": `${8 * 2 ** 30}`,
        "listen-client-urls": url,
        "advertise-client-urls": url,
        "listen-peer-urls": peer(member),
        "initial-advertise-peer-urls": peer(member),
        "initial-cluster": at.map((_, other) => `m${other}=${peer(other)}`).join(","),
      };
      const child = machine.start(
        "etcd",
        Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
      );
      child.stdout!.resume();
      child.stderr!.resume();
      children[member] = child;
    },
    async kill(member) {
      const child = children[member];
      children[member] = undefined;
      if (child === undefined || hasEnded(child)) return;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
    async stop() {
      for (const member of at.keys()) await etcd.kill(member);
    },
  };
  for (const member of at.keys()) etcd.start(member);
  return etcd;
}

export const etcdPut = "/etcdserverpb.KV/Put";
export const etcdRange = "/etcdserverpb.KV/Range";

/** PutRequest: key (1), value (2). */
export function putRequest(key: string, value: Uint8Array): Uint8Array {
  return Buffer.concat([field(1, Buffer.from(key)), field(2, value)]);
}

/** RangeRequest of one key: linearizable, as is its default. */
export function rangeRequest(key: string): Uint8Array {
  return field(1, Buffer.from(key));
}

/** A field of bytes of a protobuf message, shorter than 16 KiB. */
export function field(number: number, bytes: Uint8Array): Uint8Array {
  const size = bytes.length < 128 ? [bytes.length] : [(bytes.length & 0x7f) | 0x80, bytes.length >> 7];
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...size]), bytes]);
}

/** Which of these client ports belongs to the leader; asked of every member's metrics until one says so. */
export async function etcdLeader(ports: readonly number[]): Promise<number> {
  for (const deadlineMs = performance.now() + 30_000; performance.now() < deadlineMs;) {
    for (const port of ports) {
      const text = await metrics(port);
      if (/^etcd_server_is_leader 1$/m.test(text) && /^etcd_server_has_leader 1$/m.test(text)) return port;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("no member of etcd leads");
}

/** Empty if the member does not answer. */
function metrics(port: number): Promise<string> {
  return new Promise((resolve) => {
    const request = get({ host: "127.0.0.1", port, path: "/metrics", timeout: 500 }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => (text += piece));
      response.on("end", () => resolve(text));
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(""));
  });
}
