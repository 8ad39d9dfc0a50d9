import type { Pod, PodStatus } from "../../kinds/generated/types.ts";
import { jsonEqual } from "../../util/equal.ts";
import { messageOf, StatusError } from "../../util/errors.ts";
import { parseTime } from "../../util/time-format.ts";
import type { Millis } from "../../util/time.ts";
import type { PodAction, PodDecision } from "./actions.ts";
import { podActions } from "./actions.ts";
import type { PodCheckpoint } from "./checkpoint.ts";
import { containerPath } from "./events.ts";
import { Grace } from "./grace.ts";
import { gatePollMs, gateWaitMaxMs, mountRetryFirstMs, mountRetryMaxMs, resyncMs, startRetryMs } from "./limits.ts";
import type { BackOffEntry, PodMemory, PodSnapshot, StartFailure } from "./model.ts";
import { containersOf, isTerminalPhase, podLabel } from "./model.ts";
import type { Made } from "./observe.ts";
import { Observer } from "./observe.ts";
import { MountError, StartError } from "./ports.ts";
import { podCgroup } from "./resources.ts";
import { passStep } from "./seam.ts";
import type { StartAction } from "./starter.ts";
import { createSandbox, shownText, startContainer } from "./starter.ts";
import { finalPhase, podStatus } from "./status.ts";
import { StatusWriter } from "./status-writer.ts";
import { stopContainer, stopPod } from "./stopper.ts";
import type { PodPorts } from "./worker-ports.ts";

export type Stage = "idle" | "volumes" | "sandbox" | "init" | "running" | "ended" | "terminating" | "gone";

export interface StepResult {
  readonly stage: Stage;
  /** Look again after this; 0: at once. */
  readonly wakeAfterMs: Millis;
}

/**
 * The hands of one pod's actor: `step` looks at the runtime, asks the pure rules, does one thing and
 * says when to come back. The actor never calls it twice at once.
 *
 * What it remembers is either in the runtime's labels or in the checkpoint, so a new worker for the
 * same pod goes on where this one stopped.
 */
export class PodWorker {
  readonly #ports: PodPorts;
  readonly #observer: Observer;
  readonly #writer: StatusWriter;
  #pod: Pod;
  #vanished = false;
  #failures: Record<string, StartFailure> = {};
  #backOff: Record<string, BackOffEntry>;
  readonly #starting = new Set<string>();
  #volumesReady: boolean;
  #mountRetry: { readonly at: Millis; readonly delayMs: Millis } | undefined;
  #verdict: { readonly reason: string; readonly message: string } | undefined;
  #stopBy: Millis | undefined;
  #grace: Grace | undefined;
  #gateUntil: Millis | undefined;
  #released = false;
  #refreshAt: Millis = 0;
  readonly #messages: Record<string, string> = {};
  /** What the next worker of this pod begins with. */
  saved: PodCheckpoint | undefined;

  /** `isNew`: neither the runtime nor the disk has anything of it. */
  constructor(ports: PodPorts, pod: Pod, checkpoint?: PodCheckpoint, isNew: boolean = false) {
    this.#ports = ports;
    this.#pod = pod;
    const { clock, log, reporter } = ports;
    this.#writer = new StatusWriter(pod, { clock, log, reporter });
    this.#observer = new Observer(ports.cri, pod.metadata.uid, isNew, (name, text) => {
      const known = containersOf(this.#pod).find(({ container }) => container.name === name);
      return shownText(ports, this.#pod, known?.container, text);
    });
    this.saved = checkpoint;
    const sameBoot = checkpoint?.bootId === ports.bootId;
    this.#volumesReady = sameBoot && checkpoint.volumesReady;
    this.#backOff = { ...checkpoint?.backOff };
    this.#verdict = checkpoint?.verdict;
    this.#stopBy = checkpoint?.stopBy;
  }

  get pod(): Pod {
    return this.#pod;
  }

  /** What the listing that all pods share has to say to this one. */
  get observer(): Pick<Observer, "compare" | "isStill" | "mark"> {
    return this.#observer;
  }

  /** Ends for good: nothing of it will run again here. */
  get isTerminating(): boolean {
    return this.#vanished || this.#pod.metadata.deletionTimestamp !== undefined;
  }

  get isVanished(): boolean {
    return this.#vanished;
  }

