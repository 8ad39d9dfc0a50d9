/** What `up` must know of this machine: free ports and ranges, its address, which runtime parts lack. */
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { UserError } from "../util/errors.ts";
import type { Registered } from "./cluster-file.ts";

const searchPath = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin:/usr/local/sbin`;

export function hasProgram(name: string): boolean {
  return searchPath.split(":").some((folder) => folder !== "" && existsSync(`${folder}/${name}`));
}

/** Program → Debian package. */
const runtimePrograms: Readonly<Record<string, string>> = {
  containerd: "containerd",
  runc: "runc",
  nft: "nftables",
  ip: "iproute2",
  conntrack: "conntrack",
  busybox: "busybox-static",
  nsenter: "util-linux",
};

/** Debian packages that the containerd runtime lacks here. */
export function missingPackages(): readonly string[] {
  return Object.entries(runtimePrograms)
    .filter(([program]) => !hasProgram(program))
    .map(([, name]) => name);
}

/** Both cgroup layouts work; a machine with none cannot run containers. */
export function cgroupVersion(): "v1" | "v2" | undefined {
  if (existsSync("/sys/fs/cgroup/cgroup.controllers")) return "v2";
  if (existsSync("/sys/fs/cgroup/memory")) return "v1";
  return undefined;
}

/** IPv4 address of the default route's interface; undefined where there is none. */
export function defaultAddress(): string | undefined {
  const lines = readFileSync("/proc/net/route", "utf8").split("\n").slice(1);
  const device = lines.map((line) => line.split("\t")).find((fields) => fields[1] === "00000000")?.[0];
  if (device === undefined) return undefined;
  return networkInterfaces()[device]?.find((entry) => entry.family === "IPv4")?.address;
}

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

const firstPort = 6_443;
const lastPort = 7_443;

/** The port of REST and the next one for gRPC; those of other registered clusters are not free even when they are down. */
export async function choosePorts(wanted: number | undefined, others: readonly Registered[]): Promise<number> {
  const taken = new Set(others.flatMap(({ cluster }) => [cluster.apiPort, cluster.grpcPort]));
  const free = async (port: number): Promise<boolean> =>
    !taken.has(port) && !taken.has(port + 1) && (await isFree(port, "0.0.0.0")) && (await isFree(port + 1, "0.0.0.0"));
  if (wanted !== undefined) {
    if (!Number.isInteger(wanted) || wanted < 1 || wanted > 65_534) {
      throw new UserError("TRP-0101", `--port ${wanted} is no port: 1 to 65534`, { exitCode: 2 });
    }
    if (await free(wanted)) return wanted;
    throw new UserError("TRP-0102", `port ${wanted} or ${wanted + 1} is taken`, {
      hint: "troupe up without --port takes the first free pair",
    });
  }
  for (let port = firstPort; port < lastPort; port += 2) if (await free(port)) return port;
  throw new UserError("TRP-0102", `no free pair of ports between ${firstPort} and ${lastPort}`, {
    hint: "troupe up --port N",
  });
}

/** The lowest number that no other cluster of this machine has; ranges follow from it. */
export function chooseNumber(others: readonly Registered[]): number {
  const taken = new Set(others.map(({ cluster }) => cluster.number));
  let number = 0;
  while (taken.has(number)) number += 1;
  return number;
}

export interface Ranges {
  readonly podCidr: string;
  readonly serviceCidr: string;
  readonly dnsAddress: string;
}

export function rangesOf(number: number): Ranges {
  const second = 42 + 2 * number;
  return {
    podCidr: `10.${second}.0.0/16`,
    serviceCidr: `10.${second + 1}.0.0/16`,
    dnsAddress: `10.${second + 1}.0.10`,
  };
}
