// The naive store: one whole map of rows for every revision that ever was. What the real one, with
// its chains, watermarks, slabs and rings, must not be distinguishable from.
import type { Outcome, SystemWrite } from "../../../src/store/outcome.ts";
import type { Op } from "./kit.ts";

export interface ModelRow {
  readonly kind: string;
  readonly key: string;
  readonly revision: number;
  readonly createRevision: number;
  readonly spec: string;
  readonly node: string | undefined;
}

export interface ModelEvent {
  readonly kind: string;
  readonly revision: number;
  readonly end: number;
  readonly text: string;
}

type Rows = ReadonlyMap<string, ModelRow>;
type System = ReadonlyMap<string, string>;

interface Moment {
  readonly rows: Rows;
  readonly event: ModelEvent | undefined;
}

interface Transaction {
  readonly outcome: Outcome;
  readonly end: number;
  readonly system: System;
}

export class Model {
  /** Index = revision; those above `revision` are staged. */
  readonly #moments: Moment[] = [{ rows: new Map(), event: undefined }];
  readonly #staged: Transaction[] = [];
  readonly committed: Transaction[] = [];
  readonly floors: Map<string, number> = new Map<string, number>();
  revision: number = 0;

  get tipRevision(): number {
    return this.#moments.length - 1;
  }

  get stagedCount(): number {
    return this.#staged.length;
  }

  stage(ops: readonly Op[], outcome: Outcome): void {
    const end = this.tipRevision + ops.length;
    for (const op of ops) this.#write(op, end);
    const system = new Map(this.system("tip"));
    for (const write of outcome.system) setSystem(system, write);
    this.#staged.push({ outcome, end, system });
  }

  commit(): Outcome {
    const transaction = this.#staged.shift() as Transaction;
    this.committed.push(transaction);
    this.revision = transaction.end;
    return transaction.outcome;
  }

  rollback(): void {
    this.#staged.length = 0;
    this.#moments.length = this.revision + 1;
  }

  exists(kind: string, key: string): boolean {
    return this.#moments.at(-1)?.rows.has(`${kind} ${key}`) === true;
  }

  rows(kind: string, revision: number): readonly ModelRow[] {
    const rows = [...(this.#moments[revision] as Moment).rows.values()];
    return rows.filter((row) => row.kind === kind).sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  }

  rowCount(revision: number): number {
    return (this.#moments[revision] as Moment).rows.size;
  }

  /** Events of the kind in (from, to]. */
  events(kind: string, from: number, to: number): readonly ModelEvent[] {
    return this.#moments
      .slice(from + 1, to + 1)
      .flatMap(({ event }) => (event === undefined || event.kind !== kind ? [] : [event]));
  }

  system(at: "tip" | number): System {
    const transactions = at === "tip" ? [...this.committed, ...this.#staged] : this.committed.slice(0, at);
    return transactions.at(-1)?.system ?? new Map<string, string>();
  }

  floor(kind: string): number {
    return this.floors.get(kind) ?? 0;
  }

  #write(op: Op, end: number): void {
    const revision = this.#moments.length;
    const rows = new Map(this.#moments.at(-1)?.rows);
    const key = `${op.namespace}/${op.name}`;
    const place = `${op.kind} ${key}`;
    const previous = rows.get(place);
    const before = previous === undefined ? "" : `<${previous.revision}`;
    const sign = previous === undefined ? "+" : op.op === "delete" ? "-" : "~";
    if (op.op === "delete") rows.delete(place);
    else {
      const createRevision = previous?.createRevision ?? revision;
      const node = op.spec?.["node"] as string | undefined;
      const spec = JSON.stringify(op.spec ?? {});
      rows.set(place, { kind: op.kind, key, revision, createRevision, spec, node });
    }
    const text = `${sign}${op.name}@${revision}${before}`;
    this.#moments.push({ rows, event: { kind: op.kind, revision, end, text } });
  }
}

function setSystem(system: Map<string, string>, { table, key, value }: SystemWrite): void {
  if (value === undefined) system.delete(`${table} ${key}`);
  else system.set(`${table} ${key}`, value);
}
