import type { Clock, Rng } from "../../env/env.ts";
import type { FileStat, HostFiles } from "../../env/host.ts";
import type { Pod, Volume, VolumeMount } from "../../kinds/generated/types.ts";
import { messageOf } from "../../util/errors.ts";
import { quantityValue } from "../../util/quantity.ts";
import type { Millis } from "../../util/time.ts";
import type { Mount } from "../cri/cri.ts";
import { mountPropagation } from "../cri/cri.ts";
import type { Desired } from "../desired.ts";
import { podLogFolder } from "../pods/config.ts";
import { hostsFile, podHostname } from "../pods/dns.ts";
import { ConfigError, expandStrict } from "../pods/environment.ts";
import { terminationLogTailMaxBytes } from "../pods/limits.ts";
import type { MountFacts, NodeFacts, Volumes } from "../pods/ports.ts";
import { MountError } from "../pods/ports.ts";
import { podAmount } from "../pods/resources.ts";
import { writeAtomically } from "./atomic-writer.ts";
import type { Mounter } from "./mounts.ts";
import { volumePayload } from "./payload.ts";
import { terminationText } from "./termination-log.ts";
import type { Tokens } from "./tokens.ts";

/**
 * Volumes of pods in `<root>/pods/<uid>/volumes/kubernetes.io~<plugin>/<name>`, and the few files
 * that every container gets. What must not reach a disk (secrets, tokens, fields) lies in
 * `<root>/memory/<uid>/…` instead, one memory file system for all pods: each mount more makes every
 * container of the node dearer to start. Everything is idempotent: a new agent sets up again what is
 * there.
 */
export interface VolumeOptions {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly files: HostFiles;
  readonly mounter: Mounter;
  readonly desired: Desired;
  readonly tokens: Tokens;
  readonly node: () => NodeFacts;
  /** The node's data directory. */
  readonly root: string;
}

const propagations: Readonly<Record<string, 0 | 1 | 2>> = {
  None: mountPropagation.private,
  HostToContainer: mountPropagation.hostToContainer,
  Bidirectional: mountPropagation.bidirectional,
};

