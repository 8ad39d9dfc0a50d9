import type { Env } from "../../../../src/env/env.ts";
import { createRaft } from "../../../../src/raft/driver.ts";
import type { Raft, RaftOptions, StateMachine } from "../../../../src/raft/driver.ts";
import type { LogEntry, LogListener } from "../../../../src/raft/log-api.ts";

/** A state machine that is the list of what was said to it; its digest is the list's length. */
export class WordList implements StateMachine, LogListener {
  words: string[] = [];
  entries: string[] = [];
  roles: string[] = [];
  restoredAt = 0;
  index = 0;
  openSnapshots = 0;
  /** Called with each word as it is applied. */
  onWord: (word: string) => void = () => undefined;

  committed(entries: readonly LogEntry[]): void {
    for (const { index, term, kind, payload } of entries) {
      if (index !== this.index + 1) throw new Error(`entry ${index} after ${this.index}`);
      this.index = index;
      this.entries.push(`${index}@${term} ${kind}`);
      if (kind !== "normal") continue;
      this.words.push(new TextDecoder().decode(payload));
      this.onWord(this.words.at(-1) as string);
    }
  }

  role(role: string, term: number): void {
    this.roles.push(`${role}@${term}`);
  }

  async restore(meta: { index: number }, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let text = "";
    for await (const chunk of chunks) text += new TextDecoder().decode(chunk);
    this.words = text === "" ? [] : text.split("\n");
    this.index = meta.index;
    this.restoredAt = meta.index;
  }

  snapshot(): ReturnType<StateMachine["snapshot"]> {
    const words = [...this.words];
    this.openSnapshots += 1;
    return {
      close: () => (this.openSnapshots -= 1),
      index: this.index,
      digest: { a: words.length, b: 0 },
      chunks: (async function* () {
        for (let at = 0; at < words.length; at += 3) {
          const text = words.slice(at, at + 3).join("\n");
          yield new TextEncoder().encode(at === 0 ? text : `\n${text}`);
        }
      })(),
    };
  }
}

export interface TestRaft {
  readonly raft: Raft;
  readonly list: WordList;
  readonly fatal: Error[];
}

export function newRaft(env: Env, options?: Partial<RaftOptions>): TestRaft {
  const list = new WordList();
  const fatal: Error[] = [];
  const raft = createRaft({
    env,
    listener: list,
    stateMachine: list,
    onFatal: (error) => fatal.push(error),
    segmentBytes: 16_384,
    ...options,
  });
  return { raft, list, fatal };
}

export function say(raft: Raft, word: string): number {
  return raft.propose(new TextEncoder().encode(word));
}
