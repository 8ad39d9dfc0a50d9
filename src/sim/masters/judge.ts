import type { Model, Version } from "./model.ts";

/** One operation of a client on the objects of the model. */
export type Operation =
  | { readonly verb: "get"; readonly name: string }
  | { readonly verb: "list"; readonly limit: number; readonly color: string; readonly isCached: boolean }
  | { readonly verb: "create"; readonly name: string; readonly value: string }
  /** `replace`: PUT, which needs the newest resourceVersion where one is given. `merge`: a merge patch. */
  | {
      readonly verb: "replace" | "merge";
      readonly name: string;
      readonly value: string;
      readonly revision: number | undefined;
    }
  | {
      readonly verb: "delete";
      readonly name: string;
      readonly revision: number | undefined;
      readonly uid: string | undefined;
    };

export interface ObjectBody {
  readonly kind?: string;
  readonly metadata: { readonly name: string; readonly uid: string; readonly resourceVersion: string };
  readonly data?: { readonly v?: string };
}

export interface ListBody {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly ObjectBody[];
}

interface StatusBody {
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly uid?: string };
}

/**
 * Says of each answer whether the masters may give it. Every operation has its place in the one
 * order of revisions, between the highest place of all that ended before it began and the newest
 * revision at its end; the lowest place that fits is taken, so nothing has to be searched.
 */
export class Judge {
  readonly #model: Model;
  readonly #fail: (what: string) => void;
  /** Every operation that begins now has its place here or behind. */
  floor = 0;
  acknowledged = 0;
  reads = 0;
  refused = 0;
  unknown = 0;

  constructor(model: Model, fail: (what: string) => void) {
    this.#model = model;
    this.#fail = fail;
  }

  /** The answer to an operation that began when `floor` held. */
  answered(
    operation: Operation,
    floor: number,
    { status, body }: { readonly status: number; readonly body: unknown },
  ): void {
    if (status === 503 || status === 504 || status === 429) {
      this.unknown += 1;
      return;
    }
    if (status >= 400) return this.#refused(operation, floor, { status, body: body as StatusBody });
    switch (operation.verb) {
      case "get":
        return this.#got(operation.name, floor, body as ObjectBody);
      case "list":
        return;
      case "create":
      case "replace":
      case "merge":
        return this.#wrote(operation, floor, body as ObjectBody);
      case "delete":
        return this.#deleted(operation, floor, body as StatusBody);
    }
  }

