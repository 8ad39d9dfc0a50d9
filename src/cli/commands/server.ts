/** One master in the foreground: `troupe up` starts it through the keeper, a service manager directly. */
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { PeersOptions } from "../../server/master.ts";
import type { VersionInfo } from "../../api/rest/door.ts";
import { UserError } from "../../util/errors.ts";
import { flag, text, type Command } from "../command.ts";
import {
  backupCluster,
  layoutOf,
  masterAddress,
  readCluster,
  type ClusterFile,
  type MasterPorts,
} from "../cluster-file.ts";
import { createProcessEnv, endOnSurprises } from "../process-env.ts";
import { ensurePki, firstAddress, readSealingKeys, type Pki } from "../pki.ts";
import { createRealDisk } from "../../env/real/disk.ts";
import { keepCertificates, renewContext } from "../renewal.ts";
import { apiVersion } from "../versions.ts";

export const server: Command = {
  name: "server",
  summary: "Runs a master in the foreground.",
  examples: ["troupe server --data-dir /var/lib/troupe/dev"],
  options: [
    { name: "data-dir", type: "string", value: "DIR", help: "data directory of the cluster, made by up" },
    { name: "member", type: "string", value: "NAME", help: "which of its masters (m1), where it has several" },
    { name: "verbose", type: "boolean", help: "log at debug level" },
  ],
  async run(values) {
    const dataDir = resolve(text(values, "data-dir") ?? "/var/lib/troupe/dev");
    const cluster = await readCluster(dataDir);
    if (cluster === undefined) {
      throw new UserError("TRP-0111", `there is no cluster at ${dataDir}`, { hint: "troupe up", exitCode: 3 });
    }
    const name = text(values, "member") ?? "m1";
    const { masters = [] } = cluster;
    const member = masters.find((each) => each.name === name);
    if (member === undefined && (masters.length > 0 || name !== "m1")) {
      throw new UserError("TRP-0111", `the cluster at ${dataDir} has no master "${name}"`, { exitCode: 3 });
    }
    return runServer({ dataDir, cluster, member, verbose: flag(values, "verbose") });
  },
};

interface ServerStart {
  readonly dataDir: string;
  readonly cluster: ClusterFile;
  /** Undefined: the only master. */
  readonly member: MasterPorts | undefined;
  readonly verbose: boolean;
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

async function runServer({ dataDir, cluster, member, verbose }: ServerStart): Promise<never> {
  const { startMaster } = await import("../../server/master.ts");
  const { masterControllers } = await import("../../server/controllers.ts");
  const layout = layoutOf(dataDir);
  const pki = await ensurePki(layout.pki, cluster);
  let newestPki = pki;
  const folder = member === undefined ? layout.master : layout.member(member.name);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const env = createProcessEnv({ diskRoot: folder, verbose });
  // State and log disagree or a sync failed: nothing may be answered any more, not even politely.
  const fatal = endOnSurprises(env.log, "master");
  const { startWatchdog, takeCrumb } = await import("../../env/real/watchdog.ts");
  const crumbPath = join(folder, "crumb");
  const crumb = takeCrumb(crumbPath);
  const watchdog = startWatchdog(crumbPath);
  const master = await startMaster({
    env,
    name: member?.name ?? "m1",
    ...(member === undefined ? {} : { peers: await peersOf(cluster, member, () => newestPki) }),
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
      host: member === undefined ? "0.0.0.0" : "127.0.0.1",
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
        masters: [{ address: masterAddress(cluster), port: cluster.apiPort }],
        serviceAddress: firstAddress(cluster.serviceCidr),
        authority: pki.servingAuthority,
      }),
    onFatal: fatal,
    watchdog,
    ...(crumb === undefined ? {} : { crumb }),
  });
  keepCertificates({
    folder: layout.pki,
    cluster,
    log: env.log,
    own: (fresh) => fresh.serving,
    take: (pair) => master.loadCertificate(pair),
    tell(fresh) {
      newestPki = fresh;
      return renewContext(dataDir, fresh);
    },
  });
  // `troupe secrets rotate-key` has added a key.
  process.on("SIGHUP", () => void readSealingKeys(layout.pki).then((keys) => master.loadSealingKeys(keys)));
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
