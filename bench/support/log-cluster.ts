/** Members of a log as processes in the bench's namespace, each with a certificate and a folder of its own. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createIssuer } from "../../src/auth/certificates.ts";
import { peerUri } from "../../src/raft/peer-transport.ts";
import type { Machine } from "../../test/live/support/machine.ts";
import { LogConnection } from "./log-wire.ts";
import type { LogMemberSpec } from "./log-member.ts";
import { pause } from "./cluster.ts";
import { hasEnded } from "./worker.ts";

export interface LogCluster {
  /** Client ports by member. */
  readonly ports: readonly number[];
  pidOf(member: number): number;
  start(member: number): void;
  kill(member: number): Promise<void>;
  /** In order where they are profiled, so that the profile is written. */
  stop(): Promise<void>;
}

const script = fileURLToPath(new URL("./log-member.js", import.meta.url));
let firstPort = 25_000;

/** `profileFolder`: each member leaves a CPU profile there. */
export async function createLogCluster(machine: Machine, members: number, profileFolder = ""): Promise<LogCluster> {
  firstPort += 10;
  const issuer = createIssuer({ webcrypto: globalThis.crypto, now: () => Date.now() });
  const authority = await issuer.authority("peers");
  const clusterId = `bench-${firstPort}`;
  const voters = Array.from({ length: members }, (_, member) => member + 1);
  const peerPorts = Object.fromEntries(voters.map((id) => [id, firstPort + 2 * id + 1]));
  const specs: LogMemberSpec[] = [];
  for (const id of voters) {
    const uris = [peerUri(clusterId, id)];
    const { certificate, key } = await issuer.leaf(authority, {
      commonName: `${id}`,
      usage: "peer",
      uris,
      validMs: 86_400_000,
    });
    const folder = join(machine.folder, `log-${firstPort}-${id}`);
    mkdirSync(folder);
    const clientPort = firstPort + 2 * id;
    specs.push({
      folder,
      id,
      clusterId,
      voters,
      peerPorts,
      clientPort,
      certificate,
      key,
      authority: authority.certificate,
    });
  }
  const children: (ChildProcess | undefined)[] = specs.map(() => undefined);
  const profile = profileFolder === "" ? [] : ["--cpu-prof", "--cpu-prof-interval", "500", "--cpu-prof-dir"];
  const end = async (member: number, how: (child: ChildProcess) => void): Promise<void> => {
    const child = children[member];
    children[member] = undefined;
    if (child === undefined || hasEnded(child)) return;
    const ended = once(child, "exit");
    how(child);
    await ended;
  };
  const cluster: LogCluster = {
    ports: specs.map(({ clientPort }) => clientPort),
    pidOf: (member) => children[member]!.pid!,
    start(member) {
      const options = profileFolder === "" ? [] : [...profile, profileFolder];
      const child = machine.start(process.execPath, [...options, script, JSON.stringify(specs[member])]);
      child.stdout!.resume();
      child.stderr!.pipe(process.stderr);
      children[member] = child;
    },
    kill: (member) => end(member, (child) => child.kill("SIGKILL")),
    async stop() {
      for (const member of specs.keys()) {
        await end(member, (child) => (profileFolder === "" ? child.kill("SIGKILL") : child.stdin!.write("end\n")));
      }
    },
  };
  for (const member of specs.keys()) cluster.start(member);
  return cluster;
}

/** Which of these client ports belongs to the leader; runs inside the namespace. */
export async function logLeader(ports: readonly number[]): Promise<number> {
  for (const deadlineMs = performance.now() + 30_000; performance.now() < deadlineMs; await pause(50)) {
    for (const port of ports) {
      const connection = await LogConnection.open(port).catch(() => undefined);
      const isLeader = await connection?.call("whoLeads", new Uint8Array());
      connection?.close();
      if (isLeader === true) return port;
    }
  }
  throw new Error("no member of the log leads");
}
