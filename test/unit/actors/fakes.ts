import type { HostCodec } from "../../../src/actors/runtime/codec.ts";
import type { Decide, WriteReply, WriteRequest } from "../../../src/actors/runtime/command.ts";
import { compareRows } from "../../../src/actors/runtime/transaction.ts";
import type { Draft, Kind, KindId, KubeObject } from "../../../src/kinds/kind.ts";
import { hotRecord } from "../../../src/kinds/hot.ts";
import type { LogEntry, LogListener, ReplicatedLog } from "../../../src/raft/log-api.ts";
import type { Outcome, SystemTable, SystemWrite } from "../../../src/store/outcome.ts";
import type { TipStore, WatchChange } from "../../../src/store/store-api.ts";
import type { RowRef, View } from "../../../src/store/view.ts";
import type { Clock } from "../../../src/env/env.ts";
import { invariant, StatusError, TransientError } from "../../../src/util/errors.ts";

/** The smallest store, log and verbs that the host runs on: enough to test it alone. */

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function fakeKind(id: KindId, machine = "object"): Kind {
  const [plural = id, group = ""] = id.split(/\.(.*)/s);
  const names: Record<string, string> = { pods: "Pod", configmaps: "ConfigMap", events: "Event" };
  const scope = plural === "namespaces" || plural === "nodes" ? "Cluster" : "Namespaced";
  return {
    id,
    group,
    version: "v1",
    kind: names[plural] ?? plural,
    plural,
    singular: plural,
    shortNames: [],
    categories: [],
    scope,
    verbs: [],
    storage: "rows",
    description: "",
    schema: { type: "object", name: id, description: "", fields: {} },
    name: () => [],
    generation: "none",
    subresources: {},
    columns: [],
    row: () => ({ cells: [] }),
    selectable: {},
    machine,
  };
}

export const fakeKinds: Map<KindId, Kind> = new Map(
  ["pods", "configmaps", "events", "namespaces", "nodes"].map((id) => [id, fakeKind(id)]),
);

export const fakeCodec: HostCodec = {
  encodeRow: (_kind, object, _revision) => encoder.encode(JSON.stringify(object)),
  encodeOutcome: (outcome) =>
    encoder.encode(
      JSON.stringify(outcome, (_key, value: unknown) =>
        value instanceof Uint8Array ? { $bytes: decoder.decode(value) } : value,
      ),
    ),
  decodeOutcome: (payload) =>
    JSON.parse(decoder.decode(payload), (_key, value: unknown) =>
      typeof value === "object" && value !== null && "$bytes" in value ? encoder.encode(String(value.$bytes)) : value,
    ) as Outcome,
};

interface FakeState {
  revision: number;
  rows: Map<string, RowRef>;
  system: Map<string, string>;
}

export interface FakeStore extends TipStore {
  /** Outcomes that are staged and not committed. */
  readonly staged: readonly Outcome[];
  readonly outcomes: readonly Outcome[];
}

