/** One master in the foreground: `troupe up` starts it through the keeper, a service manager directly. */
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { apiOfPeer } from "../../server/joining/answers.ts";
import type { Master, PeersOptions } from "../../server/master.ts";
import type { Watchdog } from "../../env/watchdog.ts";
import type { VersionInfo } from "../../api/rest/door.ts";
import { UserError } from "../../util/errors.ts";
import { nameOption } from "../cluster-options.ts";
import { flag, text, type Command } from "../command.ts";
import {
  backupCluster,
  checkName,
  defaultDataDir,
  layoutOf,
  readCluster,
  type ClusterFile,
  type MasterPorts,
} from "../cluster-file.ts";
import { createProcessEnv, createProcessFaults, endOnSurprises } from "../process-env.ts";
import { ensurePki, firstAddress, readSealingKeys, type Pki } from "../pki.ts";
import { createRealDisk } from "../../env/real/disk.ts";
import { joinOptions, masterOptions } from "../machines/options.ts";
import { isRemoval, leave, requireMember } from "../machines/leaving.ts";
import {
  announceAddress,
  compareFlags,
  lendKeys,
  machineCluster,
  machinePeers,
  machineWish,
  mastersOf,
  peerAddress,
  writeAdminConfig,
} from "../machines/master.ts";
import { keepCertificates, renewContext } from "../renewal.ts";
import { apiVersion } from "../versions.ts";

export const server: Command = {
  name: "server",
  summary:
    "Runs a master in the foreground. In an empty data directory it begins a\n" +
    "cluster, or joins one; in another it goes on with what lies there.",
  examples: [
    "troupe server --name prod --advertise-address 10.0.0.1",
    "troupe server --join 10.0.0.1:6443 --token TRP1…",
    "troupe server --data-dir /var/lib/troupe/prod",
  ],
  options: [
    nameOption,
    { name: "data-dir", type: "string", value: "DIR", help: "its data directory (/var/lib/troupe/NAME)" },
    ...joinOptions,
    ...masterOptions,
    { name: "member", type: "string", value: "NAME", help: "which master of up --masters (m1)" },
    { name: "verbose", type: "boolean", help: "log at debug level" },
    { name: "enable-faults", type: "boolean", help: "serve Faults, for tests (docs/faults.md)" },
  ],
  async run(values) {
    const given = text(values, "data-dir");
    const dataDir = resolve(given ?? defaultDataDir(checkName(text(values, "name") ?? "dev")));
    const present = await readCluster(dataDir);
    const name = text(values, "member") ?? "m1";
    const member = present?.masters?.find((each) => each.name === name);
    if (present !== undefined && member === undefined && (present.masters !== undefined || name !== "m1")) {
      throw new UserError("TRP-0111", `the cluster at ${dataDir} has no master "${name}"`, { exitCode: 3 });
    }
    const started = { dataDir, verbose: flag(values, "verbose"), withFaults: flag(values, "enable-faults") };
    // What `up` has made stays on the loopback until a flag says that there are other machines.
    const isOfMachines = machineFlags.some((option) => text(values, option) !== undefined);
    if (present !== undefined && present.machine === undefined && !isOfMachines) {
      return runServer({ ...started, cluster: present, member });
    }
    const cluster = await machineCluster(machineWish(values, dataDir), present);
    return runServer({ ...started, cluster, member: undefined });
  },
};

const machineFlags = ["name", ...[...joinOptions, ...masterOptions].map(({ name }) => name)];

interface ServerStart {
  readonly dataDir: string;
  readonly cluster: ClusterFile;
  /** Undefined: the only master. */
  readonly member: MasterPorts | undefined;
  readonly verbose: boolean;
  readonly withFaults: boolean;
}

/** Undefined: the only master. */
async function peersFor(start: ServerStart, pki: () => Pki): Promise<PeersOptions | undefined> {
  const { cluster, member } = start;
  if (cluster.machine !== undefined) return machinePeers(cluster, cluster.machine, pki);
  return member === undefined ? undefined : peersOf(cluster, member, pki);
}

/** The peer port and who else has one. */
async function peersOf(cluster: ClusterFile, member: MasterPorts, pki: () => Pki): Promise<PeersOptions> {
  const { realSecureSockets } = await import("../../env/real/secure-sockets.ts");
  const { masters = [] } = cluster;
  return {
    clusterId: cluster.id,
    memberId: member.id,
    members: masters.map(({ id, peerPort }) => ({ id, address: `127.0.0.1:${peerPort}` })),
    listen: { host: "127.0.0.1", port: member.peerPort },
    sockets: realSecureSockets,
    credentials: () => ({ ...pki().peer(member.name), authority: pki().peerAuthority }),
  };
}

