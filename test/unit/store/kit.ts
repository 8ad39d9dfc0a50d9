// Small kinds, a sealer and a writer of outcomes for the store's tests.
import { createCipheriv, createDecipheriv, createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { Draft, HotRecord, Kind } from "../../../src/kinds/kind.ts";
import type { Outcome, RowWrite, SystemWrite } from "../../../src/store/outcome.ts";
import type { Sealer } from "../../../src/store/row.ts";
import { createSealer } from "../../../src/store/sealer.ts";
import type { WatchChange } from "../../../src/store/store-api.ts";
import { createStore } from "../../../src/store/store.ts";
import type { Store } from "../../../src/store/store.ts";
import type { StoreOptions } from "../../../src/store/store-state.ts";
import { textOf } from "../../../src/util/bytes.ts";
import { InvariantError } from "../../../src/util/errors.ts";

function kind(id: string, more: Partial<Kind>): Kind {
  return {
    id,
    group: "",
    version: "v1",
    kind: id,
    plural: id,
    singular: id,
    shortNames: [],
    categories: [],
    scope: "Namespaced",
    verbs: [],
    storage: "rows",
    description: "A kind for tests.",
    schema: { type: "object", name: id, description: "", fields: {} },
    name: () => [],
    generation: "none",
    subresources: {},
    columns: [],
    row: () => ({ cells: [] }),
    selectable: {},
    machine: "object",
    ...more,
  };
}

export const kinds: readonly Kind[] = [
  kind("things", {
    hot: (object) => ({ node: (object as unknown as { spec: { node?: string } }).spec.node }),
    indexes: {
      node: (hot: HotRecord) => (typeof hot["node"] === "string" ? [hot["node"]] : []),
    },
  }),
  kind("boxes", { scope: "Cluster" }),
  kind("secrets", { sealed: true }),
  kind("phantoms", { storage: "virtual" }),
];

const tagBytes = 16;

/** AES-256-GCM with nonces from a counter, so that a run can be repeated. */
export function testSealer(): Sealer {
  let nonces = 0;
  return createSealer({
    crypto: {
      sha256: (bytes) => new Uint8Array(createHash("sha256").update(bytes).digest()),
      seal: (key, plain, nonce) => {
        const cipher = createCipheriv("aes-256-gcm", key, nonce);
        return new Uint8Array(Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]));
      },
      open: (key, sealed) => {
        const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, 12));
        decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
        try {
          const plain = decipher.update(sealed.subarray(12, sealed.length - tagBytes));
          return new Uint8Array(Buffer.concat([plain, decipher.final()]));
        } catch (cause) {
          throw new InvariantError("a sealed body is what was sealed", { cause });
        }
      },
    },
    key: new Uint8Array(32).fill(7),
    randomBytes: (length) => new Uint8Array(length).fill(++nonces),
  });
}

export function storeOptions(limits: StoreOptions["limits"] = {}): StoreOptions {
  return {
    kinds,
    sealer: testSealer(),
    crc32: (bytes) => crc32(bytes),
    limits: { freezeObjects: true, ...limits },
  };
}

export function newStore(limits: StoreOptions["limits"] = {}): Store {
  return createStore(storeOptions(limits));
}

export type Op =
  | {
      readonly op: "put";
      readonly kind: string;
      readonly namespace: string;
      readonly name: string;
      readonly spec?: Readonly<Record<string, unknown>>;
      readonly metadata?: Partial<Draft["metadata"]>;
    }
  | {
      readonly op: "delete";
      readonly kind: string;
      readonly namespace: string;
      readonly name: string;
    };

let sequence = 0;

/** An outcome of these writes at the store's tip, with the preconditions that hold there. */
export function outcomeOf(
  store: Store,
  ops: readonly Op[],
  more: { readonly now?: number; readonly system?: readonly SystemWrite[] } = {},
): Outcome {
  const firstRevision = store.tipRevision + 1;
  const current = new Map<string, number>();
  const writes = ops.map((op, position): RowWrite => {
    const { kind, namespace, name } = op;
    const place = `${kind} ${namespace}/${name}`;
    const expected = current.get(place) ?? store.tip.get(kind, namespace, name)?.revision ?? 0;
    const revision = firstRevision + position;
    if (op.op === "delete") {
      current.set(place, 0);
      return { op: "delete", kind, namespace, name, expected };
    }
    current.set(place, revision);
    const draft: Draft = {
      apiVersion: "v1",
      kind,
      metadata: {
        name,
        ...(namespace === "" ? {} : { namespace }),
        uid: `uid-${name}`,
        ...op.metadata,
      },
      spec: op.spec ?? {},
    };
    const row = store.encodeRow(kind, draft, revision);
    return { op: "put", kind, namespace, name, expected, row };
  });
  return {
    command: { member: 1, incarnation: 1, sequence: ++sequence, resultsUpTo: 0 },
    now: more.now ?? 1_000,
    cause: { origin: "user", actor: "alice", event: "test" },
    digest: store.tipDigest,
    firstRevision,
    writes,
    system: more.system ?? [],
    messages: [],
    reply: { code: 200, revision: firstRevision + writes.length - 1 },
  };
}

/** Stages and commits as a leader with nothing in flight does. */
export function write(
  store: Store,
  ops: readonly Op[],
  more: { readonly now?: number; readonly system?: readonly SystemWrite[] } = {},
): Outcome {
  const outcome = outcomeOf(store, ops, more);
  store.stage(outcome);
  store.commit(store.applied + 1, outcome);
  return outcome;
}

export function put(name: string, spec: Readonly<Record<string, unknown>> = {}): Op {
  return { op: "put", kind: "things", namespace: "default", name, spec };
}

export function remove(name: string): Op {
  return { op: "delete", kind: "things", namespace: "default", name };
}

/** `+a@3`, `~a@4<3`, `-a@5<4`: what a watcher saw, one text an event. */
export function describe(change: WatchChange): string {
  const { revision, previous, next } = change;
  const name = (next ?? previous)?.name ?? "?";
  const sign = previous === undefined ? "+" : next === undefined ? "-" : "~";
  return `${sign}${name}@${revision}${previous === undefined ? "" : `<${previous.revision}`}`;
}

export function bodyText(row: { bytes(): Uint8Array } | undefined): string {
  return row === undefined ? "absent" : textOf(row.bytes());
}
