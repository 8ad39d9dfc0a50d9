import type { Millis } from "../../util/time.ts";

/** What a simulated container does. The same script is asked for each attempt. */
export interface SimulatedScript {
  /** From the start call until it runs. */
  readonly startMs?: Millis;
  /** Ends by itself. Absent: runs until it is stopped. */
  readonly exit?: { readonly afterMs: Millis; readonly exitCode: number; readonly reason?: string };
  /** Refuses to start, with this text. */
  readonly startError?: string;
  /** Probes fail until then, counted from its start. */
  readonly readyAfterMs?: Millis;
  /** Overrides what a probe of this kind answers. */
  readonly probe?: (probe: "startup" | "liveness" | "readiness", runningMs: Millis) => boolean;
  /** From the stop signal until it has ended; more than the grace: it is killed (137). */
  readonly stopMs?: Millis;
  readonly stopExitCode?: number;
  /** Lines that its log holds beside the first. */
  readonly log?: readonly string[];
  readonly exec?: (command: readonly string[]) => { readonly stdout: string; readonly exitCode: number };
}

export interface SimulatedSubject {
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly container: string;
  readonly image: string;
  readonly attempt: number;
}

export type ScriptOf = (subject: SimulatedSubject) => SimulatedScript;

const prefix = "simulated.troupe.dev/";
/** Of a pod that says nothing. */
const silent: SimulatedScript = {};

/**
 * The script of a pod that says nothing else: by its annotations `start-ms`, `ready-after-ms`,
 * `exit-after-ms`, `exit-code`, `stop-ms` under `simulated.troupe.dev/`.
 */
export const scriptOfAnnotations: ScriptOf = ({ annotations }) => {
  if (!Object.keys(annotations).some((name) => name.startsWith(prefix))) return silent;
  const number = (name: string): number | undefined => {
    const value = Number(annotations[prefix + name] ?? NaN);
    return Number.isFinite(value) && value >= 0 ? value : undefined;
  };
  const [startMs, readyAfterMs, stopMs] = [number("start-ms"), number("ready-after-ms"), number("stop-ms")];
  const afterMs = number("exit-after-ms");
  return {
    ...(startMs === undefined ? {} : { startMs }),
    ...(readyAfterMs === undefined ? {} : { readyAfterMs }),
    ...(stopMs === undefined ? {} : { stopMs }),
    ...(afterMs === undefined ? {} : { exit: { afterMs, exitCode: number("exit-code") ?? 0 } }),
  };
};
