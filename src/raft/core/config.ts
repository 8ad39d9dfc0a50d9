import { Reader, Writer } from "../../util/bytes.ts";
import { invariant } from "../../util/errors.ts";
import type { Config, MemberId } from "./types.ts";

/**
 * Who counts. A configuration holds from the moment its entry is in the log, committed or not; so
 * the configurations form a stack by index, and cutting the log pops it. While a joint change is
 * under way, a majority means one of the incoming and one of the outgoing voters.
 */
export interface ConfigAt {
  readonly index: number;
  readonly config: Config;
}

/** Without directory and removed ids a configuration has the first format's bytes. */
const PLAIN_VERSION = 1;
const FORMAT_VERSION = 2;

export function votersOnly(voters: readonly MemberId[]): Config {
  return {
    incoming: voters.toSorted((a, b) => a - b),
    outgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
    directory: [],
    removed: [],
  };
}

export function isJoint(config: Config): boolean {
  return config.outgoing.length > 0;
}

export class ConfigStack {
  readonly #stack: ConfigAt[];

  constructor(base: ConfigAt) {
    this.#stack = [base];
  }

  get current(): Config {
    return (this.#stack.at(-1) as ConfigAt).config;
  }

  /** The index of the entry that brought the current configuration. */
  get currentIndex(): number {
    return (this.#stack.at(-1) as ConfigAt).index;
  }

  /** The configurations that came in (after, upTo], oldest first. */
  between(after: number, upTo: number): readonly ConfigAt[] {
    return this.#stack.filter(({ index }) => index > after && index <= upTo);
  }

  /** A snapshot has taken the place of the log. */
  reset(base: ConfigAt): void {
    this.#stack.splice(0, this.#stack.length, base);
  }

  /** The configuration that held at `index`: what a snapshot of that index carries. */
  at(index: number): Config {
    const found = this.#stack.findLast((held) => held.index <= index);
    invariant(found !== undefined, "the configuration of a held index is known");
    return found.config;
  }

  push(held: ConfigAt): void {
    invariant(held.index > (this.#stack.at(-1) as ConfigAt).index, "configurations follow the log");
    this.#stack.push(held);
  }

  truncateFrom(index: number): void {
    while (this.#stack.length > 1 && (this.#stack.at(-1) as ConfigAt).index >= index) {
      this.#stack.pop();
    }
  }

  forget(index: number): void {
    while (this.#stack.length > 1 && (this.#stack[1] as ConfigAt).index <= index) {
      this.#stack.shift();
    }
  }
}

/** A configuration never changes, and is asked for its members with every entry. */
const voterLists: WeakMap<Config, readonly MemberId[]> = new WeakMap();
const memberLists: WeakMap<Config, readonly MemberId[]> = new WeakMap();

/** Every voter once, ascending. */
export function votersOf(config: Config): readonly MemberId[] {
  return listOf(voterLists, config, () => [...config.incoming, ...config.outgoing]);
}

export function membersOf(config: Config): readonly MemberId[] {
  const all = (): readonly MemberId[] => [...votersOf(config), ...config.learners, ...config.learnersNext];
  return listOf(memberLists, config, all);
}

function listOf(
  lists: WeakMap<Config, readonly MemberId[]>,
  config: Config,
  idsOf: () => readonly MemberId[],
): readonly MemberId[] {
  let list = lists.get(config);
  if (list === undefined) {
    list = [...new Set(idsOf())].toSorted((a, b) => a - b);
    lists.set(config, list);
  }
  return list;
}

export function isVoter(config: Config, id: MemberId): boolean {
  return config.incoming.includes(id) || config.outgoing.includes(id);
}

/** The highest value that a majority of each voter list has reached. */
export function quorumValue(config: Config, valueOf: (id: MemberId) => number): number {
  const incoming = majorityValue(config.incoming, valueOf);
  if (config.outgoing.length === 0) return incoming;
  return Math.min(incoming, majorityValue(config.outgoing, valueOf));
}

function majorityValue(ids: readonly MemberId[], valueOf: (id: MemberId) => number): number {
  // Asked with every answer of a follower, of few voters: looking at all for each is cheaper than to sort a copy.
  const needed = Math.floor(ids.length / 2) + 1;
  let highest = 0;
  for (const id of ids) {
    const value = valueOf(id);
    if (value <= highest) continue;
    let reached = 0;
    for (const other of ids) if (valueOf(other) >= value) reached += 1;
    if (reached >= needed) highest = value;
  }
  return highest;
}

export type VoteCount = "won" | "lost" | "open";

/** `votes`: what each voter has answered. */
export function countVotes(config: Config, votes: ReadonlyMap<MemberId, boolean>): VoteCount {
  const counts = [config.incoming, config.outgoing].filter((ids) => ids.length > 0).map((ids) => countList(ids, votes));
  if (counts.includes("lost")) return "lost";
  return counts.every((count) => count === "won") ? "won" : "open";
}

function countList(ids: readonly MemberId[], votes: ReadonlyMap<MemberId, boolean>): VoteCount {
  const needed = Math.floor(ids.length / 2) + 1;
  const granted = ids.filter((id) => votes.get(id) === true).length;
  const refused = ids.filter((id) => votes.get(id) === false).length;
  if (granted >= needed) return "won";
  return ids.length - refused < needed ? "lost" : "open";
}

export function encodeConfig(config: Config): Uint8Array {
  const { directory, removed, autoLeave } = config;
  const isPlain = directory.length === 0 && removed.length === 0;
  const writer = new Writer();
  writer.u8(isPlain ? PLAIN_VERSION : FORMAT_VERSION).u8(autoLeave ? 1 : 0);
  const list = (ids: readonly MemberId[]): void => {
    writer.varint(ids.length);
    for (const id of ids) writer.u48(id);
  };
  for (const ids of [config.incoming, config.outgoing, config.learners, config.learnersNext]) list(ids);
  if (isPlain) return writer.finish();
  list(removed);
  writer.varint(directory.length);
  for (const { id, address, isReader } of directory) {
    writer
      .u48(id)
      .u8(isReader ? 1 : 0)
      .string(address);
  }
  return writer.finish();
}

export function decodeConfig(bytes: Uint8Array): Config {
  const reader = new Reader(bytes);
  const version = reader.u8();
  invariant(version === PLAIN_VERSION || version === FORMAT_VERSION, "a configuration has a known format");
  const autoLeave = reader.u8() === 1;
  const list = (): MemberId[] => Array.from({ length: reader.varint() }, () => reader.u48());
  const lists = { autoLeave, incoming: list(), outgoing: list(), learners: list(), learnersNext: list() };
  const removed = version === FORMAT_VERSION ? list() : [];
  const count = version === FORMAT_VERSION ? reader.varint() : 0;
  const directory = Array.from({ length: count }, () => {
    const id = reader.u48();
    const isReader = reader.u8() === 1;
    return { id, address: reader.string(), isReader };
  });
  reader.end();
  return { ...lists, removed, directory };
}
