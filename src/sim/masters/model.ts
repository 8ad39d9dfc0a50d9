import { decodeOutcome } from "../../store/outcome-codec.ts";
import type { LogEntry } from "../../raft/log-api.ts";
import type { Outcome, RowWrite } from "../../store/outcome.ts";
import { bodyOf } from "../../store/row.ts";
import { textOf } from "../../util/bytes.ts";
import { InvariantError } from "../../util/errors.ts";

/**
 * What happened, read from the entries of the log alone, in the order of their commit: every row
 * write has its revision, so the state at any revision is known, and an answer of a master is right
 * or wrong without a search. The rules that hold among the entries themselves are checked here.
 */
export interface Version {
  readonly revision: number;
  readonly name: string;
  readonly uid: string;
  readonly value: string;
  readonly color: string;
  /** It is the deletion; the rest is what was deleted. */
  readonly isGone: boolean;
  readonly previous: Version | undefined;
}

/** The objects that clients work on. */
const watchedKind = "configmaps";
const watchedNamespace = "default";
export const objectsPath: string = `/api/v1/namespaces/${watchedNamespace}/${watchedKind}`;

interface Row {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly labels?: { readonly color?: string };
  };
  readonly data?: { readonly v?: string };
}

export class Model {
  readonly #fail: (what: string) => void;
  readonly #current: Map<string, number> = new Map();
  readonly #chains: Map<string, Version[]> = new Map();
  /** Of the objects that are there now; undefined since one came or went. */
  #names: readonly string[] | undefined;
  readonly #uids: Set<string> = new Set();
  readonly #values: Set<string> = new Set();
  readonly #commands: Set<string> = new Set();
  /** Every change of the watched objects, in order. */
  readonly events: Version[] = [];
  revision = 0;
  /** The namespace of the objects is there from here on. */
  namespaceSince: number = Number.POSITIVE_INFINITY;
  /** Watches from here on can be resumed. */
  floor = 0;
  #now = 0;
  #term = 0;

  constructor(fail: (what: string) => void) {
    this.#fail = fail;
  }

  /** The next committed entry. */
  apply({ kind, index, term, payload }: LogEntry): void {
    if (term < this.#term) this.#fail(`entry ${index} is of term ${term}, after one of term ${this.#term}`);
    this.#term = term;
    if (kind !== "normal") return;
    const outcome = decodeOutcome(payload);
    this.#checkOutcome(index, outcome);
    for (const write of outcome.writes) this.#write(index, write);
    for (const { table, key, value } of outcome.system) {
      if (table === "floor" && key === watchedKind) this.floor = Math.max(this.floor, Number(value));
    }
  }

  #checkOutcome(index: number, { command, now, firstRevision }: Outcome): void {
    if (firstRevision !== this.revision + 1) {
      this.#fail(`entry ${index} begins at revision ${firstRevision}, and ${this.revision} was the last one`);
    }
    if (now < this.#now) this.#fail(`entry ${index} was decided at ${now}, before the one in front of it`);
    this.#now = now;
    const { member, incarnation, sequence } = command;
    const id = `${member}/${incarnation}/${sequence}`;
    if (this.#commands.has(id)) this.#fail(`entry ${index}: the command ${id} happens a second time`);
    this.#commands.add(id);
  }

  #write(index: number, write: RowWrite): void {
    this.revision += 1;
    const { kind, namespace, name } = write;
    const key = `${kind}/${namespace}/${name}`;
    const current = this.#current.get(key) ?? 0;
    if (write.expected !== current) {
      this.#fail(`entry ${index} replaces ${key} of revision ${write.expected}, and ${current} is the newest`);
    }
    if (key === `namespaces//${watchedNamespace}`) this.namespaceSince = Math.min(this.namespaceSince, this.revision);
    this.#current.set(key, write.op === "put" ? this.revision : 0);
    if (kind === watchedKind && namespace === watchedNamespace) this.#version(name, write);
  }

  #version(name: string, write: RowWrite): void {
    const { revision } = this;
    const chain = this.#chains.get(name) ?? [];
    this.#chains.set(name, chain);
    const last = chain.at(-1);
    const previous = last?.isGone === true ? undefined : last;
    let version: Version;
    if (write.op === "put") {
      const { metadata, data } = JSON.parse(textOf(bodyOf(write.row, notSealed))) as Row;
      const { uid, labels } = metadata;
      version = { revision, name, uid, value: data?.v ?? "", color: labels?.color ?? "", isGone: false, previous };
      this.#checkIdentity(version);
    } else {
      const { uid, value, color } = previous ?? { uid: "", value: "", color: "" };
      version = { revision, name, uid, value, color, isGone: true, previous };
    }
    if (previous === undefined || version.isGone) this.#names = undefined;
    chain.push(version);
    this.events.push(version);
  }

  /** A uid is one life of one object; a value is the work of one request. */
  #checkIdentity({ revision, name, uid, value, previous }: Version): void {
    if (previous === undefined) {
      if (this.#uids.has(uid)) this.#fail(`revision ${revision}: the uid of ${name} was another object's`);
      this.#uids.add(uid);
    } else if (previous.uid !== uid) this.#fail(`revision ${revision}: ${name} has another uid than before`);
    if (value === (previous?.value ?? "")) return;
    if (this.#values.has(value)) this.#fail(`revision ${revision}: the request that wrote ${value} happens again`);
    this.#values.add(value);
  }

  /** The object as of `revision`; undefined: there is none. */
  at(name: string, revision: number): Version | undefined {
    const chain = this.#chains.get(name) ?? [];
    for (let place = chain.length - 1; place >= 0; place -= 1) {
      const version = chain[place] as Version;
      if (version.revision <= revision) return version.isGone ? undefined : version;
    }
    return undefined;
  }

  /** The lowest revision of a range at which the object is as asked; undefined: at none. */
  find(
    name: string,
    range: { readonly from: number; readonly to: number },
    isIt: (version: Version | undefined) => boolean,
  ): number | undefined {
    if (isIt(this.at(name, range.from))) return range.from;
    for (const version of this.#chains.get(name) ?? []) {
      if (version.revision <= range.from) continue;
      if (version.revision > range.to) break;
      if (isIt(version.isGone ? undefined : version)) return version.revision;
    }
    return undefined;
  }

  /** The change with this revision, if it was one of the object. */
  change(name: string, revision: number): Version | undefined {
    return this.#chains.get(name)?.findLast((version) => version.revision === revision);
  }

  /** All objects as of `revision`, in order of their names. */
  all(revision: number): readonly Version[] {
    const found: Version[] = [];
    for (const name of this.#chains.keys()) {
      const version = this.at(name, revision);
      if (version !== undefined) found.push(version);
    }
    return found.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Place in `events` of the first change behind `revision`. */
  placeAfter(revision: number): number {
    let [low, high] = [0, this.events.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.events[middle] as Version).revision <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Some objects that are there now. */
  get names(): readonly string[] {
    this.#names ??= [...this.#chains].filter(([, chain]) => chain.at(-1)?.isGone === false).map(([name]) => name);
    return this.#names;
  }
}

function notSealed(): never {
  throw new InvariantError("ConfigMaps are not sealed");
}
