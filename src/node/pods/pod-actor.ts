import { chartOf, type Chart } from "../../actors/runtime/chart.ts";
import { assign, createActor, fromPromise, raise, setup } from "xstate";
import type { Clock, Log } from "../../env/env.ts";
import { asError, InvariantError, messageOf } from "../../util/errors.ts";
import type { Millis } from "../../util/time.ts";
import { stepPendingMaxMs, stepRetryFirstMs, stepRetryMaxMs } from "./limits.ts";
import { passMail } from "../../env/faulty-mail.ts";
import type { PodWorker, Stage, StepResult } from "./pod-worker.ts";
import { newsFault, type PodSeam } from "./seam.ts";

/**
 * One pod's live actor: two regions. `stage` names how far the pod is. `work` either rests until
 * something happens or its time comes, or does exactly one step; news that come during a step are
 * kept and looked at right after it, so no two steps of a pod ever overlap.
 */
const stages = [
  "idle",
  "volumes",
  "sandbox",
  "init",
  "running",
  "ended",
  "terminating",
  "gone",
] as const satisfies readonly Stage[];

export interface PodContext {
  readonly worker: PodWorker;
  /** News came during the step. */
  readonly again: boolean;
  readonly wakeAfterMs: Millis;
  readonly failures: number;
  readonly lastError: string | undefined;
}

export type PodEvent = { readonly type: "changed" } | { readonly type: "reached"; readonly stage: Stage };

const definition = setup({
  types: {
    context: {} as PodContext,
    events: {} as PodEvent,
    input: {} as PodWorker,
  },
  actors: {
    step: fromPromise<StepResult, PodWorker>(async ({ input, signal }) => input.step(signal)),
  },
  actions: {
    keepNews: assign({ again: true }),
    begin: assign({ again: false }),
    fail: assign({
      failures: ({ context }) => context.failures + 1,
      wakeAfterMs: ({ context }) => Math.min(stepRetryFirstMs * 2 ** context.failures, stepRetryMaxMs),
      lastError: (_, params: { readonly error: unknown }) => messageOf(params.error),
    }),
    crash: (_, params: { readonly error: unknown }) => {
      throw params.error;
    },
    settle: assign({
      failures: 0,
      lastError: undefined,
      wakeAfterMs: (_, params: StepResult) => params.wakeAfterMs,
    }),
  },
  guards: {
    isBug: (_, params: { readonly error: unknown }) => isBug(params.error),
    isDue: ({ context }) => context.again || context.wakeAfterMs === 0,
  },
  delays: { wake: ({ context }) => context.wakeAfterMs },
});

const machine = definition.createMachine({
  id: "pod",
  context: ({ input }) => ({
    worker: input,
    again: false,
    wakeAfterMs: 0,
    failures: 0,
    lastError: undefined,
  }),
  type: "parallel",
  states: {
    stage: {
      initial: "idle",
      states: {
        idle: {},
        volumes: {},
        sandbox: {},
        init: {},
        running: {},
        ended: {},
        terminating: {},
        gone: { type: "final" },
      },
      on: {
        reached: stages.map((stage) => ({
          guard: ({ event }) => event.stage === stage,
          target: `.${stage}` as const,
        })),
      },
    },
    work: {
      initial: "acting",
      states: {
        acting: {
          entry: "begin",
          on: { changed: { actions: "keepNews" } },
          invoke: {
            src: "step",
            input: ({ context }) => context.worker,
            onDone: {
              target: "deciding",
              actions: [
                { type: "settle", params: ({ event }) => event.output },
                raise(({ event }) => ({ type: "reached" as const, stage: event.output.stage })),
              ],
            },
            onError: [
              {
                // What it keeps in memory is in doubt: a new worker looks at the runtime afresh.
                guard: { type: "isBug", params: ({ event }) => ({ error: event.error }) },
                actions: { type: "crash", params: ({ event }) => ({ error: event.error }) },
              },
              {
                guard: ({ context }) => context.again,
                target: "acting",
                reenter: true,
                actions: { type: "fail", params: ({ event }) => ({ error: event.error }) },
              },
              {
                target: "resting",
                actions: { type: "fail", params: ({ event }) => ({ error: event.error }) },
              },
            ],
          },
        },
        deciding: {
          on: {
            reached: [
              { guard: ({ event }) => event.stage === "gone", target: "over" },
              { guard: "isDue", target: "acting" },
              { target: "resting" },
            ],
          },
        },
        resting: { on: { changed: "acting" }, after: { wake: "acting" } },
        over: { type: "final" },
      },
    },
  },
});

/** The machine as data. */
export function podChart(): Chart {
  return chartOf(machine, "node-pod");
}

export interface PodActor {
  readonly worker: PodWorker;
  /** `running`, `terminating` … */
  readonly stage: Stage;
  readonly lastError: string | undefined;
  readonly failures: number;
  /** Something about the pod may have changed. */
  changed(): void;
  stop(): void;
}

export function createPodActor(
  worker: PodWorker,
  ports: PodSeam & { readonly log: Log },
  hooks: {
    /** What it shows of itself may have changed. */
    readonly moved: () => void;
    readonly gone: () => void;
    readonly failed: (error: Error) => void;
  },
): PodActor {
  const ref = createActor(machine, { input: worker, clock: xstateClock(ports.clock, stepPendingMaxMs) });
  const fields = { pod: worker.pod.metadata.uid };
  ref.subscribe({
    next: (snapshot) => {
      hooks.moved();
      if (snapshot.status === "done") hooks.gone();
    },
    error: (error: unknown) => {
      ports.log("error", "pod.actor.failed", { ...fields, error: messageOf(error) });
      worker.stop();
      hooks.failed(asError(error));
    },
  });
  const tell = (): void => {
    if (ref.getSnapshot().status === "active") ref.send({ type: "changed" });
  };
  ref.start();
  return {
    worker,
    get stage(): Stage {
      return ref.getSnapshot().value.stage;
    },
    get lastError(): string | undefined {
      return ref.getSnapshot().context.lastError;
    },
    get failures(): number {
      return ref.getSnapshot().context.failures;
    },
    changed() {
      passMail(newsFault(ports, worker.pod), ports.clock, tell);
    },
    stop: () => {
      ref.stop();
      worker.stop();
    },
  };
}

/** A mistake of the program's own; everything else is the world's, and is tried again. */
function isBug(error: unknown): boolean {
  return [InvariantError, TypeError, RangeError, ReferenceError].some((kind) => error instanceof kind);
}

/**
 * XState's timers on the injected clock. Daemons, since looking again and probing never end; but a
 * wait of at most `pendingMaxMs` is work under way, which keeps a virtual cluster from being settled.
 */
export function xstateClock(
  clock: Clock,
  pendingMaxMs: Millis = 0,
): {
  setTimeout(run: () => void, delayMs: number): unknown;
  clearTimeout(timer: unknown): void;
} {
  return {
    setTimeout: (run, delayMs) => clock.after(delayMs, run, { daemon: delayMs > pendingMaxMs }),
    clearTimeout: (timer) => {
      (timer as { cancel(): void } | undefined)?.cancel();
    },
  };
}