export function createFakeStore(kinds: ReadonlyMap<KindId, Kind> = fakeKinds): FakeStore {
  let done: FakeState = { revision: 0, rows: new Map(), system: new Map() };
  let tip: FakeState = { revision: 0, rows: new Map(), system: new Map() };
  let staged: Outcome[] = [];
  let applied = 0;
  const outcomes: Outcome[] = [];
  const listeners: ((changes: readonly WatchChange[]) => void)[] = [];

  const rowOf = (kind: KindId, row: Uint8Array, created: number, revision: number): RowRef => {
    const object = JSON.parse(decoder.decode(row)) as KubeObject;
    const { name, namespace = "" } = object.metadata;
    const hot = hotRecord(kinds.get(kind) ?? fakeKind(kind), object);
    return {
      kind,
      namespace,
      name,
      revision,
      createRevision: created,
      hot,
      object: <O extends KubeObject>() => object as O,
      bytes: () => row,
    };
  };
  const applyTo = (state: FakeState, outcome: Outcome): WatchChange[] => {
    invariant(outcome.writes.length === 0 || outcome.firstRevision === state.revision + 1, "revisions are contiguous");
    const changes: WatchChange[] = [];
    for (const write of outcome.writes) {
      state.revision += 1;
      const key = `${write.kind} ${write.namespace}/${write.name}`;
      const previous = state.rows.get(key);
      invariant((previous?.revision ?? 0) === write.expected, "the expected revision holds");
      if (write.op === "delete") {
        state.rows.delete(key);
        changes.push({ revision: state.revision, previous, next: undefined });
        continue;
      }
      const created = previous?.createRevision ?? state.revision;
      const next = rowOf(write.kind, write.row, created, state.revision);
      state.rows.set(key, next);
      changes.push({ revision: state.revision, previous, next });
    }
    for (const { table, key, value } of outcome.system) {
      if (value === undefined) state.system.delete(`${table} ${key}`);
      else state.system.set(`${table} ${key}`, value);
    }
    return changes;
  };
  const copyOf = (state: FakeState): FakeState => ({
    revision: state.revision,
    rows: new Map(state.rows),
    system: new Map(state.system),
  });
  const viewOf = (state: () => FakeState): View => ({
    get revision() {
      return state().revision;
    },
    get: (kind, namespace, name) => state().rows.get(`${kind} ${namespace}/${name}`),
    list: (kind, options = {}) =>
      [...state().rows.values()]
        .filter((row) => row.kind === kind)
        .filter((row) => options.namespace === undefined || row.namespace === options.namespace)
        .toSorted(compareRows),
    index: (kind, _index, value) =>
      [...state().rows.values()]
        .filter((row) => row.kind === kind && row.hot.controller === value)
        .toSorted(compareRows),
  });
  const unused = (): never => {
    throw new Error("not part of the fake");
  };
  const committed = viewOf(() => done);
  return {
    committed,
    tip: viewOf(() => tip),
    get revision() {
      return done.revision;
    },
    get applied() {
      return applied;
    },
    get staged() {
      return staged;
    },
    outcomes,
    tipDigest: { a: 0, b: 0 },
    decidedMs: 0,
    system: (table, key) => tip.system.get(`${table} ${key}`),
    systemRows: (table: SystemTable) =>
      [...tip.system]
        .filter(([key]) => key.startsWith(`${table} `))
        .map(([key, value]): [string, string] => [key.slice(table.length + 1), value])
        .toSorted(([left], [right]) => (left < right ? -1 : 1)),
    stage(outcome) {
      const changes = applyTo(tip, outcome);
      staged.push(outcome);
      for (const run of listeners) run(changes);
    },
    commit(index, outcome) {
      applied = index;
      outcomes.push(outcome);
      applyTo(done, outcome);
      if (staged.length > 0) staged = staged.slice(1);
      else tip = copyOf(done);
    },
    advance(index) {
      applied = index;
    },
    rollback() {
      staged = [];
      tip = copyOf(done);
    },
    onStaged: (run) => void listeners.push(run),
    // Versions are kept as long as their outcomes are.
    at: (revision) => {
      const state: FakeState = { revision: 0, rows: new Map(), system: new Map() };
      for (const outcome of outcomes) if (outcome.firstRevision <= revision) applyTo(state, outcome);
      return viewOf(() => state);
    },
    page: unused,
    watch: unused,
    floor: () => 0,
    compactHistory: unused,
  };
}

/** A log of one member on virtual time: entries are committed after `delayMs`. */
export interface FakeLog extends ReplicatedLog {
  listener: LogListener | undefined;
  delayMs: number;
  /** Nothing is committed while this holds. */
  frozen: boolean;
  becomeLeader(): void;
  /** The first half of that: its own entry is not yet committed; and the second. */
  win(): void;
  begin(): void;
  /** The term is lost; of the entries not yet committed the first `kept` survive. */
  loseTerm(kept: number): void;
  readonly uncommitted: readonly LogEntry[];
  readonly entries: readonly LogEntry[];
}

