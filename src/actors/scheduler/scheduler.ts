/**
 * The scheduler as a controller: its keys are pods that wait for a node. A plan binds one pod, or
 * says in a condition and an Event why none of the nodes can take it.
 *
 * What is decoded of rows is remembered by uid and revision; that memory changes no answer.
 */
import type { Node, Pod } from "../../kinds/generated/types.ts";
import type { Draft } from "../../kinds/kind.ts";
import type { RowRef, TimedView, View } from "../../store/view.ts";
import { jsonEqual } from "../../util/equal.ts";
import type { Status } from "../../util/errors.ts";
import { formatTime } from "../../util/time-format.ts";
import type { Note } from "../runtime/command.ts";
import { nothing, type Controller, type Plan, type PlanWrite } from "../runtime/controller.ts";
import { nodeFacts, podFacts, type NodeFacts, type PodFacts } from "./facts.ts";
import { spareFactsMax } from "./limits.ts";
import { unschedulableMessage } from "./message.ts";
import { before, freesRoom, isRequeued, mayTakeMore, objectOf, schedulerName, tierOf } from "./queue.ts";
import { decide } from "./schedule.ts";

export function createScheduler(): Controller {
  const memory = new FactsMemory();
  return {
    name: "scheduler",
    source: schedulerName,
    about: "pods",
    watches: [
      { kind: "pods", keys: podKeys },
      {
        kind: "nodes",
        keys: (view, previous, next) =>
          mayTakeMore(objectOf<Node>(previous), objectOf<Node>(next)) ? waitingKeys(view) : [],
      },
    ],
    writes: ["pods"],
    // A new term may give the revisions of a lost one again, with other content.
    seed: (view) => {
      memory.forget();
      return waitingKeys(view);
    },
    plan: (view, key) => plan(view, key, memory),
    refused,
  };
}

function podKeys(view: View, previous: RowRef | undefined, next: RowRef | undefined): readonly string[] {
  const [old, pod] = [objectOf<Pod>(previous), objectOf<Pod>(next)];
  if (freesRoom(old, pod)) return waitingKeys(view);
  return pod !== undefined && next !== undefined && isRequeued(old, pod) ? [keyOf(next)] : [];
}

/** Pods without a node, in the order of the queue. */
function waiting(view: View): readonly (readonly [row: RowRef, pod: Pod])[] {
  return view
    .index("pods", "node", "")
    .map((row): readonly [RowRef, Pod] => [row, row.object<Pod>()])
    .filter(([, pod]) => tierOf(pod) !== undefined)
    .toSorted(([, a], [, b]) => before(a, b));
}

function waitingKeys(view: View): readonly string[] {
  return waiting(view).map(([row]) => keyOf(row));
}

function plan(view: TimedView, key: string, memory: FactsMemory): Plan {
  const row = podRow(view, key);
  const tier = row === undefined ? undefined : tierOf(row.object<Pod>());
  if (row === undefined || tier === undefined) return nothing;
  if (tier === "gated") {
    const reason = "SchedulingGated";
    const message = "Scheduling is blocked due to non-empty scheduling gates";
    return { writes: conditionWrites(view, row, reason, message) };
  }
  // Keys come in any order; a pod of higher priority that was not tried yet goes first.
  const urgent = mostUrgent(view, memory.pod(row).priority, memory);
  if (urgent !== undefined) return { ...place(view, urgent, memory), more: true };
  return place(view, row, memory);
}

function mostUrgent(view: TimedView, above: number, memory: FactsMemory): RowRef | undefined {
  let found: RowRef | undefined;
  let highest = above;
  // Below the usual priority everybody else goes first.
  for (const row of above < 0 ? view.index("pods", "node", "") : view.index("pods", "waiting", "urgent")) {
    const { priority } = memory.pod(row);
    if (priority > highest && tierOf(row.object<Pod>()) === "active") {
      found = row;
      highest = priority;
    }
  }
  return found;
}

function place(view: TimedView, row: RowRef, memory: FactsMemory): Plan {
  const facts = memory.pod(row);
  const decision = decide(facts, memory.nodes(view));
  if ("node" in decision) {
    const bound = note(row, "Normal", "Scheduled", `Successfully assigned ${keyOf(row)} to ${decision.node}`);
    return { writes: [bind(row, decision.node)], notes: [bound] };
  }
  const message = unschedulableMessage(facts, decision.refusals);
  const writes = conditionWrites(view, row, "Unschedulable", message);
  return writes.length === 0 ? nothing : { writes, notes: [note(row, "Warning", "FailedScheduling", message)] };
}

function bind(row: RowRef, node: string): PlanWrite {
  const binding: Draft = {
    apiVersion: "v1",
    kind: "Binding",
    metadata: { name: row.name, namespace: row.namespace, uid: row.hot.uid },
    target: { apiVersion: "v1", kind: "Node", name: node },
  };
  return {
    op: "update",
    kind: "pods",
    subresource: "binding",
    object: binding,
    expect: { uid: row.hot.uid, revision: row.revision },
  };
}

