import { createSupervisor } from "../../actors/runtime/supervisor.ts";
import type { Clock, Timer } from "../../env/env.ts";
import { noFaults } from "../../env/faults.ts";
import type { Pod } from "../../kinds/generated/types.ts";
import { messageOf } from "../../util/errors.ts";
import type { Millis } from "../../util/time.ts";
import type { Container, Sandbox } from "../cri/cri.ts";
import type { PodCheckpoint } from "./checkpoint.ts";
import { graceAnnotation, hostNetworkAnnotation, podNameLabel, podNamespaceLabel, podUidLabel } from "./config.ts";
import { containerGcMs, relistMs } from "./limits.ts";
import type { PodActor } from "./pod-actor.ts";
import { createPodActor } from "./pod-actor.ts";
import type { Stage } from "./pod-worker.ts";
import { PodWorker } from "./pod-worker.ts";
import type { PodPorts } from "./worker-ports.ts";
import { Shown } from "../shown.ts";
import { manyActors } from "../tree.ts";

/**
 * All pods of a node: one actor each. Starts by adopting what the runtime and the checkpoints know,
 * before any word of the masters; afterwards follows the desired pods.
 *
 * Invariant: what the masters do not know is stopped only once their full state of the same cluster
 * epoch is here; a relist that failed tells nothing and ends nothing.
 */
export interface Pods {
  /** Resolves when everything that the runtime knows is adopted. */
  start(): Promise<void>;
  stop(): void;
  /** Look at the runtime now: an event said that something happened. */
  relist(): void;
  /** A view that has not changed is the same object as in the list before. */
  list(): readonly PodView[];
  /** A pod that is held ends; one that waits is tried now. False: there is none of this name. */
  release(namespace: string, name: string): boolean;
  get(uid: string): Pod | undefined;
}

export interface PodView {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly stage: Stage;
  readonly since: Millis;
  readonly failures: number;
  /** How often its actor was started again. */
  readonly restarts: number;
  /** It waits to be started again. */
  readonly isDown: boolean;
  /** The masters of this epoch do not know it, so it runs on until a person releases it. */
  readonly isHeld: boolean;
  readonly lastError: string | undefined;
}

export interface PodsOptions {
  readonly ports: PodPorts;
  /** Pods of this node only. */
  readonly nodeName: string;
  /** Too many of the actors fail: the agent is at fault. Default: they are left as they are. */
  readonly giveUp?: (error: Error) => void;
}

interface Entry {
  /** Of the newest life; a dead one's until it is started again. */
  actor: PodActor;
  restarts: number;
  isDown: boolean;
  crash: string | undefined;
  /** Cluster epoch in which the pod was last wanted; empty: none that we know. */
  epoch: string;
  held: boolean;
  stage: Stage;
  since: Millis;
}