export function createFakeLog(clock: Clock): FakeLog {
  let role: ReplicatedLog["role"] = "follower";
  let term = 0;
  let index = 0;
  let committed = 0;
  let pending: LogEntry[] = [];
  const entries: LogEntry[] = [];
  const deliver = (entry: LogEntry): void => {
    committed = entry.index;
    entries.push(entry);
    log.listener?.committed([entry]);
  };
  const tick = (): void => {
    if (log.frozen) {
      clock.after(log.delayMs, tick);
      return;
    }
    const entry = pending.shift();
    if (entry !== undefined) deliver(entry);
  };
  const append = (kind: LogEntry["kind"], payload: Uint8Array): number => {
    index += 1;
    pending.push({ index, term, kind, payload });
    return index;
  };
  const log: FakeLog = {
    listener: undefined,
    delayMs: 1,
    frozen: false,
    get role() {
      return role;
    },
    get term() {
      return term;
    },
    get leader() {
      return role === "leader" ? 1 : undefined;
    },
    get uncommitted() {
      return pending;
    },
    entries,
    propose(payload) {
      if (role !== "leader") throw new TransientError("not the leader");
      const at = append("normal", payload);
      clock.after(log.delayMs, tick);
      return at;
    },
    readIndex() {
      if (role !== "leader") return Promise.reject(new TransientError("no leader"));
      const at = committed;
      return new Promise((resolve) => {
        clock.after(log.delayMs, () => resolve(at));
      });
    },
    compact: () => {},
    becomeLeader() {
      log.win();
      log.begin();
    },
    win() {
      term += 1;
      role = "leader";
      append("noop", new Uint8Array(0));
    },
    begin() {
      for (const entry of pending.splice(0)) deliver(entry);
      log.listener?.role("leader", term);
    },
    loseTerm(kept) {
      pending = pending.slice(0, kept);
      index = committed + pending.length;
      role = "follower";
      log.listener?.role("follower", term);
    },
  };
  return log;
}

function refusal(code: number, reason: string, message: string): StatusError {
  return new StatusError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    code,
    reason,
    message,
  });
}

/** create, update and delete without defaults, admission or validation. */
export const fakeDecide: Decide = (transaction, request): WriteReply => {
  const { kind, namespace } = request;
  const name = request.name === "" ? (request.object?.metadata.name ?? "") : request.name;
  const old = transaction.get(kind, namespace, name);
  const wanted = request.preconditions?.resourceVersion;
  if (wanted !== undefined && String(old?.revision ?? 0) !== wanted) {
    throw refusal(409, "Conflict", "the object has been modified");
  }
  if (request.verb === "create") {
    if (old !== undefined) throw refusal(409, "AlreadyExists", `${kind} "${name}" already exists`);
    const draft: Draft = {
      apiVersion: "v1",
      kind,
      ...request.object,
      metadata: { ...request.object?.metadata, name, uid: transaction.random.uuid() },
    };
    if (namespace !== "") draft.metadata.namespace = namespace;
    const object = transaction.put(kind, draft, 0);
    return { code: 201, revision: Number(object.metadata.resourceVersion), object, warnings: [] };
  }
  if (old === undefined) throw refusal(404, "NotFound", `${kind} "${name}" not found`);
  if (request.verb === "delete") {
    const revision = transaction.remove(kind, namespace, name, old.revision);
    return { code: 200, revision, warnings: [] };
  }
  const draft: Draft = {
    ...(old.object() as unknown as Draft),
    ...request.object,
    metadata: { ...old.object().metadata, ...request.object?.metadata },
  };
  draft.metadata.uid = old.hot.uid;
  if (JSON.stringify({ ...draft, metadata: 0 }) === JSON.stringify({ ...old.object(), metadata: 0 })) {
    return { code: 200, revision: old.revision, object: old.object(), warnings: [] };
  }
  const object = transaction.put(kind, draft, old.revision);
  return { code: 200, revision: Number(object.metadata.resourceVersion), object, warnings: [] };
};

export function systemRows(writes: readonly SystemWrite[], table: SystemTable): readonly SystemWrite[] {
  return writes.filter((write) => write.table === table);
}

export function request(verb: WriteRequest["verb"], name: string, more: Partial<WriteRequest> = {}): WriteRequest {
  return {
    verb,
    kind: "configmaps",
    namespace: "default",
    name,
    user: { name: "alice", groups: [] },
    ...more,
  };
}

export function configMap(name: string, data: Record<string, string> = {}): Draft {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "default" }, data };
}
