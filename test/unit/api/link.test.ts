import { EventEmitter } from "node:events";
import test from "ava";
import { loadService } from "../../../src/env/real/proto.ts";
import { LinkCalls } from "../../../src/api/link/calls.ts";
import { startFeed } from "../../../src/api/link/feed.ts";
import type { Heartbeat, LinkRow, Rows, Up } from "../../../src/api/link/messages.ts";
import { needsOf } from "../../../src/api/link/needs.ts";
import { NodeTable, type LiveNode } from "../../../src/api/link/nodes.ts";
import { sendBounded, sendInPieces } from "../../../src/api/link/rows.ts";
import { StreamTable } from "../../../src/api/link/streams.ts";
import { DesiredState } from "../../../src/node/link/desired-state.ts";
import { kindById } from "../../../src/kinds/catalogue.ts";
import type { Pod } from "../../../src/kinds/generated/types.ts";
import { hotRecord } from "../../../src/kinds/hot.ts";
import { virtualClock } from "../node/virtual-clock.ts";
import { configMap, createRig, pod, type Rig } from "./harness.ts";

const up = loadService("node.proto", "troupe.node.v1.NodeLink")["Link"]!;

/** A heartbeat as it comes off the wire: what was not sent is null there, not absent. */
function heartbeat(sent: Partial<Heartbeat>): Heartbeat {
  const bytes = up.requestSerialize({ heartbeat: { sequence: 1, proxiedRevision: 0, ...sent } });
  return (up.requestDeserialize(bytes) as Up).heartbeat!;
}

function liveNode(name: string): LiveNode {
  const node = { name, bootId: "b", version: "v", connectedAtMs: 0, lastHeardMs: 0 };
  return { ...node, proxiedRevision: 0, actors: [] };
}

test("a heartbeat without actors leaves those that were told before", (t) => {
  const table = new NodeTable();
  const node = liveNode("n1");
  table.connect(node);
  const view = { path: "/node/n1/proxy", machine: "proxy" };
  table.heard(node, heartbeat({ actors: JSON.stringify([view]) }), 5);
  table.heard(node, heartbeat({ proxiedRevision: 7 }), 9);
  t.deepEqual(
    table.actors().map(({ path }) => path),
    ["/link/n1", "/node/n1/proxy"],
  );
  t.deepEqual(table.lastHeard("n1"), { atMs: 9 });
  table.disconnect(node);
  t.deepEqual(table.actors(), []);
  t.deepEqual(table.lastHeard("n1"), { atMs: 9 }, "silence counts on after the link is gone");
});

test("of two links of one node the newer one counts, whichever ends first", (t) => {
  const table = new NodeTable();
  const [older, newer] = [liveNode("n1"), { ...liveNode("n1"), bootId: "c" }];
  table.connect(older);
  table.connect(newer);
  t.is(table.get("n1"), newer);
  t.is(table.live().length, 1);
  table.disconnect(older);
  t.is(table.get("n1"), newer, "the end of the half-open one takes nothing away");
  table.disconnect(newer);
  t.is(table.get("n1"), undefined);
});

test("a node is expected back for ten seconds after it was heard, or after the leader began to listen", (t) => {
  const table = new NodeTable();
  table.connect({ ...liveNode("n1"), lastHeardMs: 1_000 });
  t.is(table.expectedWithinMs("n1", 3_000), 8_000);
  t.is(table.expectedWithinMs("n1", 11_000), 0);
  t.is(table.expectedWithinMs("n1", 60_000), 0);
  table.listeningSinceMs = 58_000;
  t.is(table.expectedWithinMs("n1", 60_000), 8_000);
  t.is(table.expectedWithinMs("n2", 60_000), 8_000, "a new leader has heard nobody");
});

test("who needs a node whose link is on its way waits for it, and for no longer than is said", async (t) => {
  const time = virtualClock();
  const calls = new LinkCalls<string>(time);
  t.is(await calls.within("n1", 0), undefined);
  const [soon, other] = [calls.within("n1", 500), calls.within("n2", 500)];
  await time.advance(100);
  calls.set("n1", "link");
  t.is(await soon, "link");
  t.is(await calls.within("n1", 0), "link");
  await time.advance(400);
  t.is(await other, undefined);
  calls.delete("n1");
  const late = calls.within("n1", 500);
  calls.giveUp();
  t.is(await late, undefined);
});

