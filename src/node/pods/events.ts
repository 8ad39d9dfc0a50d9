import type { Clock, Log } from "../../env/env.ts";
import type { Pod } from "../../kinds/generated/types.ts";
import type { Draft, KubeObject } from "../../kinds/kind.ts";
import { messageOf } from "../../util/errors.ts";
import type { Millis } from "../../util/time.ts";
import { formatTime } from "../../util/time-format.ts";
import type { Reporter } from "../desired.ts";
import { eventBurstCount, eventKeysMaxCount, eventMessageCharsMax, eventRefillMs, eventWindowMs } from "./limits.ts";

/**
 * Kubernetes Events of this node. The same event again within ten minutes counts up the first one;
 * each object has a burst of 25, then one every five minutes. Losing an Event is no error.
 */
export interface EventRecorder {
  record(about: KubeObject, event: NodeEvent): void;
}

export interface NodeEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
  /** `spec.containers{app}`. */
  readonly fieldPath?: string;
}

export interface EventOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly reporter: Reporter;
  readonly node: string;
}

interface Known {
  readonly name: string;
  readonly namespace: string;
  count: number;
  lastAt: Millis;
  /** Writes of one event go one after the other. */
  tail: Promise<void>;
}

export function createEventRecorder(options: EventOptions): EventRecorder {
  const { clock, log, reporter } = options;
  const known = new Map<string, Known>();
  const tokens = new Map<string, { left: number; at: Millis }>();
  let serial = 0;

  return {
    record(about, event) {
      const now = clock.wall();
      const { uid, name } = about.metadata;
      if (!take(uid, now)) return;
      const message = event.message.slice(0, eventMessageCharsMax);
      const key = JSON.stringify([uid, event.fieldPath, event.type, event.reason, message]);
      const before = known.get(key);
      if (before !== undefined && now - before.lastAt <= eventWindowMs) {
        before.count += 1;
        before.lastAt = now;
        // A burst of the same is told once, with the count that holds then.
        before.tail = before.tail.then(async () => update(before));
        return;
      }
      trim(known);
      const namespace = about.metadata.namespace ?? "default";
      const entry: Known = {
        name: nameOf(name, now),
        namespace,
        count: 1,
        lastAt: now,
        tail: Promise.resolve(),
      };
      known.set(key, entry);
      entry.tail = send({
        verb: "create",
        kind: "events",
        namespace,
        name: entry.name,
        object: eventObject(options.node, about, { ...event, message }, entry),
      });
    },
  };

  /** Names in the order of time: kubectl shows events of one second in the order of their names. */
  function nameOf(object: string, now: Millis): string {
    serial = (serial + 1) % 1_000_000;
    return `${object}.${(BigInt(Math.trunc(now)) * 1_000_000n + BigInt(serial)).toString(16)}`;
  }

  async function update(entry: Known): Promise<void> {
    await send({
      verb: "patch",
      kind: "events",
      namespace: entry.namespace,
      name: entry.name,
      patch: {
        type: "merge",
        body: { count: entry.count, lastTimestamp: formatTime(entry.lastAt) },
      },
    });
  }

  async function send(write: Parameters<Reporter["report"]>[0]): Promise<void> {
    try {
      await reporter.report(write);
    } catch (error) {
      log("debug", "event.lost", { name: write.name, error: messageOf(error) });
    }
  }

  function take(uid: string, now: Millis): boolean {
    const bucket = tokens.get(uid) ?? { left: eventBurstCount, at: now };
    const refilled = Math.floor((now - bucket.at) / eventRefillMs);
    const left = Math.min(eventBurstCount, bucket.left + refilled);
    trim(tokens);
    tokens.set(uid, {
      left: Math.max(0, left - 1),
      at: refilled > 0 || !tokens.has(uid) ? now : bucket.at,
    });
    return left > 0;
  }
}

/** Forgets the oldest when there are too many. */
function trim(map: Map<string, unknown>): void {
  if (map.size < eventKeysMaxCount) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}

function eventObject(node: string, about: KubeObject, event: NodeEvent, entry: Known): Draft {
  const at = formatTime(entry.lastAt);
  const { uid, name, namespace, resourceVersion } = about.metadata;
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: entry.name, namespace: entry.namespace },
    involvedObject: {
      kind: about.kind,
      apiVersion: about.apiVersion,
      name,
      uid,
      ...(namespace === undefined ? {} : { namespace }),
      ...(resourceVersion === "" ? {} : { resourceVersion }),
      ...(event.fieldPath === undefined ? {} : { fieldPath: event.fieldPath }),
    },
    type: event.type,
    reason: event.reason,
    message: event.message,
    source: { component: "kubelet", host: node },
    reportingComponent: "kubelet",
    reportingInstance: node,
    firstTimestamp: at,
    lastTimestamp: at,
    count: 1,
  };
}

/** How an Event names one container of a pod. */
export function containerPath(pod: Pod, name: string): string {
  if ((pod.spec.initContainers ?? []).some((each) => each.name === name)) {
    return `spec.initContainers{${name}}`;
  }
  return (pod.spec.ephemeralContainers ?? []).some((each) => each.name === name)
    ? `spec.ephemeralContainers{${name}}`
    : `spec.containers{${name}}`;
}