export function createPods(options: PodsOptions): Pods {
  const { ports, nodeName } = options;
  const { clock, cri, desired, log } = ports;
  const entries = new Map<string, Entry>();
  const shown = new Shown<PodView>(viewOf);
  /** Ended here while their rows still stand (finalizers): uid and key. */
  const finished = new Map<string, string>();
  /** Newest uid of each `namespace/name`. */
  const uids = new Map<string, string>();
  /** Cluster epoch of the last whole state that all actors were brought in line with. */
  let followed: string | undefined;
  let stopped = false;
  let timer: Timer | undefined;
  let relisting = false;
  let asked = false;
  /** The next listing is for an event of the runtime. */
  let hasEvent = false;
  /** What the runtime said of its own changes when every pod was last compared with it. */
  let seen: number | undefined;
  const supervisor = createSupervisor(
    { path: `/node/${nodeName}/pods`, ...manyActors },
    { clock, random: ports.random, escalate: (error) => options.giveUp?.(error), faults: ports.faults ?? noFaults },
  );
  supervisor.start();
  let collectAt = clock.mono() + containerGcMs;

  return {
    async start() {
      for (const checkpoint of await ports.checkpoints.load()) adopt(checkpoint);
      await adoptFromRuntime();
      ports.probes.onResult((uid) => entries.get(uid)?.actor.changed());
      desired.onChange((changed) => {
        const configs = changed.has("configmaps") || changed.has("secrets");
        const keys = changed.get("pods");
        if (configs || followed !== ports.epoch()) follow(configs);
        else if (keys !== undefined) for (const key of keys) followOne(key);
      });
      follow(false);
      schedule();
    },
    stop() {
      stopped = true;
      timer?.cancel();
      supervisor.stop();
      for (const uid of entries.keys()) ports.probes.stop(uid);
    },
    relist: () => {
      hasEvent = true;
      void relist();
    },
    list: () => shown.list(),
    release(namespace, name) {
      const found = [...entries].filter(([, { actor }]) => {
        const { metadata } = actor.worker.pod;
        return metadata.namespace === namespace && metadata.name === name;
      });
      for (const [uid, entry] of found) {
        log("info", "pod.released", { pod: uid, held: entry.held });
        // Of no epoch that we know: whether it is wanted is for the masters of now to say.
        if (entry.held) entry.epoch = "";
        shown.moved(uid);
        entry.actor.worker.retryNow();
        entry.actor.changed();
      }
      follow(false);
      return found.length > 0;
    },
    get: (uid) => entries.get(uid)?.actor.worker.pod,
  };

  function viewOf(key: string, view: PodView | undefined): PodView | undefined {
    const entry = entries.get(key);
    if (entry === undefined) return undefined;
    const { metadata } = entry.actor.worker.pod;
    const { stage, failures, lastError } = entry.actor;
    if (stage !== entry.stage) {
      entry.stage = stage;
      entry.since = clock.wall();
    }
    const { uid, name, namespace = "" } = metadata;
    const held = "held: the masters of this epoch do not know the pod";
    const { since, restarts, isDown, crash, held: isHeld } = entry;
    const shownError = isHeld ? held : (lastError ?? crash);
    const isSame =
      view?.stage === stage &&
      view.since === since &&
      view.failures === failures &&
      view.restarts === restarts &&
      view.isDown === isDown &&
      view.isHeld === isHeld &&
      view.lastError === shownError;
    if (isSame) return view;
    return {
      uid,
      namespace,
      name,
      stage,
      since,
      failures,
      restarts,
      isDown,
      isHeld,
      lastError: shownError,
    };
  }

  function adopt(checkpoint: PodCheckpoint): void {
    add(checkpoint.pod, checkpoint);
  }

  /** `isNew`: nothing of it was found when this agent began. */
  function add(pod: Pod, checkpoint?: PodCheckpoint, isNew: boolean = false): void {
    const { uid } = pod.metadata;
    const epoch = checkpoint?.epoch ?? ports.epoch();
    supervisor.add({
      id: uid,
      path: `/node/${nodeName}/pod/${pod.metadata.namespace ?? "default"}/${pod.metadata.name}`,
      start(exit) {
        const before = entries.get(uid);
        uids.set(keyOf(pod), uid);
        const first = { pod, saved: checkpoint, isVanished: false, isNew };
        const actor = begin(before?.actor.worker ?? first, uid, exit);
        if (before === undefined) {
          const fresh = { restarts: 0, isDown: false, crash: undefined, held: false, stage: "idle" } as const;
          entries.set(uid, { ...fresh, actor, epoch, since: clock.wall() });
        } else {
          Object.assign(before, { actor, restarts: before.restarts + 1, isDown: false });
          log("info", "pod.actor.restarted", { pod: uid, restarts: before.restarts });
        }
        shown.moved(uid);
        return { stop: () => actor.stop(), views: () => [] };
      },
    });
  }

  /** A new life of a pod's actor: what the last one held in memory is looked up in the runtime again. */
  function begin(
    last: Pick<PodWorker, "pod" | "saved" | "isVanished"> & { readonly isNew?: boolean },
    uid: string,
    exit: (error: Error | undefined) => void,
  ): PodActor {
    const worker = new PodWorker(ports, last.pod, last.saved, last.isNew);
    if (last.isVanished) worker.vanish();
    return createPodActor(worker, ports, {
      moved: () => shown.moved(uid),
      gone() {
        const key = keyOf(worker.pod);
        entries.delete(uid);
        shown.moved(uid);
        finished.set(uid, key);
        if (uids.get(key) === uid) uids.delete(key);
        supervisor.remove(uid);
      },
      failed(error) {
        const entry = entries.get(uid);
        if (entry !== undefined) Object.assign(entry, { isDown: true, crash: error.message });
        shown.moved(uid);
        exit(error);
      },
    });
  }

  /** Sandboxes without a checkpoint: their labels tell who they are. */
  async function adoptFromRuntime(): Promise<void> {
    const [sandboxes] = await lists();
    for (const sandbox of sandboxes) {
      const uid = sandbox.labels[podUidLabel];
      if (uid !== undefined && !entries.has(uid)) add(podOfLabels(sandbox));
    }
  }

  async function lists(): Promise<readonly [readonly Sandbox[], readonly Container[]]> {
    for (let delayMs = 100; ; delayMs = Math.min(delayMs * 2, 2_000)) {
      try {
        return [await cri.listPodSandboxes(), await cri.listContainers()];
      } catch (error) {
        log("warn", "pods.adopt.waiting", { error: messageOf(error) });
        await pause(clock, delayMs);
      }
    }
  }

  /** Brings all actors in line with the desired pods. */
  function follow(configsChanged: boolean): void {
    const wanted = new Set<string>();
    for (const pod of desired.list<Pod>("pods")) {
      if (pod.spec.nodeName !== nodeName) continue;
      wanted.add(pod.metadata.uid);
      want(pod, configsChanged);
    }
    for (const uid of finished.keys()) if (!wanted.has(uid)) finished.delete(uid);
    if (!desired.synced) return;
    for (const uid of entries.keys()) if (!wanted.has(uid)) unwant(uid);
    if (followed === undefined) sweep();
    followed = ports.epoch();
  }

  function followOne(key: string): void {
    const at = key.indexOf("/");
    const pod = desired.get<Pod>("pods", key.slice(0, at), key.slice(at + 1));
    const wanted = pod?.spec.nodeName === nodeName ? pod : undefined;
    const uid = wanted?.metadata.uid;
    for (const [each, finishedKey] of finished) if (finishedKey === key && each !== uid) finished.delete(each);
    const before = uids.get(key);
    if (before !== undefined && before !== uid) unwant(before);
    if (wanted !== undefined) want(wanted, false);
  }

  function want(pod: Pod, configsChanged: boolean): void {
    const { uid } = pod.metadata;
    const known = entries.get(uid);
    if (known !== undefined) {
      const { worker } = known.actor;
      known.epoch = ports.epoch();
      if (known.held) shown.moved(uid);
      known.held = false;
      const fresh = worker.pod !== pod;
      const news = fresh && worker.update(pod);
      if (configsChanged) worker.retryNow();
      if (news || configsChanged) known.actor.changed();
    } else if (!finished.has(uid) && isOpen(pod)) add(pod, undefined, true);
  }

  function unwant(uid: string): void {
    const entry = entries.get(uid);
    if (entry === undefined || entry.actor.worker.isVanished || isHeld(uid, entry)) return;
    entry.actor.worker.vanish();
    entry.actor.changed();
  }

  /** Once: only an agent that was killed leaves anything. */
  function sweep(): void {
    ports.volumes
      .sweep((uid) => entries.has(uid))
      .catch((error: unknown) => log("warn", "pods.sweep.failed", { error: messageOf(error) }));
  }

  /**
   * Masters of another epoch (after a restore) cannot know what came after their snapshot: a pod of
   * the epoch before runs on and is reported, until somebody decides.
   */
  function isHeld(uid: string, entry: Entry): boolean {
    if (entry.epoch === "" || entry.epoch === ports.epoch()) return false;
    if (!entry.held) log("warn", "pod.held", { pod: uid, epoch: entry.epoch, now: ports.epoch() });
    entry.held = true;
    shown.moved(uid);
    return true;
  }

  function schedule(): void {
    timer = clock.after(
      relistMs,
      () => {
        void relist().finally(() => {
          if (!stopped) schedule();
        });
      },
      { daemon: true },
    );
  }

  async function relist(): Promise<void> {
    // News that come meanwhile may be missing in these lists: they are read once more.
    asked = true;
    if (relisting || stopped) return;
    relisting = true;
    while (asked && !stopped) {
      asked = false;
      await readOnce();
    }
    relisting = false;
  }

  async function readOnce(): Promise<void> {
    const changes = cri.changes?.();
    if (changes !== undefined && changes === seen && clock.mono() < collectAt) return;
    seen = undefined;
    try {
      for (const { actor } of entries.values()) actor.worker.observer.mark(hasEvent);
      hasEvent = false;
      const sandboxes = await cri.listPodSandboxes();
      const containers = await cri.listContainers();
      if (compare(sandboxes, containers)) seen = changes;
      if (clock.mono() >= collectAt) {
        collectAt = clock.mono() + containerGcMs;
        await collect(sandboxes, containers);
      }
    } catch (error) {
      // Unknown is not gone: nothing is concluded from it.
      log("debug", "pods.relist.failed", { error: messageOf(error) });
    }
  }

  /** False: of some pod the listing tells nothing, since it was busy meanwhile. */
  function compare(sandboxes: readonly Sandbox[], containers: readonly Container[]): boolean {
    const byUid = { sandboxes: grouped(sandboxes), containers: grouped(containers) };
    let isWhole = true;
    for (const [uid, { actor }] of entries) {
      const listing = { sandboxes: byUid.sandboxes.get(uid) ?? [], containers: byUid.containers.get(uid) ?? [] };
      const { observer } = actor.worker;
      if (!observer.isStill) isWhole = false;
      if (observer.compare(listing)) actor.changed();
    }
    return isWhole;
  }

  /** Keeps the newest dead container per name: its logs and its end are still asked for. */
  async function collect(sandboxes: readonly Sandbox[], containers: readonly Container[]): Promise<void> {
    const kept = new Set<string>();
    const newestFirst = containers.toSorted((a, b) => b.createdAtMs - a.createdAtMs);
    for (const { id, state, labels, metadata } of newestFirst) {
      const uid = labels[podUidLabel];
      if (uid === undefined || state !== "exited") continue;
      const key = `${uid}/${metadata.name}`;
      if (kept.has(key)) await cri.removeContainer(id);
      kept.add(key);
    }
    const used = new Set(containers.map(({ podSandboxId }) => podSandboxId));
    const newest = new Map<string, number>();
    for (const { labels, metadata } of sandboxes) {
      const uid = labels[podUidLabel] ?? "";
      newest.set(uid, Math.max(newest.get(uid) ?? 0, metadata.attempt));
    }
    for (const { id, state, labels, metadata } of sandboxes) {
      const uid = labels[podUidLabel];
      if (uid === undefined || state === "ready" || used.has(id)) continue;
      if (metadata.attempt < (newest.get(uid) ?? 0)) await cri.removePodSandbox(id);
    }
  }
}