  /** Answers whether it says anything new: most versions only bring back what this node told. */
  update(pod: Pod): boolean {
    const isNews = !isSameWish(this.#pod, pod) || !this.#writer.isOwn(pod);
    this.#pod = pod;
    this.#writer.see(pod);
    if (this.isTerminating) this.#grace?.shrink(this.#graceMs());
    return isNews;
  }

  /** The object was removed without waiting for us. */
  vanish(): void {
    this.#vanished = true;
    this.#grace?.shrink(this.#graceMs());
  }

  /** Something that a failed start or mount waited for has come. */
  retryNow(): void {
    this.#mountRetry = undefined;
    this.#refreshAt = 0;
    for (const [name, failure] of Object.entries(this.#failures)) {
      if (failure.reason === "CreateContainerConfigError") {
        this.#failures[name] = { ...failure, retryAt: 0 };
      }
    }
  }

  /** Its actor has ended; another worker may take over. */
  stop(): void {
    this.#writer.stop();
  }

  async step(signal: AbortSignal): Promise<StepResult> {
    if (this.#ports.faults?.enabled === true) await passStep(this.#ports, this.#pod);
    if (this.#released) return { stage: "gone", wakeAfterMs: resyncMs };
    if (this.isTerminating) return this.#terminate();
    // Adopted by labels alone: it is left as it is until its row comes.
    if (this.#isBare) return { stage: "idle", wakeAfterMs: resyncMs };
    const snapshot = await this.#observer.snapshot();
    this.#judgeDeadline();
    if (this.#verdict !== undefined) return this.#endWith(snapshot);
    const phase = this.#basis().status?.phase;
    if (!isTerminalPhase(phase) && !this.#volumesReady) {
      const failed = await this.#setUpVolumes(snapshot);
      if (failed !== undefined) return failed;
    }
    const decision = podActions({
      pod: this.#basis(),
      snapshot,
      probes: this.#ports.probes.results,
      memory: this.#memory(),
      now: this.#ports.clock.wall(),
    });
    this.#syncProbes(snapshot);
    this.#noteBackOffs(decision);
    await this.#tell(snapshot, decision.waiting, { canWait: isStart(decision) });
    if (decision.actions.length > 0) {
      await this.#act(decision, snapshot, signal);
      return { stage: decision.stage, wakeAfterMs: 0 };
    }
    if (decision.stage === "ended") return this.#ended(snapshot);
    await this.#refresh(snapshot);
    return { stage: decision.stage, wakeAfterMs: this.#sleepMs(decision.wakeAt) };
  }

  get #isBare(): boolean {
    return this.#pod.spec.containers.length === 0;
  }

  /** The pod as the rules see it: the newest spec with the status that was told last. */
  #basis(): Pod {
    const status = this.#writer.basis;
    return status === undefined ? this.#pod : { ...this.#pod, status };
  }

  #memory(): PodMemory {
    return { backOff: this.#backOff, failures: this.#failures, starting: [...this.#starting] };
  }

  #sleepMs(wakeAt: Millis | undefined): Millis {
    const now = this.#ports.clock.wall();
    const times = [wakeAt, this.#deadlineAt(), this.#refreshAt === 0 ? undefined : this.#refreshAt];
    const due = times.filter((time) => time !== undefined).map((time) => time - now);
    return Math.max(1, Math.min(resyncMs, ...due));
  }

  #deadlineAt(): Millis | undefined {
    const seconds = this.#pod.spec.activeDeadlineSeconds;
    const start = parseTime(this.#writer.basis?.startTime);
    return seconds === undefined || start === undefined ? undefined : start + seconds * 1_000;
  }

  #judgeDeadline(): void {
    const at = this.#deadlineAt();
    if (at === undefined || this.#ports.clock.wall() < at || this.#verdict !== undefined) return;
    if (isTerminalPhase(this.#writer.basis?.phase)) return;
    const reason = "DeadlineExceeded";
    const message = "Pod was active on the node longer than the specified deadline";
    this.#verdict = { reason, message };
    this.#ports.events.record(this.#pod, { type: "Normal", reason, message });
  }

  async #setUpVolumes(snapshot: PodSnapshot): Promise<StepResult | undefined> {
    const { clock, events, volumes } = this.#ports;
    const now = clock.wall();
    if (this.#mountRetry !== undefined && now < this.#mountRetry.at) {
      await this.#tell(snapshot, {});
      return { stage: "volumes", wakeAfterMs: this.#sleepMs(this.#mountRetry.at) };
    }
    await this.#tell(snapshot, {}, { canWait: this.#mountRetry === undefined });
    try {
      await volumes.setUp(this.#pod);
      this.#volumesReady = true;
      this.#mountRetry = undefined;
      this.#refreshAt = clock.wall() + resyncMs;
      await this.#save();
      return undefined;
    } catch (error) {
      if (!(error instanceof MountError)) throw error;
      const message = `MountVolume.SetUp failed for volume "${error.volume}" : ${error.message}`;
      events.record(this.#pod, { type: "Warning", reason: "FailedMount", message });
      const last = this.#mountRetry?.delayMs ?? mountRetryFirstMs / 2;
      const delayMs = Math.min(last * 2, mountRetryMaxMs);
      this.#mountRetry = { at: clock.wall() + delayMs, delayMs };
      return { stage: "volumes", wakeAfterMs: delayMs };
    }
  }

  async #act(decision: PodDecision, snapshot: PodSnapshot, signal: AbortSignal): Promise<void> {
    const kills = decision.actions.filter((action) => action.kind === "kill-container");
    await this.#observer.act(async () => {
      if (kills.length === 0) return this.#do(decision.actions[0]!, snapshot, signal);
      await Promise.all(kills.map(async (kill) => this.#kill(kill)));
      return undefined;
    });
  }

  async #do(action: PodAction, snapshot: PodSnapshot, signal: AbortSignal): Promise<Made | undefined> {
    switch (action.kind) {
      case "kill-pod":
        await this.#stopAll(snapshot, (this.#pod.spec.terminationGracePeriodSeconds ?? 30) * 1_000);
        return undefined;
      case "create-sandbox":
        if (action.changed) {
          const message = "Pod sandbox changed, it will be killed and re-created.";
          this.#ports.events.record(this.#pod, { type: "Normal", reason: "SandboxChanged", message });
        }
        return { sandbox: await createSandbox(this.#ports, this.#pod, action.attempt) };
      case "start-container":
        return this.#start(action, snapshot, signal);
      case "kill-container":
        return undefined;
    }
  }

  async #kill(kill: Extract<PodAction, { kind: "kill-container" }>): Promise<void> {
    const spec = containersOf(this.#pod).find(({ container }) => container.name === kill.container.name);
    const probe =
      kill.cause === "liveness"
        ? spec?.container.livenessProbe
        : kill.cause === "startup"
          ? spec?.container.startupProbe
          : undefined;
    const seconds = probe?.terminationGracePeriodSeconds ?? this.#pod.spec.terminationGracePeriodSeconds ?? 30;
    this.#grace = new Grace(this.#ports.clock, seconds * 1_000);
    const { ports, pod } = { ports: this.#ports, pod: this.#pod };
    const context = { ports, pod, grace: this.#grace, message: kill.message, onStopped: () => {} };
    await stopContainer(context, kill.container);
  }

  async #start(action: StartAction, snapshot: PodSnapshot, signal: AbortSignal): Promise<Made | undefined> {
    const context = {
      pod: this.#pod,
      snapshot,
      signal,
      starting: this.#starting,
      beforeStart: async () => {
        if (action.backOff === undefined) return;
        this.#backOff = { ...this.#backOff, [action.name]: action.backOff };
        await this.#save();
      },
    };
    try {
      const id = await startContainer(this.#ports, context, action);
      delete this.#failures[action.name];
      return { container: await this.#observer.containerFact(id, action.sandbox.id) };
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      const retryAt = error.retryAt ?? this.#ports.clock.wall() + startRetryMs;
      this.#failures[action.name] = { reason: error.reason, message: error.message, retryAt };
      return undefined;
    }
  }

  async #stopAll(snapshot: PodSnapshot, graceMs: Millis): Promise<void> {
    this.#grace = new Grace(this.#ports.clock, graceMs);
    const onStopped = (): void => {
      this.#tellSoon();
    };
    await this.#observer.act(async () => {
      await stopPod({ ports: this.#ports, pod: this.#pod, grace: this.#grace!, onStopped }, snapshot);
      return undefined;
    });
  }

  /** Nothing runs any more; the object stays until it is deleted. */
  async #ended(snapshot: PodSnapshot): Promise<StepResult> {
    this.#ports.probes.stop(this.#pod.metadata.uid);
    await this.#tell(snapshot, {}, { ended: true });
    if (this.#volumesReady) {
      await this.#ports.volumes.tearDown(this.#pod);
      this.#volumesReady = false;
      await this.#save();
    }
    await this.#ports.cgroups.remove(podCgroup(this.#pod, this.#ports.node().cgroupRoot));
    return { stage: "ended", wakeAfterMs: resyncMs };
  }

  /** The node's own verdict: stop all, then Failed. */
  async #endWith(snapshot: PodSnapshot): Promise<StepResult> {
    await this.#save();
    await this.#tell(snapshot, {}, { ended: true });
    const busy =
      snapshot.sandboxes.some(({ ready }) => ready) || snapshot.containers.some(({ state }) => state === "running");
    if (!busy) return this.#ended(snapshot);
    await this.#stopAll(snapshot, (this.#pod.spec.terminationGracePeriodSeconds ?? 30) * 1_000);
    return { stage: "ended", wakeAfterMs: 0 };
  }

  #graceMs(): Millis {
    if (this.#vanished && !this.#isBare) return 1_000;
    const { deletionGracePeriodSeconds } = this.#pod.metadata;
    const seconds = deletionGracePeriodSeconds ?? this.#pod.spec.terminationGracePeriodSeconds ?? 30;
    const asked = Math.max(1, seconds) * 1_000;
    const left = this.#stopBy === undefined ? asked : this.#stopBy - this.#ports.clock.wall();
    return Math.max(0, Math.min(asked, left));
  }

  async #terminate(): Promise<StepResult> {
    const { clock, gate, probes } = this.#ports;
    const snapshot = await this.#observer.snapshot();
    const now = clock.wall();
    if (this.#stopBy === undefined) {
      this.#stopBy = now + this.#graceMs();
      await this.#save();
    }
    probes.terminate(this.#pod.metadata.uid);
    const busy =
      snapshot.sandboxes.some(({ ready }) => ready) ||
      snapshot.containers.some(({ state }) => state === "running" || state === "unknown");
    if (busy) {
      const waitMs = this.#gateWait(gate.passed(this.#pod), now);
      await this.#tell(snapshot, {}, { ended: true });
      if (waitMs > 0) return { stage: "terminating", wakeAfterMs: waitMs };
      await this.#stopAll(snapshot, this.#graceMs());
      return { stage: "terminating", wakeAfterMs: 0 };
    }
    probes.stop(this.#pod.metadata.uid);
    await this.#finish(snapshot);
    return { stage: "gone", wakeAfterMs: resyncMs };
  }

  /** 0: go on. At most two seconds and half the grace; a grace of one second waits for nobody. */
  #gateWait(answer: boolean | { readonly waitUntil: Millis }, now: Millis): Millis {
    const graceMs = this.#graceMs();
    if (answer === true || this.#vanished) return 0;
    if (this.#gateUntil === undefined) {
      const most = graceMs <= 1_000 ? 0 : Math.min(gateWaitMaxMs, graceMs / 2);
      this.#gateUntil = now + most;
    }
    const left = this.#gateUntil - now;
    const hint = answer === false ? gatePollMs : Math.max(1, answer.waitUntil - now);
    return Math.max(0, Math.min(left, hint));
  }

  /** All has stopped: last status, clean up, delete the object, forget the pod. */
  async #finish(snapshot: PodSnapshot): Promise<void> {
    const { cgroups, checkpoints, cri, network, node, volumes } = this.#ports;
    const { uid } = this.#pod.metadata;
    if (!this.#vanished) {
      await this.#tell(snapshot, {}, { ended: true, final: true });
      await this.#writer.settled();
    }
    await volumes.tearDown(this.#pod);
    await cgroups.remove(podCgroup(this.#pod, node().cgroupRoot));
    if (!this.#vanished && !this.#writer.gone) await this.#deleteObject();
    for (const sandbox of snapshot.sandboxes) await cri.removePodSandbox(sandbox.id);
    await network.release(uid);
    await checkpoints.remove(uid);
    this.#released = true;
  }

  async #deleteObject(): Promise<void> {
    const { namespace = "", name, uid } = this.#pod.metadata;
    try {
      await this.#ports.reporter.report({
        verb: "delete",
        kind: "pods",
        namespace,
        name,
        gracePeriodSeconds: 0,
        preconditions: { uid },
      });
    } catch (error) {
      // 404 and 409: gone already, or another pod of that name: either way ours is no more.
      const code = error instanceof StatusError ? error.status.code : 0;
      if (code !== 404 && code !== 409) throw error;
    }
  }

  #syncProbes(snapshot: PodSnapshot): void {
    this.#ports.probes.sync(this.#basis(), snapshot);
  }

  #noteBackOffs(decision: PodDecision): void {
    for (const [name, { reason }] of Object.entries(decision.waiting)) {
      if (reason !== "CrashLoopBackOff") continue;
      const message = `Back-off restarting failed container ${name} in pod ${podLabel(this.#pod)}`;
      const fieldPath = containerPath(this.#pod, name);
      this.#ports.events.record(this.#pod, { type: "Warning", reason: "BackOff", message, fieldPath });
    }
  }

  async #refresh(snapshot: PodSnapshot): Promise<void> {
    const { clock, events, volumes } = this.#ports;
    const ips = this.#writer.basis?.podIPs?.map(({ ip }) => ip) ?? [];
    if (snapshot.sandboxes.length === 0 || clock.wall() < this.#refreshAt) return;
    try {
      const at = await volumes.refresh(this.#pod, ips);
      this.#refreshAt = Math.min(at ?? Infinity, clock.wall() + resyncMs);
    } catch (error) {
      if (!(error instanceof MountError)) throw error;
      const message = `MountVolume.SetUp failed for volume "${error.volume}" : ${error.message}`;
      events.record(this.#pod, { type: "Warning", reason: "FailedMount", message });
      this.#refreshAt = clock.wall() + resyncMs;
    }
  }

  async #save(): Promise<void> {
    const { bootId, checkpoints, epoch } = this.#ports;
    this.saved = {
      format: 1,
      pod: this.#basis(),
      epoch: epoch(),
      bootId,
      ip: this.#writer.basis?.podIP ?? "",
      volumesReady: this.#volumesReady,
      backOff: this.#backOff,
      ...(this.#verdict === undefined ? {} : { verdict: this.#verdict }),
      ...(this.#stopBy === undefined ? {} : { stopBy: this.#stopBy }),
    };
    await checkpoints.save(this.saved);
  }

  /** A container has stopped while others still do: tell it, but let nothing wait for that. */
  #tellSoon(): void {
    this.#observer.doubt();
    const tell = async (): Promise<void> => {
      const snapshot = await this.#observer.snapshot();
      await this.#tell(snapshot, {}, { ended: true });
    };
    tell().catch((error: unknown) => {
      const pod = this.#pod.metadata.uid;
      this.#ports.log("debug", "pod.status.late", { pod, error: messageOf(error) });
    });
  }

  async #tell(snapshot: PodSnapshot, waiting: PodDecision["waiting"], how: Telling = {}): Promise<void> {
    if (this.#vanished) return;
    const { ended = false, final = false, canWait = false } = how;
    const { clock, node, probes, volumes } = this.#ports;
    for (const fact of snapshot.containers) {
      if (fact.state !== "exited" || this.#messages[fact.id] !== undefined) continue;
      const spec = containersOf(this.#pod).find(({ container }) => container.name === fact.name);
      this.#messages[fact.id] =
        spec === undefined ? "" : await volumes.terminationMessage(this.#pod, spec.container, fact);
    }
    const built = podStatus({
      pod: this.#basis(),
      snapshot,
      probes: probes.results,
      memory: this.#memory(),
      waiting,
      messages: nonEmpty(this.#messages),
      ended,
      ...(this.#verdict === undefined ? {} : { verdict: this.#verdict }),
      hostIps: node().hostIps,
      now: clock.wall(),
    });
    const status: PodStatus = final ? { ...built, phase: finalPhase(built.phase) } : built;
    this.#writer.want(status, canWait);
  }
}

interface Telling {
  /** Nothing will be restarted. */
  readonly ended?: boolean;
  /** The last status of all. */
  readonly final?: boolean;
  /** More is known soon: what is told then may take its place. */
  readonly canWait?: boolean;
}

/** All is well so far, and the next container or sandbox is on its way. */
function isStart({ actions, waiting }: PodDecision): boolean {
  const [first] = actions;
  const begins = first?.kind === "start-container" || (first?.kind === "create-sandbox" && !first.changed);
  return begins && Object.keys(waiting).length === 0;
}

/** Everything but the status and what each write changes. */
function isSameWish(a: Pod, b: Pod): boolean {
  const wish = ({ metadata, spec }: Pod): unknown => ({
    spec,
    metadata: { ...metadata, resourceVersion: "", managedFields: [] },
  });
  return jsonEqual(wish(a), wish(b));
}

function nonEmpty(messages: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(messages).filter(([, text]) => text !== ""));
}
