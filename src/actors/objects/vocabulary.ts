import type { ActorEvent, MachineNote, OutgoingMessage, OwnWrite } from "../runtime/machine.ts";

/**
 * The action vocabulary of replicated machines: `setup({ actions: effectActions })`. The functions
 * are never run; the evaluator takes type and params as data.
 */
export const effectActions: {
  write: (_: unknown, params: OwnWrite) => void;
  timer: (_: unknown, params: { id: string; delayMs: number; event: ActorEvent }) => void;
  cancelTimer: (_: unknown, params: { id: string }) => void;
  message: (_: unknown, params: OutgoingMessage) => void;
  note: (_: unknown, params: MachineNote) => void;
} = {
  write: () => {},
  timer: () => {},
  cancelTimer: () => {},
  message: () => {},
  note: () => {},
};

/** Options of every replicated machine: an endless loop of `always` or `raise` ends as a fault. */
export const machineOptions: { maxIterations: number } = { maxIterations: 100 };
