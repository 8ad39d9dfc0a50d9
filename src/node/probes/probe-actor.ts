import { chartOf, type Chart } from "../../actors/runtime/chart.ts";
import { assign, createActor, setup } from "xstate";
import type { Clock, Log, Timer } from "../../env/env.ts";
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
 * One probe of one running container: `waiting`, then `probing` until the first answer, then `resting` between
 * answers that change something; or `held` once it has said what ends the container (a failed liveness or
 * startup probe waits for a new container). A result counts only after as many equal ones in a row as the
 * threshold says.
 *
 * An answer that says what is known already is no event: a full node hears thousands of them a minute.
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
  /** Its state may have changed. */
  readonly moved: () => void;
  /** The actor itself failed; it does nothing any more. */
  readonly failed: (error: Error) => void;
}

interface ProbeContext {
  readonly options: ProbeActorOptions;
  readonly pod: Pod;
  readonly last: "success" | "failure" | undefined;
  readonly inRow: number;
  /** Until the next try while it rests. */
  readonly rest: { timer: Timer | undefined };
}

/** Undefined: the prober itself failed, which says nothing about the container. */
type Answer = ProbeAnswer | undefined;

type ProbeEvent =
  | { readonly type: "pod"; readonly pod: Pod }
  | { readonly type: "answered"; readonly answer: ProbeAnswer }
  | { readonly type: "blank" };

/** Equal answers in a row, this one included. */
function inRowWith({ last, inRow }: ProbeContext, { kind }: ProbeAnswer): number {
  return kind === last ? inRow + 1 : 1;
}

/** It has counted as success before, and does so again. */
function isKnown(context: ProbeContext, { kind }: ProbeAnswer): boolean {
  const { last, inRow, options } = context;
  return kind === "success" && last === "success" && inRow >= thresholdOf(options.probe, "success");
}

/** Tries again and again, one rest behind each answer, until one is news. */
function rest(self: ProbeSelf): void {
  const { options, rest: resting } = self.getSnapshot().context;
  const periodMs = (options.probe.periodSeconds ?? 10) * 1_000;
  const timer = options.clock.after(
    periodMs,
    () => {
      const { context } = self.getSnapshot();
      void tryProbe(context).then((answer) => {
        if (resting.timer !== timer) return;
        if (answer === undefined || isKnown(self.getSnapshot().context, answer)) rest(self);
        else self.send({ type: "answered", answer });
      });
    },
    { daemon: true },
  );
  resting.timer = timer;
}

/** What every answer does, wherever it leads. */
const heard = [
  { type: "count", params: ({ event }: Answered) => event.answer },
  { type: "complain", params: ({ event }: Answered) => event.answer },
  "tell",
] as const;

interface Answered {
  readonly event: Extract<ProbeEvent, { readonly type: "answered" }>;
}

interface ProbeSelf {
  getSnapshot(): { readonly context: ProbeContext };
  send(event: ProbeEvent): void;
}

const machine = setup({
  types: {
    context: {} as ProbeContext,
    events: {} as ProbeEvent,
    input: {} as ProbeActorOptions,
  },
  actions: {
    begin: ({ context, self }) => {
      void tryProbe(context).then((answer) => {
        if (self.getSnapshot().status !== "active") return;
        self.send(answer === undefined ? { type: "blank" } : { type: "answered", answer });
      });
    },
    rest: ({ self }) => rest(self),
    wake: ({ context }) => {
      context.rest.timer?.cancel();
      context.rest.timer = undefined;
    },
    count: assign(({ context }, answer: ProbeAnswer) => ({ inRow: inRowWith(context, answer), last: answer.kind })),
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
    isLast: ({ context }, answer: ProbeAnswer) => {
      const { kind, probe } = context.options;
      if (inRowWith(context, answer) < thresholdOf(probe, answer.kind)) return false;
      return kind === "startup" || (kind === "liveness" && answer.kind === "failure");
    },
  },
  delays: { first: ({ context }) => context.options.delayMs },
}).createMachine({
  id: "probe",
  context: ({ input }) => ({ options: input, pod: input.pod, last: undefined, inRow: 0, rest: { timer: undefined } }),
  initial: "waiting",
  on: { pod: { actions: assign({ pod: ({ event }) => event.pod }) } },
  states: {
    waiting: { after: { first: "probing" } },
    probing: {
      entry: "begin",
      on: {
        answered: [
          {
            guard: { type: "isLast", params: ({ event }) => event.answer },
            target: "held",
            actions: heard,
          },
          {
            target: "resting",
            actions: heard,
          },
        ],
        blank: "resting",
      },
    },
    resting: {
      entry: "rest",
      exit: "wake",
      on: {
        answered: [
          {
            guard: { type: "isLast", params: ({ event }) => event.answer },
            target: "held",
            actions: heard,
          },
          {
            target: "resting",
            reenter: true,
            actions: heard,
          },
        ],
      },
    },
    held: {},
  },
});

/** The machine as data. */
export function probeChart(): Chart {
  return chartOf(machine, "probe");
}

export function createProbeActor(options: ProbeActorOptions): ProbeActor {
  const ref = createActor(machine, { input: options, clock: xstateClock(options.clock) });
  const resting: ProbeContext["rest"] = ref.getSnapshot().context.rest;
  const quiet = (): void => {
    resting.timer?.cancel();
    resting.timer = undefined;
  };
  ref.subscribe({
    next: () => options.moved(),
    error: (error: unknown) => {
      quiet();
      options.failed(asError(error));
    },
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
      quiet();
      ref.stop();
    },
  };
}

function thresholdOf(probe: Probe, result: "success" | "failure"): number {
  return result === "success" ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
}

async function tryProbe({ options, pod }: ProbeContext): Promise<Answer> {
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
