import type { TipStore } from "../../store/store-api.ts";
import type { RowRef } from "../../store/view.ts";
import type { ActorView } from "./actor.ts";
import type { Breaker, BreakerRow } from "./breaker.ts";
import type { KindLookup } from "./codec.ts";
import { listedObjectsMax } from "./limits.ts";
import type { DeadLetters } from "./dead-letters.ts";
import { addressOf, breakerPath, objectPath, objectsPath } from "./paths.ts";
import type { Quarantine, QuarantineRow } from "./quarantine.ts";
import type { Retrying } from "./reaction-tasks.ts";
import type { Timers } from "./timers.ts";

/**
 * Actors of objects exist while an event is handled. Those with mail, a timer, a fault or a place in
 * quarantine are listed; every other one can be asked for by name, and is its row's state then.
 */
export interface ObjectViews {
  list(): readonly ActorView[];
  /** `obj.apps.deployments.default.web`. */
  get(name: string): ActorView | undefined;
}

export interface ObjectViewsOptions {
  readonly store: TipStore;
  readonly kinds: KindLookup;
  readonly breaker: Breaker;
  readonly quarantine: Quarantine;
  readonly deadLetters: DeadLetters;
  readonly timers: Timers;
  /** Commands that wait, by `kind/namespace/name`. */
  readonly waiting: () => ReadonlyMap<string, number>;
  /** Failed events that are tried again, by path. */
  readonly retrying: () => ReadonlyMap<string, Retrying>;
}

export function createObjectViews(options: ObjectViewsOptions): ObjectViews {
  const { store, kinds, breaker, quarantine, deadLetters, timers, waiting, retrying } = options;

  const mailOf = (row: RowRef): number => waiting().get(`${row.kind}/${row.namespace}/${row.name}`) ?? 0;
  const viewOf = (row: RowRef): ActorView | undefined => {
    const kind = kinds.get(row.kind);
    if (kind === undefined) return undefined;
    const path = objectPath(kind, row, row.hot.uid);
    const parked = quarantine.all().find((each) => each.path === path);
    if (parked !== undefined) return parkedView(parked, mailOf(row));
    const def = breaker.active(kind.machine);
    const retry = retrying().get(path);
    return {
      path,
      machine: kind.machine,
      version: def?.version ?? 0,
      state: def === undefined ? "stored-only" : stateOf(() => def.derive(row.object()).id),
      since: 0,
      restarts: retry?.count ?? 0,
      mailbox: mailOf(row),
      supervisor: objectsPath,
      status: retry === undefined ? "live" : "backoff",
      ...(retry === undefined ? {} : { lastError: retry.error }),
    };
  };
  /** Objects of which something is known that their rows do not say. */
  const active = (): readonly RowRef[] => {
    const rows = new Map<string, RowRef>();
    const add = (kind: string, namespace: string, name: string, uid?: string): void => {
      const key = `${kind}/${namespace}/${name}`;
      if (rows.has(key) || rows.size >= listedObjectsMax) return;
      const row = store.committed.get(kind, namespace, name);
      if (row !== undefined && (uid === undefined || row.hot.uid === uid)) rows.set(key, row);
    };
    const lettered = deadLetters.all().map(({ path }) => path);
    for (const path of [...retrying().keys(), ...timers.owners(), ...lettered]) {
      const address = addressOf(path);
      if (address !== undefined) add(address.kind, address.namespace, address.name, address.uid);
    }
    for (const object of waiting().keys()) {
      const [kind = "", namespace = "", name = ""] = object.split("/");
      add(kind, namespace, name);
    }
    return [...rows.values()];
  };

  return {
    list() {
      const parked = quarantine.all().map((row) => {
        const address = addressOf(row.path);
        const object = address && `${address.kind}/${address.namespace}/${address.name}`;
        return parkedView(row, object === undefined ? 0 : (waiting().get(object) ?? 0));
      });
      const paths = new Set(parked.map(({ path }) => path));
      const others = active().flatMap((row) => viewOf(row) ?? []);
      const open = breaker.all().map(breakerView);
      return [...open, ...parked, ...others.filter(({ path }) => !paths.has(path))];
    },
    get(name) {
      const [scope, ...rest] = name.split(".");
      if (scope !== "obj") return undefined;
      // Groups and names may hold dots; plurals and namespaces do not.
      for (let at = 1; at < rest.length - 2; at += 1) {
        const group = rest.slice(0, at).join(".");
        const kind = kinds.get(group === "core" ? rest[at]! : `${rest[at]}.${group}`);
        if (kind === undefined || kind.storage === "virtual") continue;
        const namespace = rest[at + 1] === "-" ? "" : rest[at + 1]!;
        const row = store.committed.get(kind.id, namespace, rest.slice(at + 2).join("."));
        if (row !== undefined) return viewOf(row);
      }
      return undefined;
    },
  };
}

/** A version of a machine that failed for many: the kind's rows are stored only, or an older version reacts. */
function breakerView({ machine, version, since }: BreakerRow): ActorView {
  return {
    path: breakerPath({ machine, version }),
    machine: "breaker",
    version,
    state: "open",
    since,
    restarts: 0,
    mailbox: 0,
    supervisor: objectsPath,
    status: "quarantined",
    lastError: `version ${version} of machine ${machine} failed for many objects`,
  };
}

function parkedView(row: QuarantineRow, mailbox: number): ActorView {
  return {
    path: row.path,
    machine: row.machine,
    version: row.version,
    state: "quarantined",
    since: row.since,
    restarts: 0,
    mailbox,
    supervisor: supervisorOf(row.path),
    status: "quarantined",
    lastError: row.error,
  };
}

/** A machine that cannot say where a row stands is shown, not hidden. */
function stateOf(derive: () => string): string {
  try {
    return derive();
  } catch (error) {
    return `unknown: ${String(error)}`;
  }
}

/** `/ctl/deployment` of a key's path `/ctl/deployment/default/web`; `/sched` of `/sched/default/web`. */
function supervisorOf(path: string): string {
  return /^(?:\/ctl\/[^/]+|\/sched)(?=\/)/.exec(path)?.[0] ?? objectsPath;
}
