import { assign, createActor, fromPromise, setup } from "xstate";
import type { Clock, Log } from "../../env/env.ts";
import type { Container, Pod, Probe } from "../../kinds/generated/types.ts";
import type { Millis } from "../../util/time.ts";
import { xstateClock } from "../pods/pod-actor.ts";
import type { ProbeResult } from "../pods/model.ts";
import type { Semaphore } from "../pods/semaphore.ts";
import { proberTriesMaxCount } from "./limits.ts";
import type { Prober, ProbeAnswer } from "./prober.ts";
import type { ProbeKind } from "./probes.ts";
import { asError } from "../../util/errors.ts";

/**
 * One probe of one running container: `waiting → probing → resting → probing …`, or `held` once it
 * has said what ends the container (a failed liveness or startup probe waits for a new container).
 * A result counts only after as many equal ones in a row as the threshold says.
 */
export interface ProbeActor {
  readonly state: string;
  update(pod: Pod): void;
  stop(): void;
}

export interface ProbeActorOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly prober: Prober;
  readonly execSlots: Semaphore;
  readonly pod: Pod;
  readonly container: Container;
  readonly containerId: string;
  readonly kind: ProbeKind;
  readonly probe: Probe;
  /** Until the first try. */
  readonly delayMs: Millis;
  readonly onResult: (result: ProbeResult) => void;
  /** Text of the Unhealthy event. */
  readonly onFailure: (message: string) => void;
  /** The actor itself failed; it does nothing any more. */
  readonly failed: (error: Error) => void;
}

interface ProbeContext {
  readonly options: ProbeActorOptions;
  readonly pod: Pod;
  readonly last: "success" | "failure" | undefined;
  readonly inRow: number;
}

type Output = ProbeAnswer | undefined;

const machine = setup({
  types: {
    context: {} as ProbeContext,
    events: {} as { readonly type: "pod"; readonly pod: Pod },
    input: {} as ProbeActorOptions,
  },
  actors: {
    probe: fromPromise<Output, ProbeContext>(async ({ input }) => tryProbe(input)),
  },
  actions: {
    count: assign({
      inRow: ({ context }, { kind }: ProbeAnswer) => (kind === context.last ? context.inRow + 1 : 1),
      last: (_, { kind }: ProbeAnswer) => kind,
    }),
    tell: ({ context }) => {
      const { options, last, inRow } = context;
      if (last !== undefined && inRow >= thresholdOf(options.probe, last)) options.onResult(last);
    },
    complain: ({ context }, answer: ProbeAnswer) => {
      if (answer.kind === "success") return;
      const word = { startup: "Startup", liveness: "Liveness", readiness: "Readiness" };
      context.options.onFailure(`${word[context.options.kind]} probe failed: ${answer.message}`);
    },
  },
  guards: {
    isSpoken: ({ context }) => {
      const { kind, probe } = context.options;
      const { last, inRow } = context;
      if (last === undefined || inRow < thresholdOf(probe, last)) return false;
      return kind === "startup" || (kind === "liveness" && last === "failure");
    },
    hasAnswer: (_, answer: Output) => answer !== undefined,
  },
  delays: {
    first: ({ context }) => context.options.delayMs,
    period: ({ context }) => (context.options.probe.periodSeconds ?? 10) * 1_000,
  },
}).createMachine({
  id: "probe",
  context: ({ input }) => ({ options: input, pod: input.pod, last: undefined, inRow: 0 }),
  initial: "waiting",
  on: { pod: { actions: assign({ pod: ({ event }) => event.pod }) } },
  states: {
    waiting: { after: { first: "probing" } },
    probing: {
      invoke: {
        src: "probe",
        input: ({ context }) => context,
        onDone: [
          {
            guard: { type: "hasAnswer", params: ({ event }) => event.output },
            target: "judging",
            actions: [
              { type: "count", params: ({ event }) => event.output! },
              { type: "complain", params: ({ event }) => event.output! },
              "tell",
            ],
          },
          { target: "resting" },
        ],
        onError: "resting",
      },
    },
    judging: { always: [{ guard: "isSpoken", target: "held" }, { target: "resting" }] },
    resting: { after: { period: "probing" } },
    held: {},
  },
});

export function createProbeActor(options: ProbeActorOptions): ProbeActor {
  const ref = createActor(machine, { input: options, clock: xstateClock(options.clock) });
  ref.subscribe({
    error: (error: unknown) => options.failed(asError(error)),
  });
  ref.start();
  return {
    get state(): string {
      return ref.getSnapshot().value;
    },
    update(pod) {
      if (ref.getSnapshot().status === "active") ref.send({ type: "pod", pod });
    },
    stop: () => {
      ref.stop();
    },
  };
}

function thresholdOf(probe: Probe, result: "success" | "failure"): number {
  return result === "success" ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
}

/** Undefined: the prober itself failed, which says nothing about the container. */
async function tryProbe({ options, pod }: ProbeContext): Promise<Output> {
  const { container, containerId, execSlots, kind, log, prober, probe } = options;
  const call = { pod, container, containerId, probe };
  for (let attempt = 1; ; attempt += 1) {
    try {
      return probe.exec === undefined ? await prober.probe(call) : await execSlots.run(async () => prober.probe(call));
    } catch (error) {
      log("debug", "probe.error", { container: containerId, kind, error: String(error) });
      if (attempt === proberTriesMaxCount) return undefined;
    }
  }
}
