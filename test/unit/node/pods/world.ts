import type { Clock } from "../../../../src/env/env.ts";
import type { Pod } from "../../../../src/kinds/generated/types.ts";
import type { KindId, KubeObject } from "../../../../src/kinds/kind.ts";
import type { Cri } from "../../../../src/node/cri/cri.ts";
import type { Desired, NodeWrite, Reporter } from "../../../../src/node/desired.ts";
import type { Checkpoints } from "../../../../src/node/pods/checkpoint.ts";
import { memoryCheckpoints } from "../../../../src/node/pods/checkpoint.ts";
import type { HookCall, TerminationGate } from "../../../../src/node/pods/ports.ts";
import { openGate } from "../../../../src/node/pods/ports.ts";
import type { Pods } from "../../../../src/node/pods/pods.ts";
import { createPods } from "../../../../src/node/pods/pods.ts";
import { Semaphore } from "../../../../src/node/pods/semaphore.ts";
import type { PodPorts } from "../../../../src/node/pods/worker-ports.ts";
import type { ProbeAnswer } from "../../../../src/node/probes/prober.ts";
import { createProbeSupervisor } from "../../../../src/node/probes/probes.ts";
import type { FakeCri } from "../../../../src/testing/fake-cri.ts";
import { createFakeCri } from "../../../../src/testing/fake-cri.ts";
import { StatusError } from "../../../../src/util/errors.ts";
import type { VirtualClock } from "../virtual-clock.ts";
import { virtualClock } from "../virtual-clock.ts";

/** A node in virtual time: a fake runtime, a small API in memory, and everything else harmless. */

export interface World {
  readonly clock: VirtualClock;
  readonly cri: FakeCri;
  readonly checkpoints: Checkpoints;
  readonly events: string[];
  /** Every status that was written, in order. */
  readonly written: Pod[];
  readonly pods: Pods;
  put(pod: Pod): void;
  pod(name: string): Pod | undefined;
  /** Sets deletionTimestamp as a graceful delete does. */
  terminate(name: string, graceSeconds: number): void;
  /** Removes the row. */
  remove(name: string): void;
  notify(kind: KindId): void;
  setSynced(synced: boolean): void;
  onProbe(run: (command: readonly string[]) => ProbeAnswer): void;
  /** A new agent on the same runtime and disk, as after kill -9. */
  restart(wrap?: (cri: Cri) => Cri): Promise<void>;
}

export interface WorldOptions {
  readonly gate?: TerminationGate;
  readonly wrap?: (cri: Cri) => Cri;
  readonly ports?: Partial<PodPorts>;
  readonly hook?: (call: HookCall, clock: Clock) => Promise<void>;
}

