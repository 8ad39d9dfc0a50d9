import type { Clock, Log, Timer } from "../../env/env.ts";
import type { Node, NodeStatus } from "../../kinds/generated/types.ts";
import type { Draft } from "../../kinds/kind.ts";
import { jsonEqual } from "../../util/equal.ts";
import { messageOf, StatusError } from "../../util/errors.ts";
import type { Millis } from "../../util/time.ts";
import type { Desired, Reporter } from "../desired.ts";
import type { EventRecorder } from "../pods/events.ts";
import { conflictRetryMs, registerRetryMs, statusEveryMs, statusResendMs } from "./limits.ts";
import type { Health, MachineFacts, Pressures } from "./node-object.ts";
import { nodeDraft, nodeLabels, nodeStatus } from "./node-object.ts";

/**
 * Registers the Node object and keeps its status true: looked at every ten seconds, told when it has
 * changed (heartbeat times alone are no change) or every five minutes.
 */
export interface NodeReporter {
  start(): void;
  stop(): void;
  /** Look at once: something of the machine has changed. */
  changed(): void;
}

export interface NodeReporterOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly desired: Desired;
  readonly reporter: Reporter;
  readonly events: EventRecorder;
  readonly facts: () => Promise<MachineFacts>;
  readonly health: () => Promise<Health>;
}

export function createNodeReporter(options: NodeReporterOptions): NodeReporter {
  const { clock, log, reporter } = options;
  let known: Node | undefined;
  let pressures: Pressures = {};
  let told: NodeStatus | undefined;
  let toldAt: Millis = -Infinity;
  let timer: Timer | undefined;
  let stopped = true;
  let busy = false;
  let again = false;

  return {
    start() {
      stopped = false;
      options.desired.onChange((changed) => {
        const name = known?.metadata.name ?? "";
        if (changed.get("nodes")?.has(`/${name}`) === true && isDoubted(name)) look();
      });
      void turn();
    },
    stop() {
      stopped = true;
      timer?.cancel();
    },
    changed: look,
  };

  function look(): void {
    if (busy) again = true;
    else void turn();
  }

  /** Somebody says otherwise than this node did last. */
  function isDoubted(name: string): boolean {
    const seen = options.desired.get<Node>("nodes", "", name);
    return told !== undefined && revisionOf(seen) > revisionOf(known) && readyOf(seen?.status) !== readyOf(told);
  }

  async function turn(): Promise<void> {
    if (stopped) return;
    timer?.cancel();
    busy = true;
    let delayMs = statusEveryMs;
    try {
      await refresh();
    } catch (error) {
      const isConflict = error instanceof StatusError && error.status.code === 409;
      delayMs = isConflict ? conflictRetryMs : registerRetryMs;
      if (!isConflict) log("warn", "node.status.failed", { error: messageOf(error) });
    }
    busy = false;
    if (again) {
      again = false;
      delayMs = 0;
    }
    timer = clock.after(delayMs, () => void turn(), { daemon: true });
  }

  async function refresh(): Promise<void> {
    const facts = await options.facts();
    const seen = options.desired.get<Node>("nodes", "", facts.name);
    if (seen !== undefined && revisionOf(seen) >= revisionOf(known)) known = seen;
    known ??= await register(facts);
    const now = clock.wall();
    const built = nodeStatus(facts, await options.health(), known.status, { now, pressures });
    pressures = built.pressures;
    // The masters call a silent node Unknown by themselves: that must be contradicted.
    const doubted = readyOf(known.status) !== readyOf(built.status);
    const due = doubted || clock.mono() - toldAt >= statusResendMs;
    if (!due && jsonEqual(withoutTimes(built.status), withoutTimes(told))) return;
    await tell(known, built.status);
  }

  /** Creates the object, or takes the one that is there and mends its labels. */
  async function register(facts: MachineFacts): Promise<Node> {
    const draft = nodeDraft(facts);
    const base = { kind: "nodes", namespace: "", name: facts.name } as const;
    try {
      const created = (await reporter.report({ ...base, verb: "create", object: draft })) as Node;
      options.events.record(created, { type: "Normal", reason: "Starting", message: "Starting kubelet." });
      return created;
    } catch (error) {
      if (!(error instanceof StatusError) || error.status.code !== 409) throw error;
    }
    const patch = { type: "merge", body: { metadata: { labels: nodeLabels(facts) } } } as const;
    return (await reporter.report({ ...base, verb: "patch", patch })) as Node;
  }

  async function tell(node: Node, status: NodeStatus): Promise<void> {
    try {
      const reply = await reporter.report({
        verb: "update",
        kind: "nodes",
        namespace: "",
        name: node.metadata.name,
        subresource: "status",
        object: { ...node, status } as unknown as Draft,
      });
      known = reply as Node;
      noteReadiness(node, told, status);
      told = status;
      toldAt = clock.mono();
    } catch (error) {
      const code = error instanceof StatusError ? error.status.code : 0;
      // Deleted by someone: it is registered anew. Changed by someone: the next look builds on that.
      if (code === 404) known = undefined;
      if (code === 404 || code === 409) told = undefined;
      if (code === 409) known = options.desired.get<Node>("nodes", "", node.metadata.name);
      throw error;
    }
  }

  function noteReadiness(node: Node, before: NodeStatus | undefined, after: NodeStatus): void {
    const ready = readyOf(after);
    if (readyOf(before) === ready) return;
    const reason = ready ? "NodeReady" : "NodeNotReady";
    const message = `Node ${node.metadata.name} status is now: ${reason}`;
    options.events.record(node, { type: "Normal", reason, message });
  }
}

function readyOf(status: NodeStatus | undefined): boolean {
  return (status?.conditions ?? []).some(({ type, status: value }) => type === "Ready" && value === "True");
}

function withoutTimes(status: NodeStatus | undefined): unknown {
  if (status === undefined) return undefined;
  const conditions = (status.conditions ?? []).map(({ type, status: value, reason, message }) => [
    type,
    value,
    reason,
    message,
  ]);
  return { ...status, conditions };
}

function revisionOf(node: Node | undefined): number {
  return node === undefined ? 0 : Number(node.metadata.resourceVersion);
}