/** The pod's PodScheduled condition, if it does not say so already. */
function conditionWrites(view: TimedView, row: RowRef, reason: string, message: string): readonly PlanWrite[] {
  const pod = row.object<Pod>();
  const conditions = pod.status?.conditions ?? [];
  const old = conditions.find(({ type }) => type === "PodScheduled");
  const isSame = old?.status === "False";
  const next = {
    ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    type: "PodScheduled",
    status: "False",
    lastTransitionTime: (isSame ? old.lastTransitionTime : undefined) ?? formatTime(view.now),
    reason,
    message,
  };
  if (isSame && old.reason === reason && old.message === message) return [];
  if (jsonEqual(old, next)) return [];
  const status = {
    phase: "Pending",
    ...pod.status,
    conditions: [...conditions.filter((condition) => condition !== old), next],
  };
  const expect = { uid: row.hot.uid, revision: row.revision };
  const object: Draft = { ...pod, status };
  return [{ op: "update", kind: "pods", subresource: "status", object, expect }];
}

/** The binding was refused: the pod says so and waits its back-off; others go on. */
function refused(view: TimedView, _key: string, write: PlanWrite, status: Status): Plan {
  if (write.op !== "update") return nothing;
  const { namespace = "", name = "" } = write.object.metadata;
  const row = view.get("pods", namespace, name);
  if (row === undefined || tierOf(row.object<Pod>()) === undefined) return nothing;
  const message = `binding rejected: ${status.message ?? status.reason ?? "refused"}`;
  return {
    writes: conditionWrites(view, row, "SchedulerError", message),
    notes: [note(row, "Warning", "FailedScheduling", message)],
  };
}

function note(row: RowRef, type: Note["type"], reason: string, message: string): Note {
  const { kind, namespace, name, hot } = row;
  return { about: { kind, namespace, name, uid: hot.uid }, source: schedulerName, type, reason, message };
}

function podRow(view: View, key: string): RowRef | undefined {
  const slash = key.indexOf("/");
  return view.get("pods", key.slice(0, slash), key.slice(slash + 1));
}

function keyOf(row: RowRef): string {
  return `${row.namespace}/${row.name}`;
}

/** A node's facts, and what they were made of. */
interface KnownNode {
  readonly row: RowRef;
  /** Of its pods. */
  readonly stamp: object | undefined;
  /** Those that have ended included. */
  readonly pods: number;
  readonly facts: NodeFacts;
}

/** Facts of rows, decoded once a revision. */
class FactsMemory {
  private readonly pods = new Map<
    string,
    { readonly revision: number; readonly facts: PodFacts; readonly hasEnded: boolean }
  >();
  private readonly nodesByName = new Map<string, KnownNode>();
  private built: { readonly revision: number; readonly nodes: readonly NodeFacts[] } | undefined;

  forget(): void {
    this.pods.clear();
    this.nodesByName.clear();
    this.built = undefined;
  }

  pod(row: RowRef): PodFacts {
    return this.entry(row).facts;
  }

  /** All nodes with what their pods have taken, in the order of their names. */
  nodes(view: View): readonly NodeFacts[] {
    if (this.built?.revision === view.revision) return this.built.nodes;
    let seen = 0;
    const nodes = view.list("nodes").map((row) => {
      const node = this.node(view, row);
      seen += node.pods;
      return node.facts;
    });
    if (this.pods.size > 2 * seen + spareFactsMax) this.pods.clear();
    if (this.nodesByName.size > 2 * nodes.length + spareFactsMax) this.nodesByName.clear();
    this.built = { revision: view.revision, nodes };
    return nodes;
  }

  /** A pod is placed by looking at all nodes, of which one at most has changed since the pod before. */
  private node(view: View, row: RowRef): KnownNode {
    const stamp = view.indexStamp?.("pods", "node", row.name);
    const known = this.nodesByName.get(row.name);
    if (known !== undefined && known.row === row && known.stamp === stamp) return known;
    const running = view.index("pods", "node", row.name).map((pod) => this.entry(pod));
    const taken = running.filter(({ hasEnded }) => !hasEnded).map(({ facts }) => facts);
    const node = { row, stamp, pods: running.length, facts: nodeFacts(row.object<Node>(), taken) };
    if (stamp !== undefined) this.nodesByName.set(row.name, node);
    return node;
  }

  private entry(row: RowRef): { readonly facts: PodFacts; readonly hasEnded: boolean } {
    const known = this.pods.get(row.hot.uid);
    if (known?.revision === row.revision) return known;
    const pod = row.object<Pod>();
    const phase = pod.status?.phase;
    const entry = {
      revision: row.revision,
      facts: podFacts(pod),
      hasEnded: phase === "Succeeded" || phase === "Failed",
    };
    this.pods.set(row.hot.uid, entry);
    return entry;
  }
}
