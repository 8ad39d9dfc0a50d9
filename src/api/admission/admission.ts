import type { Transaction, WriteRequest } from "../../actors/runtime/command.ts";
import type { Draft, Kind, KubeObject } from "../../kinds/kind.ts";

/**
 * One admission plugin a file. Plugins run inside the evaluation at the tip, after defaults and
 * before validation, in the catalogue's order; what they read cannot be stale. They may change the
 * draft, write side rows through the transaction, or refuse by throwing StatusError.
 */
export interface Admission {
  readonly name: string;
  readonly applies: (kind: Kind, request: WriteRequest) => boolean;
  readonly admit: (context: AdmissionContext) => void;
}

export interface AdmissionContext {
  readonly transaction: Transaction;
  readonly kind: Kind;
  readonly request: WriteRequest;
  /** The object about to be stored; absent for delete. Mutable. */
  readonly draft: Draft | undefined;
  /** The stored object; absent for create. */
  readonly old: KubeObject | undefined;
}