async function runServer(start: ServerStart): Promise<never> {
  const { dataDir, cluster, member, verbose, withFaults } = start;
  const { startMaster } = await import("../../server/master.ts");
  const { masterControllers } = await import("../../server/controllers.ts");
  const layout = layoutOf(dataDir);
  const { machine } = cluster;
  const pki = await ensurePki(layout.pki, cluster);
  let newestPki = pki;
  const folder = member === undefined ? layout.master : layout.member(member.name);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await requireMember(folder);
  const plain = createProcessEnv({ diskRoot: folder, verbose });
  const name = member?.name ?? machine?.name ?? "m1";
  const self = { role: "master", name } as const;
  const watched: { by?: Watchdog } = {};
  const beforeHang = (): void => watched.by?.enter({ actor: "", event: "" });
  const faults = withFaults ? await createProcessFaults(plain, { self, folder, beforeHang }) : undefined;
  const env = faults?.env ?? plain;
  // State and log disagree or a sync failed: nothing may be answered any more, not even politely.
  const surprised = endOnSurprises(env.log, "master");
  const fatal = (error: Error): void => (isRemoval(error) ? leave(folder, error) : surprised(error));
  const { startWatchdog, takeCrumb } = await import("../../env/real/watchdog.ts");
  const crumbPath = join(folder, "crumb");
  const crumb = takeCrumb(crumbPath);
  const watchdog = startWatchdog(crumbPath);
  watched.by = watchdog;
  const peers = await peersFor(start, () => newestPki);
  if (machine !== undefined) await writeAdminConfig(dataDir, cluster, pki);
  const running: { master?: Master } = {};
  const listeners = new Set<() => void>();
  const reloading = { look: (): Promise<void> => Promise.resolve() };
  const told = { onMembers: () => listeners.forEach((run) => run()) };
  const { paceOptimiser } = await import("../../env/real/optimiser.ts");
  paceOptimiser();
  const { widenBufferPieces } = await import("../../env/real/buffers.ts");
  widenBufferPieces();
  const master = await startMaster({
    env,
    name,
    ...(peers === undefined ? {} : { peers: { ...peers, ...told } }),
    joining: lendKeys(layout.pki, cluster, {
      pki: () => newestPki,
      reload: () => reloading.look(),
      faults: withFaults,
    }),
    facts: {
      name: cluster.name,
      epoch: cluster.id,
      clusterDomain: cluster.clusterDomain,
      podCidr: cluster.podCidr,
      serviceCidr: cluster.serviceCidr,
      dnsAddress: cluster.dnsAddress,
    },
    version: versionInfo(),
    listen: {
      // Behind the keeper's forwarder there is no need for anyone else to reach it.
      host: machine?.listen ?? (member === undefined ? "0.0.0.0" : "127.0.0.1"),
      apiPort: (member ?? cluster).apiPort,
      grpcPort: (member ?? cluster).grpcPort,
    },
    tls: {
      ...pki.serving,
      clientAuthority: pki.clientAuthority,
      nodeAuthority: pki.nodeAuthority,
    },
    tokens: pki.tokens,
    sealingKeys: pki.sealingKeys,
    backup: { cluster: backupCluster(cluster), disk: createRealDisk(layout.snapshots) },
    controllers: (nodes) =>
      masterControllers({
        nodes,
        podCidr: cluster.podCidr,
        serviceCidr: cluster.serviceCidr,
        masters: () => mastersOf(cluster, running.master),
        onChange(run) {
          listeners.add(run);
          return () => void listeners.delete(run);
        },
        serviceAddress: firstAddress(cluster.serviceCidr),
        authority: () => newestPki.servingAuthority,
        faults: withFaults,
      }),
    onFatal: fatal,
    watchdog,
    ...(crumb === undefined ? {} : { crumb }),
    ...(faults === undefined ? {} : { faults }),
  });
  running.master = master;
  if (machine !== undefined) {
    void announceAddress(cluster, master, () => newestPki);
    const own = { faults: withFaults, api: apiOfPeer(peerAddress(cluster)), authority: pki.servingAuthority };
    void compareFlags(master, own, (words) => env.log("warn", "flags.differ", { words }));
  }
  const lookAtCertificates = keepCertificates({
    folder: layout.pki,
    cluster,
    log: env.log,
    own: (fresh) => fresh.serving,
    believed: (fresh) => fresh.servingAuthority + fresh.clientAuthority + fresh.nodeAuthority + fresh.peerAuthority,
    take: (pair, fresh) =>
      master.loadCertificate({ ...pair, clientAuthorities: [fresh.clientAuthority, fresh.nodeAuthority] }),
    tell(fresh) {
      newestPki = fresh;
      told.onMembers();
      return renewContext(dataDir, fresh);
    },
  });
  // `troupe secrets rotate-key` has added a key.
  const lookAtSealing = async (): Promise<void> => master.loadSealingKeys(await readSealingKeys(layout.pki));
  process.on("SIGHUP", () => void lookAtSealing());
  reloading.look = async () => {
    await lookAtCertificates();
    await lookAtSealing();
  };
  await new Promise<void>((settle) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => settle());
  });
  await master.stop();
  await watchdog.stop();
  env.log("info", "master.stopped");
  // Everything is written and closed; nothing that is still open (a client's socket, say) may hold us.
  process.exit(0);
}

function versionInfo(): VersionInfo {
  return {
    major: "1",
    minor: "32",
    gitVersion: apiVersion,
    gitCommit: "",
    gitTreeState: "clean",
    buildDate: "1970-01-01T00:00:00Z",
    goVersion: "none",
    compiler: "node",
    platform: `${process.platform}/${process.arch === "x64" ? "amd64" : process.arch}`,
  };
}