  #place(revision: number): void {
    this.floor = Math.max(this.floor, revision);
  }

  #got(name: string, from: number, object: ObjectBody): void {
    this.reads += 1;
    const model = this.#model;
    const place = model.find(name, { from, to: model.revision }, (version) => isVersion(version, object));
    if (place === undefined)
      this.#fail(`get ${name}: ${shown(object)} was not there between ${from} and ${model.revision}`);
    else this.#place(place);
  }

  #wrote(operation: Extract<Operation, { readonly value: string }>, from: number, object: ObjectBody): void {
    this.acknowledged += 1;
    const { verb, value } = operation;
    // Of another leader than the one that decided, where the history does not reach back any more.
    if (object.kind === "Status") return this.#done(operation, from);
    const { name, resourceVersion } = object.metadata;
    const revision = Number(resourceVersion);
    const version = this.#model.change(name, revision);
    const what = `${verb} ${name} = ${value}`;
    if (version === undefined || !isVersion(version, object) || version.value !== value) {
      return this.#fail(`${what}: ${shown(object)} is answered, which is not what was written`);
    }
    if (revision <= from) this.#fail(`${what}: happened at ${revision}, before it was asked at ${from}`);
    if (verb === "create" && version.previous !== undefined) this.#fail(`${what}: it was there already`);
    if (verb !== "create" && version.previous === undefined) this.#fail(`${what}: it was not there`);
    const wanted = "revision" in operation ? operation.revision : undefined;
    if (wanted !== undefined && version.previous?.revision !== wanted) {
      this.#fail(`${what}: ${wanted} was to be replaced, and ${version.previous?.revision} was`);
    }
    this.#place(revision);
  }

  /** It is done, and that is all that is said. */
  #done({ verb, value }: Extract<Operation, { readonly value: string }>, from: number): void {
    const made = this.#model.events.find((version) => version.revision > from && version.value === value);
    if (made === undefined) this.#fail(`${verb} ${value}: said to be done behind ${from}, and it is not`);
    else this.#place(made.revision);
  }

  #deleted(operation: Extract<Operation, { verb: "delete" }>, from: number, { details }: StatusBody): void {
    this.acknowledged += 1;
    const { name, revision, uid } = operation;
    // An answer that another leader gave than the one that decided says no more than that it is done.
    const gone = this.#model.events.find(
      (version) =>
        version.isGone &&
        version.name === name &&
        (details?.uid === undefined ? version.revision > from : version.uid === details.uid),
    );
    const what = `delete ${name}`;
    if (gone === undefined) return this.#fail(`${what}: uid ${details?.uid} is not gone`);
    if (gone.revision <= from) this.#fail(`${what}: happened at ${gone.revision}, before it was asked at ${from}`);
    if (uid !== undefined && uid !== gone.uid) this.#fail(`${what}: another uid than asked`);
    if (revision !== undefined && gone.previous?.revision !== revision) {
      this.#fail(`${what}: ${revision} was to be deleted, and ${gone.previous?.revision} was`);
    }
    this.#place(gone.revision);
  }

  /** A refusal has its place too: somewhere it was right. */
  #refused(
    operation: Operation,
    from: number,
    { status, body }: { readonly status: number; readonly body: StatusBody },
  ): void {
    this.refused += 1;
    // At the very beginning.
    if (operation.verb === "create" && status === 404 && from < this.#model.namespaceSince) return;
    const what = `${operation.verb} ${"name" in operation ? operation.name : ""}: ${status} ${body.reason}`;
    const isRight = operation.verb === "list" ? undefined : rightRefusal(operation, status, body.reason);
    if (isRight === undefined || operation.verb === "list") return this.#fail(`${what} ${body.message}`);
    const place = this.#model.find(operation.name, { from, to: this.#model.revision }, isRight);
    if (place === undefined) this.#fail(`${what} was not right between ${from} and ${this.#model.revision}`);
    else this.#place(place);
  }

  /** A whole list: all of one revision, and nothing else. */
  listed(operation: Extract<Operation, { verb: "list" }>, from: number, list: ListBody): void {
    this.reads += 1;
    const revision = Number(list.metadata.resourceVersion);
    const { color, isCached } = operation;
    const what = `list at ${revision}`;
    if (revision > this.#model.revision) return this.#fail(`${what}: ${this.#model.revision} is the newest`);
    if (!isCached && revision < from) this.#fail(`${what}: ${from} was seen before it began`);
    const expected = this.#model.all(revision).filter((version) => color === "" || version.color === color);
    const items = list.items;
    const isEqual =
      expected.length === items.length && expected.every((version, at) => isVersion(version, items[at] as ObjectBody));
    if (!isEqual) {
      this.#fail(
        `${what}: has ${items.map(shown).join(" ")} for ${expected.map(({ name, revision: at }) => `${name}@${at}`).join(" ")}`,
      );
    }
    if (!isCached) this.#place(revision);
  }

  /** 410: rightly only where the history does not reach back. */
  expired(revision: number): void {
    if (revision >= this.#model.floor) this.#fail(`410 at ${revision}, and the history begins at ${this.#model.floor}`);
  }
}

function isVersion(version: Version | undefined, { metadata, data }: ObjectBody): boolean {
  if (version === undefined) return false;
  const { name, uid, resourceVersion } = metadata;
  return (
    version.name === name &&
    version.uid === uid &&
    String(version.revision) === resourceVersion &&
    version.value === (data?.v ?? "")
  );
}

/** The states of an object in which a refusal is the right answer; undefined: in none. */
function rightRefusal(
  operation: Exclude<Operation, { verb: "list" }>,
  status: number,
  reason: string | undefined,
): ((version: Version | undefined) => boolean) | undefined {
  if (status === 404 && operation.verb !== "create") return (version) => version === undefined;
  if (status !== 409) return undefined;
  if (operation.verb === "create") return reason === "AlreadyExists" ? (version) => version !== undefined : undefined;
  if (operation.verb === "get" || reason !== "Conflict") return undefined;
  const { revision } = operation;
  const uid = operation.verb === "delete" ? operation.uid : undefined;
  if (revision === undefined && uid === undefined) return undefined;
  return (version) =>
    version !== undefined &&
    ((revision !== undefined && version.revision !== revision) || (uid !== undefined && version.uid !== uid));
}

function shown({ metadata, data }: ObjectBody): string {
  return `${metadata.name}@${metadata.resourceVersion}=${data?.v ?? ""}`;
}
