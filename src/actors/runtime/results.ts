import { actors } from "../../kinds/actor.ts";
import type { CommandId, Outcome, SystemWrite } from "../../store/outcome.ts";
import type { TipStore } from "../../store/store-api.ts";
import type { RowRef } from "../../store/view.ts";
import { outcomeUnknown } from "./replies.ts";
import type { WriteReply, WriteRequest } from "./command.ts";
import type { CommandOrigin } from "./job.ts";
import { invariant, type StatusError } from "../../util/errors.ts";

/**
 * What commands came to, by id: {code, revision} and the row's place, never bodies. A command that
 * is handed in again finds its result here instead of happening twice. Rows go once their origin
 * has acknowledged them (`resultsUpTo`), or has started anew.
 */
export interface Results {
  /** A term begins: which rows exist. */
  start(): void;
  get(command: CommandOrigin): StoredResult | undefined;
  /** Rows that the outcome of this command writes: its result, and acknowledged ones removed. */
  rows(command: CommandId, request: WriteRequest, reply: WriteReply): readonly SystemWrite[];
  /** The answer to a command whose result is known; the body is that of its revision. */
  replyOf(result: StoredResult): WriteReply | StatusError;
  /** The answer to an own command whose outcome was applied just now; what is written later does not change it. */
  replyFor(request: WriteRequest, outcome: Outcome): () => WriteReply;
}

export interface StoredResult {
  readonly code: number;
  readonly revision: number;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Of a transaction: the result of each operation. */
  readonly parts?: readonly StoredResult[];
}

const table = "result";
const digits = 16;

type ResultsStore = Pick<TipStore, "system" | "systemRows" | "tip" | "revision" | "at" | "floor">;

export function createResults(store: ResultsStore): Results {
  /** Of each member: the keys of its rows at the tip, in the order in which they may go. */
  const keys = new Map<string, string[]>();
  const keysOf = (member: string): string[] => {
    let known = keys.get(member);
    if (known === undefined) keys.set(member, (known = []));
    return known;
  };
  /** The object as the command left it; undefined: it has none, or the history does not reach back. */
  const rowAt = ({ kind, namespace, name, revision }: StoredResult): RowRef | undefined => {
    // What has no rows was answered without a body.
    if (kind === actors.id || revision < store.floor(kind)) return undefined;
    if (revision <= store.revision) return store.at(revision).get(kind, namespace, name);
    const row = store.tip.get(kind, namespace, name);
    return row?.revision === revision ? row : undefined;
  };
  const bodyOf = (result: StoredResult): (() => WriteReply) => {
    const { code, revision, parts } = result;
    const reply: WriteReply = { code, revision, warnings: [] };
    if (parts !== undefined) {
      const bodies = parts.map(bodyOf);
      return () => ({ ...reply, parts: bodies.map((body) => body()) });
    }
    const row = rowAt(result);
    return () => (row === undefined ? reply : { ...reply, object: row.object() });
  };
  return {
    start() {
      keys.clear();
      for (const [key] of store.systemRows(table)) keysOf(key.slice(0, key.indexOf("/"))).push(key);
      for (const known of keys.values()) known.sort(byAge);
    },
    get(command) {
      const value = store.system(table, keyOf(command));
      return value === undefined ? undefined : (JSON.parse(value) as StoredResult);
    },
    rows(command, request, reply) {
      const { member, incarnation, sequence, resultsUpTo } = command;
      const prefix = prefixOf(member, incarnation);
      const limit = prefix + numberText(resultsUpTo);
      const known = keysOf(String(member));
      const writes: SystemWrite[] = [];
      let done = 0;
      for (; done < known.length; done += 1) {
        const old = known[done]!;
        if (old > limit && old.startsWith(prefix)) break;
        writes.push({ table, key: old });
      }
      if (done > 0) known.splice(0, done);
      const key = prefix + numberText(sequence);
      known.push(key);
      writes.push({ table, key, value: JSON.stringify(resultOf(request, reply)) });
      return writes;
    },
    replyOf(result) {
      return result.code >= 200 && result.code < 300 ? bodyOf(result)() : outcomeUnknown();
    },
    replyFor(request, outcome) {
      const { code, revision } = outcome.reply;
      if (request.operations !== undefined) {
        const kept = outcome.system.find((row) => row.table === table && row.value !== undefined);
        invariant(kept?.value !== undefined, "a transaction's outcome holds its result");
        return bodyOf(JSON.parse(kept.value) as StoredResult);
      }
      const write = outcome.writes.find(({ kind }) => kind === request.kind);
      const { kind, namespace } = request;
      const name = write?.name ?? request.name;
      return bodyOf({ code, revision, kind, namespace, name });
    },
  };
}

function keyOf({ member, incarnation, sequence }: CommandOrigin): string {
  return prefixOf(member, incarnation) + numberText(sequence);
}

function prefixOf(member: number, incarnation: number): string {
  return `${member}/${incarnation}/`;
}

const zeros = "0".repeat(digits);

/** Sixteen digits, so that texts stand in the order of their numbers. */
function numberText(value: number): string {
  const text = String(value);
  return zeros.slice(text.length) + text;
}

/** Older lives of a member first. */
function byAge(left: string, right: string): number {
  const [, a = "", atA = ""] = left.split("/");
  const [, b = "", atB = ""] = right.split("/");
  return Number(a) - Number(b) || (atA < atB ? -1 : 1);
}

function resultOf(request: WriteRequest, reply: WriteReply): StoredResult {
  const { operations, kind, namespace } = request;
  const { code, revision, parts } = reply;
  const name = reply.object?.metadata.name ?? request.name;
  if (operations === undefined || parts === undefined) return { code, revision, kind, namespace, name };
  const results = operations.map((operation, at) => resultOf(operation, parts[at] ?? reply));
  return { code, revision, kind, namespace, name, parts: results };
}
