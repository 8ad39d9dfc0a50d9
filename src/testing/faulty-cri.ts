import type { Clock } from "../env/env.ts";
import type { FaultPort } from "../env/faults.ts";
import { CriError } from "../node/cri/cri.ts";
import type { SimulatedRuntime } from "../node/simulated/runtime.ts";
import type { Millis } from "../util/time.ts";

/**
 * A node's runtime behind the seam `cri`: each call passes at `/node/<node>/cri/<method>`. A crash is
 * the agent's, at this very call: before it takes effect or behind it. What a dead agent
 * still calls is never answered.
 */
export interface FaultyCriOptions {
  readonly runtime: SimulatedRuntime;
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

/** Calls that look at the runtime alone, without a promise. */
const plain: ReadonlySet<string> = new Set(["onEnd", "scriptOf", "runningMs", "exit", "records", "close"]);

type Call = (...args: readonly unknown[]) => Promise<unknown>;

export function createFaultyCri(options: FaultyCriOptions): SimulatedRuntime {
  const { runtime, node, clock, faults, crash, isAlive, isBehind } = options;
  const never = (): Promise<never> => new Promise(() => {});
  const wait = (ms: Millis): Promise<void> => new Promise((resolve) => void clock.after(ms, resolve));

  const pass = async (method: string, call: Call, args: readonly unknown[]): Promise<unknown> => {
    if (!isAlive()) return never();
    const fault = faults.at({ seam: "cri", path: `/node/${node}/cri/${method}` });
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
    return isAlive() ? answer : never();
  };

  return new Proxy(runtime, {
    get(target, name, receiver): unknown {
      // A listing that is left out cannot fail.
      if (name === "changes") return () => (faults.enabled ? undefined : runtime.changes?.());
      const value: unknown = Reflect.get(target, name, receiver);
      if (typeof value !== "function" || typeof name !== "string" || plain.has(name)) return value;
      return (...args: readonly unknown[]) => pass(name, value as Call, args);
    },
  });
}