export function createVolumes(options: VolumeOptions): Volumes {
  const { clock, files, mounter, node, root, rng, tokens } = options;
  const folderOf = (uid: string): string => `${root}/pods/${uid}`;
  const memory = `${root}/memory`;
  let memoryMounted: Promise<void> | undefined;

  return {
    async setUp(pod) {
      await files.makeFolder(folderOf(pod.metadata.uid), { mode: 0o750 });
      for (const volume of pod.spec.volumes ?? []) await guarded(volume, async () => setUpOne(pod, volume));
    },

    async refresh(pod, podIps) {
      let wakeAt: Millis | undefined;
      for (const volume of pod.spec.volumes ?? []) {
        if (pluginOf(volume).kind !== "objects") continue;
        const renewAt = await guarded(volume, async () => writeObjects(pod, volume, podIps));
        wakeAt = Math.min(wakeAt ?? Infinity, renewAt);
      }
      return wakeAt === Infinity ? undefined : wakeAt;
    },

    async mounts(pod, container, facts) {
      const mounts: Mount[] = [];
      for (const mount of container.volumeMounts ?? []) mounts.push(await volumeMount(pod, mount, facts));
      const folder = folderOf(pod.metadata.uid);
      if (!mounts.some(({ containerPath }) => containerPath === "/etc/hosts")) {
        const name = podHostname(pod, node().clusterDomain);
        const host = pod.spec.hostNetwork === true ? await files.readText("/etc/hosts") : "";
        const hostPath = `${folder}/etc-hosts`;
        await files.write(hostPath, hostsFile(pod, facts.podIps, name, host), { mode: 0o644 });
        mounts.push({ containerPath: "/etc/hosts", hostPath });
      }
      const logPath = container.terminationMessagePath ?? "/dev/termination-log";
      if (logPath !== "") {
        const hostPath = terminationPath(pod, container.name, facts.attempt);
        await files.makeFolder(hostPath.slice(0, hostPath.lastIndexOf("/")), { mode: 0o755 });
        await files.write(hostPath, "", { mode: 0o666 });
        mounts.push({ containerPath: logPath, hostPath });
      }
      return mounts;
    },

    async terminationMessage(pod, container, ended) {
      const path = terminationPath(pod, container.name, ended.attempt);
      const file = (await files.stat(path)) === undefined ? new Uint8Array() : await files.readRange(path, 0, 4_096);
      const wantsLog = container.terminationMessagePolicy === "FallbackToLogsOnError" && ended.exitCode !== 0;
      const log = wantsLog ? await logTail(pod, container.name, ended.attempt) : undefined;
      return terminationText(file, log);
    },

    tearDown: async (pod) => tearDown(pod.metadata.uid),

    async sweep(isKnown) {
      const uids = new Set<string>();
      for (const folder of [`${root}/pods`, memory]) {
        if ((await files.stat(folder)) !== undefined) for (const uid of await files.list(folder)) uids.add(uid);
      }
      for (const uid of uids) if (!isKnown(uid)) await tearDown(uid);
    },
  };

  async function tearDown(uid: string): Promise<void> {
    tokens.forget(uid);
    await files.removeAll(`${memory}/${uid}`);
    const folder = folderOf(uid);
    if ((await files.stat(folder)) === undefined) return;
    // Never remove through a mount: what could not be unmounted has thrown here.
    await mounter.unmountBelow(folder);
    await files.removeAll(folder);
  }

  function terminationPath(pod: Pod, container: string, attempt: number): string {
    return `${folderOf(pod.metadata.uid)}/containers/${container}/${attempt}`;
  }

  async function logTail(pod: Pod, container: string, attempt: number): Promise<string> {
    const path = `${podLogFolder(pod, node().logRoot)}/${container}/${attempt}.log`;
    const stat = await files.stat(path);
    if (stat === undefined) return "";
    // Each line carries its time and stream besides the text.
    const length = Math.min(stat.size, terminationLogTailMaxBytes * 4);
    const bytes = await files.readRange(path, stat.size - length, length);
    return new TextDecoder().decode(bytes);
  }

  function pathOf(pod: Pod, volume: Volume): string {
    if (volume.hostPath !== undefined) return volume.hostPath.path;
    const { kind, plugin } = pluginOf(volume);
    const { uid } = pod.metadata;
    const inMemory = kind === "objects" && volume.configMap === undefined;
    return `${inMemory ? `${memory}/${uid}` : `${folderOf(uid)}/volumes`}/kubernetes.io~${plugin}/${volume.name}`;
  }

  /** Once a life: nobody else unmounts it while pods may run. */
  async function mountMemory(): Promise<void> {
    // Containers get in by their mounts; on the node it is nobody else's business.
    memoryMounted ??= mounter.tmpfs(memory, 0).then(async () => files.chmod(memory, 0o700));
    try {
      await memoryMounted;
    } catch (error) {
      memoryMounted = undefined;
      throw error;
    }
  }

  async function setUpOne(pod: Pod, volume: Volume): Promise<void> {
    const { kind } = pluginOf(volume);
    switch (kind) {
      case "hostPath":
        return checkHostPath(files, volume);
      case "emptyDir":
        return emptyDir(pod, volume);
      case "objects":
        if (volume.configMap === undefined) await mountMemory();
        await files.makeFolder(pathOf(pod, volume), { mode: 0o777 });
        await writeObjects(
          pod,
          volume,
          (pod.status?.podIPs ?? []).map(({ ip }) => ip),
        );
        return;
      case "none":
        throw new MountError(volume.name, "this kind of volume is not supported by the node");
    }
  }

  async function emptyDir(pod: Pod, volume: Volume): Promise<void> {
    const path = pathOf(pod, volume);
    const fresh = (await files.stat(path)) === undefined;
    if (volume.emptyDir?.medium === "Memory") {
      const limits = [
        quantityValue(volume.emptyDir.sizeLimit),
        Number(podAmount(pod, "memory", "limits") / 1_000_000_000n),
        quantityValue(node().allocatable["memory"]),
      ].filter((bytes) => bytes > 0);
      await mounter.tmpfs(path, Math.min(...limits));
    }
    if (!fresh) return;
    await files.makeFolder(path, { mode: 0o777 });
    const group = pod.spec.securityContext?.fsGroup;
    if (group === undefined) return;
    await files.chown(path, 0, group);
    await files.chmod(path, 0o2777);
  }

  async function writeObjects(pod: Pod, volume: Volume, podIps: readonly string[]): Promise<Millis> {
    const { desired } = options;
    const namespace = pod.metadata.namespace ?? "";
    const held = new Map<string, string>();
    let renewAt = Infinity;
    for (const { serviceAccountToken } of volume.projected?.sources ?? []) {
      if (serviceAccountToken === undefined) continue;
      const { token, renewAt: at } = await tokens.token(pod, serviceAccountToken);
      held.set(serviceAccountToken.path, token);
      renewAt = Math.min(renewAt, at);
    }
    const facts = node();
    const payload = volumePayload(volume, {
      pod,
      podIps,
      hostIps: facts.hostIps,
      nodeName: facts.name,
      allocatable: facts.allocatable,
      configMap: (name) => desired.get("configmaps", namespace, name),
      secret: (name) => desired.get("secrets", namespace, name),
      token: (path) => held.get(path) ?? "",
    });
    const fsGroup = pod.spec.securityContext?.fsGroup;
    await writeAtomically(files, pathOf(pod, volume), payload ?? new Map(), {
      now: clock.wall(),
      suffix: String(rng.u32()),
      ...(fsGroup === undefined ? {} : { fsGroup }),
    });
    return renewAt;
  }

  async function volumeMount(pod: Pod, mount: VolumeMount, facts: MountFacts): Promise<Mount> {
    const volume = (pod.spec.volumes ?? []).find(({ name }) => name === mount.name);
    if (volume === undefined) throw new ConfigError(`volume "${mount.name}" not found`);
    const base = pathOf(pod, volume);
    const subPath =
      mount.subPathExpr === undefined
        ? (mount.subPath ?? "")
        : expandStrict(mount.subPathExpr, (name) => facts.environment.get(name));
    const hostPath = subPath === "" ? base : await inside(base, subPath, mount.name);
    const propagation = propagations[mount.mountPropagation ?? "None"] ?? mountPropagation.private;
    return {
      containerPath: mount.mountPath.startsWith("/") ? mount.mountPath : `/${mount.mountPath}`,
      hostPath,
      ...(mount.readOnly === true ? { readonly: true } : {}),
      ...(propagation === mountPropagation.private ? {} : { propagation }),
    };
  }

  /** A path below a volume, made if it is missing; links that lead out of the volume are refused. */
  async function inside(base: string, subPath: string, name: string): Promise<string> {
    const refuse = (why: string): never => {
      throw new ConfigError(`failed to prepare subPath for volumeMount "${name}": ${why}`);
    };
    if (subPath.startsWith("/") || subPath.split("/").includes("..")) refuse(`"${subPath}" leaves the volume`);
    const root = await files.realPath(base);
    let path = root;
    for (const part of subPath.split("/").filter((each) => each !== "" && each !== ".")) {
      const next = `${path}/${part}`;
      if ((await files.stat(next)) === undefined) {
        const { uid, gid, mode } = (await files.stat(path))!;
        await files.makeFolder(next, { mode: mode & 0o7777 });
        await files.chown(next, uid, gid);
      }
      path = await files.realPath(next);
      if (path !== root && !path.startsWith(`${root}/`)) refuse(`"${subPath}" leads out of the volume`);
    }
    return path;
  }
}

