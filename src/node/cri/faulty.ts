import type { Clock } from "../../env/env.ts";
import type { FaultPort, SeamPoint } from "../../env/faults.ts";
import type { Millis } from "../../util/time.ts";
import { podNameLabel, podNamespaceLabel } from "../pods/config.ts";
import { CriError, type Cri, type Labels } from "./cri.ts";

/**
 * A node's runtime behind the seam `cri`: each call passes at `/node/<node>/cri/<method>`, for the pod
 * that it is about. A crash is the agent's, at this very call: before it takes effect or behind it.
 * What a dead agent still calls is never answered.
 */
export interface FaultyCriOptions<Runtime extends Cri> {
  readonly runtime: Runtime;
  readonly node: string;
  readonly clock: Clock;
  readonly faults: FaultPort;
  readonly crash: () => void;
  readonly isAlive: () => boolean;
  /** Asked at each crash: whether the call takes effect before the agent dies. */
  readonly isBehind: () => boolean;
}

/** What the real client gives a call. */
const callMsMax: Millis = 120_000;
/** Containers and sandboxes of which it is remembered whose they are. */
const subjectsMax = 10_000;

/** Methods of the runtime itself; what else an implementation has is its own affair. */
const calls: ReadonlySet<string> = new Set([
  "version",
  "status",
  "configuration",
  "runPodSandbox",
  "stopPodSandbox",
  "removePodSandbox",
  "podSandboxStatus",
  "listPodSandboxes",
  "createContainer",
  "startContainer",
  "stopContainer",
  "removeContainer",
  "containerStatus",
  "listContainers",
  "updateContainerResources",
  "reopenContainerLog",
  "execSync",
  "exec",
  "attach",
  "portForward",
  "containerStats",
  "listContainerStats",
  "listImages",
  "imageStatus",
  "pullImage",
  "removeImage",
  "imageFilesystems",
]);

type Call = (...args: readonly unknown[]) => Promise<unknown>;
type Listed = { readonly id?: string; readonly labels?: Labels };
type Subject = Pick<SeamPoint, "about" | "labels">;

export function createFaultyCri<Runtime extends Cri>(options: FaultyCriOptions<Runtime>): Runtime {
  const { runtime, node, clock, faults, crash, isAlive, isBehind } = options;
  const subjects = new Subjects();
  const never = (): Promise<never> => new Promise(() => {});
  const wait = (ms: Millis): Promise<void> => new Promise((resolve) => void clock.after(ms, resolve));

  const pass = async (method: string, call: Call, args: readonly unknown[]): Promise<unknown> => {
    if (!isAlive()) return never();
    const subject = subjects.of(args);
    const fault = faults.at({ seam: "cri", path: `/node/${node}/cri/${method}`, ...subject });
    switch (fault.kind) {
      case "crash":
        if (isBehind()) await call(...args);
        crash();
        return never();
      case "hang":
        await wait(callMsMax);
        throw new CriError("timeout", method, "the runtime did not answer in time");
      case "delay":
        await wait(fault.ms);
        break;
      case "error":
        throw new CriError("failed", method, fault.message);
      case "drop":
        // It happened, and nobody hears of it.
        await call(...args);
        throw new CriError("unavailable", method, "the connection broke");
      default:
    }
    const answer = await call(...args);
    if (subject !== undefined && typeof answer === "string") subjects.remember(answer, subject);
    if (faults.enabled && Array.isArray(answer)) subjects.learn(answer as readonly Listed[]);
    return isAlive() ? answer : never();
  };

  return new Proxy(runtime, {
    get(target, name, receiver): unknown {
      // A listing that is left out cannot fail.
      if (name === "changes") return () => (faults.enabled ? undefined : runtime.changes?.());
      const value: unknown = Reflect.get(target, name, receiver);
      if (typeof value !== "function" || typeof name !== "string" || !calls.has(name)) return value;
      return (...args: readonly unknown[]) => pass(name, value as Call, args);
    },
  });
}

/** Whose a call is: what makes something says it, and its id stands for it from then on. */
class Subjects {
  readonly #byId = new Map<string, Subject>();

  of(args: readonly unknown[]): Subject | undefined {
    for (const arg of args) {
      if (typeof arg === "string") {
        const known = this.#byId.get(arg);
        if (known !== undefined) return known;
        continue;
      }
      const labels = (arg as { readonly labels?: Labels } | undefined)?.labels;
      const name = labels?.[podNameLabel];
      if (labels !== undefined && name !== undefined) {
        return { labels, about: { kind: "pods", ns: labels[podNamespaceLabel] ?? "", name } };
      }
    }
    return undefined;
  }

  /** From a listing: an agent that has just begun knows what runs. */
  learn(items: readonly Listed[]): void {
    for (const item of items) {
      const subject = item.id === undefined || this.#byId.has(item.id) ? undefined : this.of([item]);
      if (item.id !== undefined && subject !== undefined) this.remember(item.id, subject);
    }
  }

  remember(id: string, subject: Subject): void {
    this.#byId.set(id, subject);
    if (this.#byId.size <= subjectsMax) return;
    const oldest = this.#byId.keys().next().value;
    if (oldest !== undefined) this.#byId.delete(oldest);
  }
}
