import { createRaft } from "../../raft/driver.ts";
import type { StateMachine } from "../../raft/driver.ts";
import type { LogEntry, LogListener } from "../../raft/log-api.ts";
import type { Raft } from "../../raft/raft-api.ts";
import type { CallMessage, PeerMessage } from "../../raft/transport-api.ts";
import { textOf, utf8 } from "../../util/bytes.ts";
import type { Process, ProcessStart } from "../cluster/process.ts";

/**
 * The smallest state worth replicating, behind a log of its own: rows, and a running digest over
 * everything that was ever applied.
 */
export interface Operation {
  readonly id: number;
  readonly key: string;
  readonly value: string;
}

interface Saved {
  readonly revision: number;
  readonly digest: number;
  readonly rows: readonly (readonly [string, string])[];
}

export class Machine implements Process, StateMachine, LogListener {
  readonly raft: Raft;
  readonly #start: ProcessStart;
  readonly #hash: (payload: Uint8Array) => number;
  #waiting: { readonly index: number; readonly run: () => void }[] = [];
  rows: Map<string, string> = new Map();
  revision = 0;
  digest = 0;
  applied = 0;

  constructor(start: ProcessStart) {
    const { env, id, voters, send, onFatal, constants } = start;
    this.#start = start;
    this.#hash = (payload) => env.crypto.crc32(payload);
    this.raft = createRaft({
      env,
      listener: this,
      stateMachine: this,
      birth: { clusterId: "simulated", memberId: id, voters },
      transport: { send },
      onFatal,
      ...constants.log,
    });
  }

  start(): Promise<void> {
    return this.raft.start();
  }

  receive(from: number, message: PeerMessage): void {
    this.raft.receive(from, message);
  }

  call(_from: number, _message: CallMessage): void {}

  link(peer: number, isUp: boolean): void {
    this.raft.link(peer, isUp);
  }

  died(): void {}

  committed(entries: readonly LogEntry[]): void {
    this.#start.onCommitted(entries, this);
    for (const entry of entries) {
      this.applied = entry.index;
      this.digest = mixDigest(this.digest, entry.index, this.#hash(entry.payload));
      if (entry.kind !== "normal") continue;
      const { key, value } = JSON.parse(textOf(entry.payload)) as Operation;
      this.rows.set(key, value);
      this.revision += 1;
    }
    this.#wake();
  }

  role(role: string, term: number): void {
    this.#start.onRole(role, term);
  }

  /** Runs at once, or once the entry at `index` is applied. */
  whenApplied(index: number, run: () => void): void {
    if (this.applied >= index) run();
    else this.#waiting.push({ index, run });
  }

  async restore(meta: { readonly index: number }, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let text = "";
    for await (const chunk of chunks) text += textOf(chunk);
    const saved = JSON.parse(text) as Saved;
    this.rows = new Map(saved.rows);
    this.revision = saved.revision;
    this.digest = saved.digest;
    this.applied = meta.index;
    this.#start.onRestored(this);
    this.#wake();
  }

  snapshot(): ReturnType<StateMachine["snapshot"]> {
    const saved: Saved = { revision: this.revision, digest: this.digest, rows: [...this.rows] };
    const bytes = utf8(JSON.stringify(saved));
    return { index: this.applied, digest: { a: this.digest >>> 0, b: 0 }, chunks: inPieces(bytes) };
  }

  #wake(): void {
    const ready = this.#waiting.filter(({ index }) => index <= this.applied);
    if (ready.length === 0) return;
    this.#waiting = this.#waiting.filter(({ index }) => index > this.applied);
    for (const { run } of ready) run();
  }
}

async function* inPieces(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 300) yield bytes.subarray(at, at + 300);
}

function mixDigest(digest: number, index: number, hash: number): number {
  return Math.imul(digest ^ hash, 0x01000193) ^ Math.imul(index, 0x9e3779b1);
}