export async function createWorld(options: WorldOptions = {}): Promise<World> {
  const clock = virtualClock();
  const addresses = new Map<string, string>();
  const assign = (uid: string): string => {
    const address = addresses.get(uid) ?? `10.244.0.${addresses.size + 1}`;
    addresses.set(uid, address);
    return address;
  };
  const cri = createFakeCri(clock, assign);
  cri.addImage("app:1");
  const checkpoints = memoryCheckpoints();
  const events: string[] = [];
  const written: Pod[] = [];
  const rows = new Map<string, Pod>();
  const listeners: Parameters<Desired["onChange"]>[0][] = [];
  let revision = 1;
  let synced = true;
  let probe: (command: readonly string[]) => ProbeAnswer = () => ({ kind: "success", message: "" });

  const put = (pod: Pod): Pod => {
    revision += 1;
    const stored = { ...pod, metadata: { ...pod.metadata, resourceVersion: String(revision) } };
    rows.set(pod.metadata.name, stored);
    tell("pods", pod.metadata.name);
    return stored;
  };
  const tell = (kind: KindId, name: string): void => {
    const changed = new Map([[kind, new Set([`default/${name}`])]]);
    clock.after(1, () => {
      for (const listener of listeners) listener(changed);
    });
  };
  const desired: Desired = {
    get synced() {
      return synced;
    },
    get revision() {
      return revision;
    },
    get: <O extends KubeObject>(kind: KindId, _: string, name: string) =>
      (kind === "pods" ? rows.get(name) : undefined) as unknown as O | undefined,
    list: <O extends KubeObject>(kind: KindId) =>
      (kind === "pods" ? [...rows.values()] : []) as unknown as readonly O[],
    onChange: (run) => void listeners.push(run),
  };
  const reporter: Reporter = { report: async (write) => report(write) };
  const report = (write: NodeWrite): KubeObject => {
    if (write.kind !== "pods") return write.object as unknown as KubeObject;
    const row = rows.get(write.name);
    if (row === undefined || row.metadata.uid !== write.preconditions?.uid) throw refusal(404);
    if (write.verb === "delete") {
      rows.delete(write.name);
      tell("pods", write.name);
      return row;
    }
    const sent = write.object as unknown as Pod;
    if (sent.metadata.resourceVersion !== row.metadata.resourceVersion) throw refusal(409);
    const stored = put({ ...row, status: sent.status! });
    written.push(stored);
    return stored;
  };

  const start = async (wrap: (cri: Cri) => Cri): Promise<Pods> => {
    const recorder: PodPorts["events"] = {
      record: (_, { reason, message }) => void events.push(`${reason}: ${message}`),
    };
    const log = (): void => {};
    const wrapped = wrap(cri);
    const rng = { u32: () => 0, below: () => 0, bytes: (n: number) => new Uint8Array(n), uuid: () => "" };
    const ports: PodPorts = {
      clock,
      log,
      random: rng,
      cri: wrapped,
      desired,
      reporter,
      events: recorder,
      images: {
        ensure: async (_, container) => {
          const found = await wrapped.imageStatus(container.image ?? "");
          if (found !== undefined) return { id: found.id, username: found.username };
          return { id: await wrapped.pullImage(container.image ?? ""), username: "" };
        },
      },
      volumes: {
        setUp: async () => {},
        refresh: async () => undefined,
        mounts: async () => [],
        terminationMessage: async () => "",
        tearDown: async () => {},
        sweep: async () => {},
      },
      network: { assign: async (uid) => assign(uid), release: async () => {} },
      cgroups: { create: async () => {}, remove: async () => {} },
      hooks: { run: async (call) => options.hook?.(call, clock) },
      probes: createProbeSupervisor({
        clock,
        rng,
        log,
        events: recorder,
        prober: { probe: async (call) => probe(call.probe.exec?.command ?? []) },
      }),
      gate: options.gate ?? openGate,
      checkpoints,
      node: () => ({
        name: "n1",
        hostIps: ["192.0.2.1"],
        allocatable: { cpu: "2", memory: "4Gi" },
        memoryBytes: 4 * 1024 ** 3,
        cpus: 2,
        cgroupRoot: "/troupe-test-n1",
        logRoot: "/logs",
        seccompRoot: "/seccomp",
        apparmor: false,
        clusterDns: "10.96.0.10",
        clusterDomain: "cluster.local",
        hostDns: { servers: ["192.0.2.53"], searches: [], options: [] },
      }),
      starts: new Semaphore(4),
      stops: new Semaphore(4),
      epoch: () => "e1",
      bootId: "boot",
      ...options.ports,
    };
    const pods = createPods({ ports, nodeName: "n1" });
    await Promise.race([pods.start(), clock.advance(0)]);
    return pods;
  };

  let pods = await start(options.wrap ?? ((same) => same));
  return {
    clock,
    cri,
    checkpoints,
    events,
    written,
    get pods() {
      return pods;
    },
    put: (pod) => void put(pod),
    pod: (name) => rows.get(name),
    terminate(name, graceSeconds) {
      const row = rows.get(name)!;
      const metadata = {
        ...row.metadata,
        deletionTimestamp: "2026-01-01T00:00:00Z",
        deletionGracePeriodSeconds: graceSeconds,
      };
      put({ ...row, metadata });
    },
    remove(name) {
      rows.delete(name);
      tell("pods", name);
    },
    notify: (kind) => tell(kind, ""),
    setSynced: (value) => void (synced = value),
    onProbe: (run) => void (probe = run),
    async restart(wrap = (same) => same) {
      pods.stop();
      listeners.length = 0;
      pods = await start(wrap);
    },
  };
}

export function podOf(name: string, spec: Partial<Pod["spec"]> = {}): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: "default",
      uid: `uid-${name}`,
      resourceVersion: "1",
      creationTimestamp: "2026-01-01T00:00:00Z",
    },
    spec: {
      nodeName: "n1",
      restartPolicy: "Always",
      terminationGracePeriodSeconds: 30,
      containers: [{ name: "app", image: "app:1" }],
      ...spec,
    },
    status: { phase: "Pending" },
  };
}

function refusal(code: number): StatusError {
  return new StatusError({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", code });
}
