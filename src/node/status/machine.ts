import type { Host } from "../../env/host.ts";
import type { Cri, Image } from "../cri/cri.ts";
import type { Health, MachineFacts } from "./node-object.ts";

/** Reads the facts of the machine and how it is doing. */
export async function machineFacts(
  host: Host,
  cri: Cri,
  given: Pick<MachineFacts, "name" | "addresses" | "version" | "labels" | "taints" | "reserved"> & {
    /** Folder whose file system holds images and volumes. */
    readonly root: string;
  },
): Promise<MachineFacts> {
  const { root, ...rest } = given;
  const text = async (path: string): Promise<string> =>
    (await host.files.stat(path)) === undefined ? "" : (await host.files.readText(path)).trim();
  const uname = async (flag: string): Promise<string> => (await host.exec.run("uname", [flag])).stdout.trim();
  const disk = await host.files.statfs(root);
  const version = await cri.version();
  const os = /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(await text("/etc/os-release"))?.[1] ?? "Linux";
  const machine = await uname("-m");
  const machineId = (await text("/etc/machine-id")).replaceAll("-", "");
  return {
    ...rest,
    hostname: given.name,
    cpus: host.cpus,
    memoryBytes: host.memoryBytes,
    diskBytes: disk.capacityBytes,
    architecture: machine === "x86_64" ? "amd64" : machine === "aarch64" ? "arm64" : machine,
    machineId,
    systemUuid: machineId,
    bootId: await text("/proc/sys/kernel/random/boot_id"),
    kernelVersion: await uname("-r"),
    osImage: os,
    runtimeVersion: `${version.runtimeName}://${version.runtimeVersion}`,
  };
}

export async function machineHealth(host: Host, cri: Cri, root: string): Promise<Health> {
  const disk = await host.files.statfs(root);
  const meminfo = await host.files.readText("/proc/meminfo");
  const availableKiB = Number(/^MemAvailable:\s+(\d+)/m.exec(meminfo)?.[1] ?? "0");
  return {
    runtime: await runtimeHealth(cri),
    images: await imagesOf(cri),
    memoryAvailableBytes: availableKiB * 1_024,
    disk: {
      availablePercent: share(disk.availableBytes, disk.capacityBytes),
      inodesFreePercent: share(disk.inodesFree, disk.inodes),
    },
  };
}

/** File systems that count no inodes have enough of them. */
function share(part: number, whole: number): number {
  return whole === 0 ? 100 : (100 * part) / whole;
}

async function runtimeHealth(cri: Cri): Promise<Health["runtime"]> {
  const status = await cri.status().catch(() => undefined);
  if (status === undefined) return undefined;
  const bad = status.conditions.filter((condition) => !condition.status);
  return {
    ready: status.runtimeReady,
    network: status.networkReady,
    message: bad.map(({ reason, message }) => `${reason}: ${message}`).join("; "),
  };
}

async function imagesOf(cri: Cri): Promise<readonly Image[]> {
  return cri.listImages().catch(() => []);
}
