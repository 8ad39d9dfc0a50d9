/**
 * Where a pod's cgroup lies. R is the node's root (`/troupe-<cluster>-<node>`): two nodes of one
 * machine may run pods of the same uid. Guaranteed pods lie in R itself, the others one level down,
 * so that a whole class can be held back at once.
 */

export type QosClass = "Guaranteed" | "Burstable" | "BestEffort";

/** v1: one tree a controller, maybe a unified tree beside them; v2: one tree. */
export interface CgroupLayout {
  readonly version: 1 | 2;
  /** `/sys/fs/cgroup`, or what a test took. */
  readonly mount: string;
  /** v1: the mounted controllers' folders in order; v2: empty. */
  readonly controllers: readonly string[];
}

export interface CgroupLimits {
  /** v1 shares, 2..262144; v2 weight is reckoned from them. */
  readonly cpuShares?: number;
  /** µs of CPU time in each period of 100 ms; absent: no limit. */
  readonly cpuQuotaMicros?: number;
  readonly memoryBytes?: number;
  readonly pids?: number;
}

export interface CgroupWrite {
  readonly path: string;
  readonly value: string;
}

const cpuPeriodMicros = 100_000;

function qosParent(root: string, qos: QosClass): string {
  switch (qos) {
    case "Guaranteed":
      return root;
    case "Burstable":
      return `${root}/burstable`;
    case "BestEffort":
      return `${root}/besteffort`;
  }
}

/** The sandbox's `cgroupParent`. */
export function podCgroup(root: string, qos: QosClass, podUid: string): string {
  return `${qosParent(root, qos)}/pod${podUid}`;
}

/** The folders of one cgroup: one in each v1 tree, one in all for v2. */
export function foldersOf(layout: CgroupLayout, cgroup: string): readonly string[] {
  if (layout.version === 2) return [`${layout.mount}${cgroup}`];
  return layout.controllers.map((name) => `${layout.mount}/${name}${cgroup}`);
}

/** The folder in one v1 controller's tree, if that controller is there. */
function inController(layout: CgroupLayout, name: string, cgroup: string): string | undefined {
  return layout.controllers.includes(name) ? `${layout.mount}/${name}${cgroup}` : undefined;
}

/** The files to write for these limits. What is absent is set to "no limit": limits may be taken away. */
export function limitWrites(layout: CgroupLayout, cgroup: string, limits: CgroupLimits): readonly CgroupWrite[] {
  return layout.version === 2
    ? unifiedWrites(`${layout.mount}${cgroup}`, limits)
    : controllerWrites(layout, cgroup, limits);
}

function unifiedWrites(folder: string, limits: CgroupLimits): readonly CgroupWrite[] {
  const quota = limits.cpuQuotaMicros ?? "max";
  return [
    ...(limits.cpuShares === undefined
      ? []
      : [{ path: `${folder}/cpu.weight`, value: String(weightOf(limits.cpuShares)) }]),
    { path: `${folder}/cpu.max`, value: `${quota} ${cpuPeriodMicros}` },
    { path: `${folder}/memory.max`, value: String(limits.memoryBytes ?? "max") },
    { path: `${folder}/pids.max`, value: String(limits.pids ?? "max") },
  ];
}

function controllerWrites(layout: CgroupLayout, cgroup: string, limits: CgroupLimits): readonly CgroupWrite[] {
  const writes: CgroupWrite[] = [];
  const cpu = inController(layout, "cpu", cgroup);
  if (cpu !== undefined) {
    if (limits.cpuShares !== undefined) {
      writes.push({ path: `${cpu}/cpu.shares`, value: String(limits.cpuShares) });
    }
    writes.push(
      { path: `${cpu}/cpu.cfs_period_us`, value: String(cpuPeriodMicros) },
      { path: `${cpu}/cpu.cfs_quota_us`, value: String(limits.cpuQuotaMicros ?? -1) },
    );
  }
  const memory = inController(layout, "memory", cgroup);
  if (memory !== undefined) {
    const value = String(limits.memoryBytes ?? -1);
    writes.push({ path: `${memory}/memory.limit_in_bytes`, value });
  }
  const pids = inController(layout, "pids", cgroup);
  if (pids !== undefined) {
    writes.push({ path: `${pids}/pids.max`, value: String(limits.pids ?? "max") });
  }
  return writes;
}

/** Kubernetes' line from shares 2..262144 to weights 1..10000. */
export function weightOf(shares: number): number {
  return 1 + Math.floor(((Math.min(Math.max(shares, 2), 262_144) - 2) * 9_999) / 262_142);
}
