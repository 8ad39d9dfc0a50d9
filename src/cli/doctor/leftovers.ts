/** What clusters that are gone have left on the machine: found by its name, told, and not touched. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { layoutOf, readCluster, registered, registryFolder, type ClusterFile } from "../cluster-file.ts";
import { allTroupeProcesses } from "../processes.ts";
import { namespaceName } from "../ranges.ts";
import { ok, warn, type Check } from "./check.ts";

export interface Traces {
  /** Names under /run/netns. */
  readonly namespaces: readonly string[];
  /** `ip troupe0`. */
  readonly tables: readonly string[];
  /** Names of cgroups at the root. */
  readonly cgroups: readonly string[];
  readonly links: readonly string[];
  /** Registered names whose data directory holds no cluster. */
  readonly orphans: readonly string[];
  /** Processes whose data directory holds no cluster. */
  readonly processes: readonly { readonly pid: number; readonly dataDir: string }[];
}

export async function leftoverChecks(): Promise<readonly Check[]> {
  const running = allTroupeProcesses();
  const folders = [...new Set(running.map(({ dataDir }) => dataDir))];
  const alive = (await Promise.all(folders.map((folder) => readCluster(folder)))).filter(
    (found) => found !== undefined,
  );
  const known = [...(await registered()).map(({ cluster }) => cluster), ...alive];
  const processes = running.filter(({ dataDir }) => !existsSync(layoutOf(dataDir).clusterFile));
  return leftovers({ ...readTraces(), orphans: await orphans(), processes }, known);
}

/** Those of `traces` that belong to none of the clusters. Pure. */
export function leftovers(traces: Traces, known: readonly ClusterFile[]): readonly Check[] {
  const names = new Set(known.flatMap(({ name, nodes }) => nodes.map((node) => namespaceName(name, node))));
  const numbers = new Set(known.map(({ number }) => number));
  const isOurs = (name: string): boolean => /^troupe-[a-z0-9-]+$/.test(name) && !names.has(name);
  const numbered = (name: string, pattern: RegExp): boolean => {
    const number = pattern.exec(name)?.[1];
    return number !== undefined && !numbers.has(Number(number));
  };
  const found: readonly (readonly [what: string, fix: string])[] = [
    ...traces.processes.map(
      ({ pid, dataDir }) => [`process ${pid} of ${dataDir}, which is gone`, `kill ${pid}`] as const,
    ),
    ...traces.orphans.map(
      (name) =>
        [`the registry names "${name}", whose data is gone`, `rm ${join(registryFolder(), `${name}.json`)}`] as const,
    ),
    ...traces.namespaces.filter(isOurs).map((name) => [`network namespace ${name}`, `ip netns del ${name}`] as const),
    ...traces.tables
      .filter((table) => isOurs(table.split(" ")[1] ?? "") || numbered(table, /^ip6? troupe(\d+)$/))
      .map((table) => [`nft table ${table}`, `nft delete table ${table}`] as const),
    ...traces.links
      .filter((link) => numbered(link, /^t[bv](\d+)$/))
      .map((link) => [`network link ${link}`, `ip link del ${link}`] as const),
    ...traces.cgroups
      .filter(isOurs)
      .map(
        (name) => [`cgroup ${name}`, `find /sys/fs/cgroup -depth -type d -path '*/${name}*' -exec rmdir {} +`] as const,
      ),
  ];
  if (found.length === 0) return [ok("leftovers", "none of clusters that are gone")];
  return found.map(([what, fix]) => warn("leftovers", what, fix));
}

function readTraces(): Pick<Traces, "namespaces" | "tables" | "cgroups" | "links"> {
  const nft = spawnSync("nft", ["list", "tables"], {
    encoding: "utf8",
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
  });
  const tables = (nft.stdout ?? "").split("\n").flatMap((line) => /^table (\S+ \S+)/.exec(line)?.[1] ?? []);
  const roots = ["/sys/fs/cgroup", ...["memory", "pids"].map((name) => `/sys/fs/cgroup/${name}`)];
  return {
    namespaces: namesIn("/run/netns"),
    tables,
    cgroups: [...new Set(roots.flatMap(namesIn))].filter((name) => name.startsWith("troupe-")),
    links: existsSync("/sys/class/net") ? namesIn("/sys/class/net") : Object.keys(networkInterfaces()),
  };
}

function namesIn(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

async function orphans(): Promise<readonly string[]> {
  const files = namesIn(registryFolder()).filter((name) => name.endsWith(".json"));
  return files.flatMap((file) => {
    const { dataDir } = JSON.parse(readFileSync(join(registryFolder(), file), "utf8")) as { readonly dataDir: string };
    return existsSync(layoutOf(dataDir).clusterFile) ? [] : [file.slice(0, -".json".length)];
  });
}