test("all proxies are as far as the slowest Ready node's", (t) => {
  const table = new NodeTable();
  for (const [name, revision] of [["n1", 9] as const, ["n2", 4] as const]) {
    const node = liveNode(name);
    table.connect(node);
    table.heard(node, heartbeat({ proxiedRevision: revision }), 0);
  }
  t.is(
    table.proxied(() => true),
    4,
  );
  t.is(
    table.proxied((name) => name === "n1"),
    9,
  );
});

test("a pod's node needs the ConfigMaps and Secrets that it names, each once", (t) => {
  const spec = {
    containers: [
      {
        name: "c",
        envFrom: [{ configMapRef: { name: "a" } }, { secretRef: { name: "s" } }],
        env: [{ name: "X", valueFrom: { configMapKeyRef: { name: "a", key: "k" } } }],
      },
    ],
    initContainers: [{ name: "i", env: [{ name: "Y", valueFrom: { secretKeyRef: { name: "t", key: "k" } } }] }],
    volumes: [
      { name: "v", configMap: { name: "b" } },
      { name: "w", projected: { sources: [{ secret: { name: "u" } }, { configMap: { name: "b" } }] } },
    ],
    imagePullSecrets: [{ name: "pull" }],
  };
  const object = { metadata: { namespace: "n", name: "p" }, spec } as unknown as Pod;
  const names = needsOf({ namespace: "n", hot: hotRecord(kindById("pods")!, object) }).map(
    ({ kind, name }) => `${kind}/${name}`,
  );
  t.deepEqual(
    sorted(names),
    sorted(["configmaps/a", "configmaps/b", "secrets/s", "secrets/t", "secrets/u", "secrets/pull"]),
  );
  t.is(names.length, 6);
});

async function feedOf(rig: Rig, node: string) {
  const batches: Rows[] = [];
  const deferred: (() => void)[] = [];
  const feed = startFeed({
    store: rig.store,
    node,
    send: (rows) => void batches.push(rows),
    defer: (flush) => void deferred.push(flush),
  });
  const told = (): readonly string[] => {
    for (const flush of deferred.splice(0)) flush();
    return batches.splice(0).flatMap(({ rows }) => rows.map(words));
  };
  return { feed, told, first: batches.splice(0)[0]! };
}

/** In one order, whatever the order of telling. */
const sorted = (rows: readonly string[]): readonly string[] => rows.toSorted((a, b) => (a < b ? -1 : 1));

const words = ({ kind, name, object }: LinkRow): string => `${object === undefined ? "-" : "+"}${kind}/${name}`;

test("a node is told its own pods and what they name, from the first state on", async (t) => {
  const rig = await createRig();
  const names = (rows: readonly string[]): readonly string[] =>
    sorted(rows.filter((row) => !/services|nodes|namespaces|slices/.test(row)));
  await rig.post("/api/v1/namespaces/n/configmaps", configMap("a"));
  await rig.post("/api/v1/namespaces/n/configmaps", configMap("other"));
  const bound = (name: string, config: string, nodeName: string) =>
    pod(name, { nodeName, volumes: [{ name: "v", configMap: { name: config } }] });
  await rig.post("/api/v1/namespaces/n/pods", bound("mine", "a", "n1"));
  await rig.post("/api/v1/namespaces/n/pods", bound("theirs", "other", "n2"));
  const { feed, told, first } = await feedOf(rig, "n1");
  t.true(first.synced);
  t.deepEqual(names(first.rows.map(words)), sorted(["+pods/mine", "+configmaps/a"]));

  await rig.call("PUT", "/api/v1/namespaces/n/configmaps/a", { body: configMap("a", { k: "new" }) });
  await rig.call("PUT", "/api/v1/namespaces/n/configmaps/other", { body: configMap("other", { k: "new" }) });
  t.deepEqual(told(), ["+configmaps/a"]);

  await rig.post("/api/v1/namespaces/n/pods", bound("second", "late", "n1"));
  t.deepEqual(names(told()), sorted(["-configmaps/late", "+pods/second"]), "what is missing is told as missing");
  await rig.post("/api/v1/namespaces/n/configmaps", configMap("late"));
  t.deepEqual(told(), ["+configmaps/late"]);

  await rig.call("DELETE", "/api/v1/namespaces/n/pods/second?gracePeriodSeconds=0");
  t.deepEqual(names(told()), sorted(["-pods/second", "-configmaps/late"]));
  feed.close();
  await rig.call("DELETE", "/api/v1/namespaces/n/pods/mine?gracePeriodSeconds=0");
  t.deepEqual(told(), [], "a closed feed tells nothing");
});

