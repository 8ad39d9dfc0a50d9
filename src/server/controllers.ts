/** The controllers of a master with the facts that they need. */
import type { Controller } from "../actors/runtime/controller.ts";
import type { NodeTable } from "../api/link/nodes.ts";
import type { Clock } from "../env/env.ts";

export interface ControllerFacts {
  readonly clock: Clock;
  readonly nodes: NodeTable;
  readonly podCidr: string;
  /** Where the masters answer: the endpoints of Service `kubernetes`. */
  readonly masters: readonly { readonly address: string; readonly port: number }[];
  /** Address of Service `kubernetes`. */
  readonly serviceAddress: string;
  /** PEM of the serving authority: what pods trust. */
  readonly authority: string;
}

export function masterControllers(_facts: ControllerFacts): readonly Controller[] {
  return [];
}