interface Plugin {
  readonly kind: "hostPath" | "emptyDir" | "objects" | "none";
  readonly plugin: string;
}

function pluginOf(volume: Volume): Plugin {
  if (volume.hostPath !== undefined) return { kind: "hostPath", plugin: "host-path" };
  if (volume.configMap !== undefined) return { kind: "objects", plugin: "configmap" };
  if (volume.secret !== undefined) return { kind: "objects", plugin: "secret" };
  if (volume.projected !== undefined) return { kind: "objects", plugin: "projected" };
  if (volume.downwardAPI !== undefined) return { kind: "objects", plugin: "downward-api" };
  const others = Object.keys(volume).filter((key) => key !== "name" && key !== "emptyDir");
  // A volume that names nothing is an emptyDir.
  return others.length === 0 ? { kind: "emptyDir", plugin: "empty-dir" } : { kind: "none", plugin: others[0]! };
}

/** Whatever goes wrong is that volume's failure, with its text. */
async function guarded<T>(volume: Volume, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof MountError) throw error;
    throw new MountError(volume.name, messageOf(error), { cause: error });
  }
}

const wantedKinds: Readonly<Record<string, readonly [FileStat["kind"], string]>> = {
  Directory: ["folder", "directory"],
  DirectoryOrCreate: ["folder", "directory"],
  File: ["file", "file"],
  FileOrCreate: ["file", "file"],
  Socket: ["socket", "socket file"],
  CharDevice: ["char", "character device"],
  BlockDevice: ["block", "block device"],
};

async function checkHostPath(files: HostFiles, volume: Volume): Promise<void> {
  const { path, type = "" } = volume.hostPath!;
  const wanted = wantedKinds[type];
  if (wanted === undefined) return;
  const [kind, word] = wanted;
  const found = await followed(files, path);
  if (found === undefined && type === "DirectoryOrCreate") {
    await files.makeFolder(path, { mode: 0o755 });
    return;
  }
  if (found === undefined && type === "FileOrCreate") {
    await files.write(path, "", { mode: 0o644 });
    return;
  }
  if (found?.kind !== kind) {
    throw new MountError(volume.name, `hostPath type check failed: ${path} is not a ${word}`);
  }
}

async function followed(files: HostFiles, path: string): Promise<FileStat | undefined> {
  const stat = await files.stat(path);
  return stat?.kind === "link" ? files.stat(await files.realPath(path)) : stat;
}