const rowOf = (name: string, bytes: number): LinkRow => ({
  kind: "services",
  namespace: "n",
  name,
  revision: 3,
  object: new TextEncoder().encode(JSON.stringify({ pad: "x".repeat(bytes) })),
});

test("a large state goes in pieces, and the node stands at its revision with the last one only", (t) => {
  const sent: Rows[] = [];
  const rows = ["a", "b", "c", "d", "e"].map((name) => rowOf(name, 400));
  const send = (piece: Rows): void => void sent.push(piece);
  sendInPieces(send, { rows, revision: 7, synced: true }, 1_200);
  t.deepEqual(
    sent.map((piece) => [piece.rows.map(({ name }) => name).join(""), piece.revision, piece.synced]),
    [
      ["ab", 0, false],
      ["cd", 0, false],
      ["e", 7, true],
    ],
  );
  const desired = new DesiredState();
  desired.begin(false);
  desired.apply({ rows: [rowOf("old", 1)], revision: 5, synced: true });
  desired.begin(false);
  for (const piece of sent.slice(0, 2)) desired.apply(piece);
  t.is(desired.revision, 5, "half a state moves nothing");
  t.is(desired.list("services").length, 1);
  desired.apply(sent[2]!);
  t.is(desired.revision, 7);
  t.is(desired.list("services").length, 5);
  sent.length = 0;
  sendInPieces(send, { rows: [], revision: 9, synced: true });
  t.deepEqual(sent, [{ rows: [], revision: 9, synced: true }], "an empty state is told as well");
});

test("a node that does not read is cut by bytes, however few messages they are, and not for its first state", (t) => {
  const taken: (() => void)[] = [];
  const slow: number[] = [];
  const send = sendBounded({
    call: { write: (_down, sent) => taken.push(sent) },
    pendingMaxBytes: 1_000,
    tooSlow: (pendingBytes) => void slow.push(pendingBytes),
  });
  send({ rows: [], revision: 0, synced: false }, 5_000);
  send({ rows: [], revision: 1, synced: true }, 5_000);
  send({ rows: [], revision: 2, synced: false }, 900);
  send({ rows: [], revision: 3, synced: false }, 900);
  t.deepEqual([taken.length, slow], [4, []]);
  for (const done of taken.splice(0, 3)) done();
  send({ rows: [], revision: 4, synced: false }, 200);
  t.deepEqual(slow, [], "what the node has taken no longer counts");
  send({ rows: [], revision: 5, synced: false }, 1);
  t.deepEqual([taken.length, slow], [2, [1_100]]);
});

test("a stream to a container tells how many bytes its node has not taken", async (t) => {
  const taken: (() => void)[] = [];
  const call = Object.assign(new EventEmitter(), {
    write: (_chunk: unknown, sent: () => void) => taken.push(sent),
    pause: () => {},
    resume: () => {},
    end: () => {},
  });
  const table = new StreamTable(virtualClock(), { bytes: () => new Uint8Array(16) } as never);
  const opened = table.open("n1", {} as never, () => {});
  table.accept("n1", call as never);
  call.emit("data", { id: "00".repeat(16), channel: 0, data: new Uint8Array(0), end: false, error: "" });
  const stream = await opened;
  stream.send({ channel: 0, bytes: new Uint8Array(600_000) });
  stream.send({ channel: 0, bytes: new Uint8Array(600_000) });
  t.is(stream.pending, 1_200_000);
  taken.shift()!();
  t.is(stream.pending, 600_000);
});

test("a stream that breaks after it was opened ends with the node's error", async (t) => {
  const call = Object.assign(new EventEmitter(), { write: () => {}, pause: () => {}, resume: () => {}, end: () => {} });
  const table = new StreamTable(virtualClock(), { bytes: () => new Uint8Array(16) } as never);
  const opened = table.open("n1", {} as never, () => {});
  table.accept("n1", call as never);
  const chunk = { id: "00".repeat(16), channel: 0, data: new Uint8Array(0), end: false, error: "" };
  call.emit("data", chunk);
  const stream = await opened;
  const closings: (Error | undefined)[] = [];
  stream.onClose((error) => closings.push(error));
  const status = { kind: "Status", status: "Failure", message: "the runtime went away", code: 500 };
  call.emit("data", { ...chunk, channel: 3, end: true, error: JSON.stringify(status) });
  call.emit("end");
  t.deepEqual(
    closings.map((error) => error?.message),
    ["the runtime went away"],
  );
});
