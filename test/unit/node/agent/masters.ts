import type { Chunk, Down, LinkRow, Up } from "../../../../src/api/link/messages.ts";
import type { NodeStreamRequest } from "../../../../src/api/node-streams.ts";
import type { Clock } from "../../../../src/env/env.ts";
import type { Pod } from "../../../../src/kinds/generated/types.ts";
import type { KubeObject } from "../../../../src/kinds/kind.ts";
import type { NodeWrite } from "../../../../src/node/desired.ts";
import type { LinkHandlers, LinkTransport, StreamHandlers } from "../../../../src/node/link/transport.ts";

/** The masters' end of links, in memory: rows, a feed of all of them, and writes as an API does them. */
export interface Masters {
  readonly transport: LinkTransport;
  epoch: string;
  /** While true, links break and none comes to be. */
  setDown(down: boolean): void;
  put(kind: string, object: KubeObject): void;
  remove(kind: string, namespace: string, name: string): void;
  get<O extends KubeObject>(kind: string, namespace: string, name: string): O | undefined;
  list(kind: string): readonly KubeObject[];
  terminate(namespace: string, name: string, graceSeconds: number): void;
  setProxied(revision: number): void;
  /** Answers what a stream brought until it ended. */
  open(request: NodeStreamRequest): { readonly chunks: Chunk[]; readonly isOver: () => boolean };
  readonly heartbeats: NonNullable<Up["heartbeat"]>[];
  /** Every write that took effect. */
  readonly writes: NodeWrite[];
  /** The next answers are lost: the link breaks after the write took effect. */
  loseAnswers(count: number): void;
  readonly revision: number;
}