function keyOf({ metadata }: Pod): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}

/** By the uid of the pod. */
function grouped<T extends Sandbox | Container>(items: readonly T[]): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const uid = item.labels[podUidLabel] ?? "";
    const group = groups.get(uid);
    if (group === undefined) groups.set(uid, [item]);
    else group.push(item);
  }
  return groups;
}

/** A pod that ended before this agent knew it needs no actor, unless it must be deleted. */
function isOpen(pod: Pod): boolean {
  const phase = pod.status?.phase;
  const over = phase === "Succeeded" || phase === "Failed";
  return !over || pod.metadata.deletionTimestamp !== undefined;
}

/** Enough of a pod to watch it and to end it rightly; its containers come with its row. */
function podOfLabels(sandbox: Sandbox): Pod {
  const { labels, annotations } = sandbox;
  const grace = Number(annotations[graceAnnotation] ?? "30");
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: labels[podNameLabel] ?? sandbox.metadata.name,
      namespace: labels[podNamespaceLabel] ?? sandbox.metadata.namespace,
      uid: labels[podUidLabel] ?? sandbox.metadata.uid,
      resourceVersion: "0",
      creationTimestamp: "",
    },
    spec: {
      containers: [],
      hostNetwork: annotations[hostNetworkAnnotation] === "true",
      terminationGracePeriodSeconds: Number.isFinite(grace) ? grace : 30,
    },
  };
}

async function pause(clock: Clock, delayMs: Millis): Promise<void> {
  await new Promise<void>((resolve) => {
    clock.after(delayMs, resolve);
  });
}