export function createMasters(clock: Clock): Masters {
  const rows = new Map<string, { readonly kind: string; readonly object: KubeObject }>();
  const heartbeats: Masters["heartbeats"] = [];
  const writes: NodeWrite[] = [];
  const waiting = new Map<string, { chunks: Chunk[]; over: boolean }>();
  let link: LinkHandlers | undefined;
  let revision = 10;
  let down = false;
  let lost = 0;
  let streams = 0;
  const keyOf = (kind: string, namespace: string, name: string): string => `${kind}/${namespace}/${name}`;

  const send = (message: Down): void => {
    const to = link;
    clock.after(1, () => {
      if (to !== undefined && to === link) to.onDown(message);
    });
  };
  const rowOf = (kind: string, object: KubeObject): LinkRow => ({
    kind,
    namespace: object.metadata.namespace ?? "",
    name: object.metadata.name,
    revision: Number(object.metadata.resourceVersion),
    object: new TextEncoder().encode(JSON.stringify(object)),
  });
  const put = (kind: string, object: KubeObject): KubeObject => {
    revision += 1;
    const { namespace = "", name } = object.metadata;
    const uid = object.metadata.uid === undefined || object.metadata.uid === "" ? `uid-${name}` : object.metadata.uid;
    const stored = { ...object, metadata: { ...object.metadata, uid, resourceVersion: String(revision) } };
    rows.set(keyOf(kind, namespace, name), { kind, object: stored });
    send({ rows: { rows: [rowOf(kind, stored)], revision, synced: false } });
    return stored;
  };
  const remove = (kind: string, namespace: string, name: string): void => {
    if (!rows.delete(keyOf(kind, namespace, name))) return;
    revision += 1;
    send({ rows: { rows: [{ kind, namespace, name, revision }], revision, synced: false } });
  };

  const write = (said: NodeWrite): { readonly code: number; readonly body: unknown } => {
    const key = keyOf(said.kind, said.namespace, said.name);
    const found = rows.get(key)?.object;
    const refuse = (code: number) => ({ code, body: { kind: "Status", status: "Failure", code } });
    if (said.verb === "create" && said.subresource === undefined) {
      if (found !== undefined) return refuse(409);
      const made = put(said.kind, said.object as unknown as KubeObject);
      if (said.kind !== "nodes") return { code: 201, body: made };
      // The node's range, as its allocator gives it.
      const node = { ...made, spec: { podCIDR: "10.244.3.0/24" } };
      return { code: 201, body: put("nodes", node) };
    }
    if (found === undefined) return refuse(404);
    const wanted = said.preconditions?.uid;
    if (wanted !== undefined && wanted !== found.metadata.uid) return refuse(409);
    if (said.verb === "delete") {
      remove(said.kind, said.namespace, said.name);
      return { code: 200, body: found };
    }
    const sent = said.object as unknown as Pod | undefined;
    if (sent !== undefined && sent.metadata.resourceVersion !== found.metadata.resourceVersion) return refuse(409);
    return { code: 200, body: put(said.kind, { ...found, status: sent?.status } as KubeObject) };
  };

  const take = (up: Up): void => {
    if (up.hello != null) {
      const welcome = {
        clusterEpoch: masters.epoch,
        revision,
        clusterDomain: "cluster.local",
        serviceCidr: "10.96.0.0/16",
        dnsAddress: "10.96.0.10",
      };
      send({ welcome });
      send({
        rows: { rows: [...rows.values()].map(({ kind, object }) => rowOf(kind, object)), revision, synced: true },
      });
    } else if (up.heartbeat != null) {
      heartbeats.push(up.heartbeat);
    } else if (up.report != null) {
      const said = JSON.parse(up.report.request) as NodeWrite;
      const { code, body } = write(said);
      if (code < 300) writes.push(said);
      if (lost > 0) {
        lost -= 1;
        breakLink();
      } else send({ result: { id: up.report.id, code, body: JSON.stringify(body) } });
    }
  };

  const breakLink = (): void => {
    const broken = link;
    link = undefined;
    clock.after(0, () => broken?.onClose(new Error("the connection broke")));
  };

  const transport: LinkTransport = {
    link(handlers) {
      if (down) {
        clock.after(1, () => handlers.onClose(new Error("connection refused")));
        return { send: () => {}, close: () => {} };
      }
      link = handlers;
      return {
        send: (up) =>
          void clock.after(1, () => {
            if (link === handlers) take(up);
          }),
        close: breakLink,
      };
    },
    stream(handlers: StreamHandlers) {
      let held: { chunks: Chunk[]; over: boolean } | undefined;
      return {
        pending: 0,
        pause() {},
        resume() {},
        send(chunk) {
          held ??= waiting.get(chunk.id ?? "");
          held?.chunks.push(chunk as Chunk);
        },
        close() {
          if (held !== undefined) held.over = true;
          clock.after(0, () => handlers.onClose(undefined));
        },
      };
    },
    close: () => {},
  };

  const masters: Masters = {
    transport,
    epoch: "e1",
    setDown(value) {
      down = value;
      if (down) breakLink();
    },
    put: (kind, object) => void put(kind, object),
    remove,
    get: <O extends KubeObject>(kind: string, namespace: string, name: string) =>
      rows.get(keyOf(kind, namespace, name))?.object as O | undefined,
    list: (kind) => [...rows.values()].filter((row) => row.kind === kind).map(({ object }) => object),
    terminate(namespace, name, graceSeconds) {
      const object = rows.get(keyOf("pods", namespace, name))!.object;
      const deletion = { deletionTimestamp: "2026-01-01T00:00:00Z", deletionGracePeriodSeconds: graceSeconds };
      put("pods", { ...object, metadata: { ...object.metadata, ...deletion } });
    },
    setProxied: (value) => send({ proxied: { revision: value } }),
    open(request) {
      streams += 1;
      const id = `s${streams}`;
      const held: { chunks: Chunk[]; over: boolean } = { chunks: [], over: false };
      waiting.set(id, held);
      send({ open: { id, request: JSON.stringify(request) } });
      return { chunks: held.chunks, isOver: () => held.over };
    },
    heartbeats,
    writes,
    loseAnswers: (count) => void (lost = count),
    get revision() {
      return revision;
    },
  };
  return masters;
}
