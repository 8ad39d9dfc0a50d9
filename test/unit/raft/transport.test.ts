import test from "ava";
import fc from "fast-check";
import { realCrypto } from "../../../src/env/real/crypto.ts";
import { PeerTransport, peerUri } from "../../../src/raft/peer-transport.ts";
import type { PeerHandlers } from "../../../src/raft/peer-transport.ts";
import type { PeerMessage } from "../../../src/raft/transport-api.ts";
import { Encoder, FrameReader, decode } from "../../../src/raft/wire.ts";
import type { Frame } from "../../../src/raft/wire.ts";
import { createSimEnv } from "../../../src/sim/env.ts";
import type { SimEnv } from "../../../src/sim/env.ts";
import { InvariantError } from "../../../src/util/errors.ts";
import { entry, settle } from "./support/log.ts";
import { MemorySockets } from "./support/sockets.ts";

const id = { index: 7, term: 2, sizeBytes: 900, crc: 0xffff_fff0 };
const frames: readonly Frame[] = [
  { type: "hello", clusterId: "c", memberId: 2 ** 40, incarnation: 3, lane: "bulk" },
  { type: "refused", why: "no", isRemoved: true },
  { type: "preVote", term: 1, nextTerm: 2, lastIndex: 3, lastTerm: 4, reason: "linkdown" },
  { type: "preVoteResp", term: 1, forTerm: 2, granted: true },
  { type: "vote", term: 1, lastIndex: 3, lastTerm: 4, reason: "transfer" },
  { type: "voteResp", term: 1, granted: false },
  {
    type: "append",
    term: 5,
    prevIndex: 1,
    prevTerm: 1,
    commit: 1,
    entries: [entry(2, 3), entry(3, 5, "x".repeat(9_000))],
  },
  { type: "append", term: 5, prevIndex: 1, prevTerm: 1, commit: 1, entries: [] },
  { type: "appendResp", term: 5, outcome: "ok", match: 9 },
  { type: "appendResp", term: 5, outcome: "reject", prevIndex: 1, hintIndex: 2, hintTerm: 3 },
  { type: "heartbeat", term: 1, commit: 2, commitTerm: 1, readRound: 3, sentAt: 4.5, floor: 6 },
  { type: "heartbeatResp", term: 1, readRound: 3, sentAt: 4.5 },
  { type: "readIndex", term: 1, id: 2 ** 44 },
  { type: "readIndexResp", term: 1, id: 2, index: 3 },
  { type: "timeoutNow", term: 8 },
  { type: "repair", term: 1, nonce: 2, lastIndex: 3 },
  { type: "repaired", term: 1, nonce: 2, upTo: 3 },
  { type: "removed", term: 4 },
  { type: "snapshotOffer", term: 3, id },
  { type: "snapshotChunk", term: 3, id, offset: 4, crc: 5, bytes: new Uint8Array([1, 2, 3]) },
  { type: "snapshotAck", term: 3, id, offset: 4, state: "broken" },
];

test("every frame comes out as it went in, however the stream is cut", (t) => {
  const encoder = new Encoder(realCrypto);
  const bytes = frames.map((frame) => encoder.encode([frame]));
  const stream = new Uint8Array(bytes.reduce((sum, { length }) => sum + length, 0));
  bytes.reduce((at, piece) => (stream.set(piece, at), at + piece.length), 0);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 60 }), (cuts) => {
      const reader = new FrameReader();
      const seen: Frame[] = [];
      for (let at = 0, n = 0; at < stream.length; n += 1) {
        const end = Math.min(stream.length, at + (cuts[n % cuts.length] as number));
        reader.push(stream.subarray(at, end), (body) => seen.push(decode(realCrypto, body)));
        at = end;
      }
      t.deepEqual(seen, frames);
    }),
    { numRuns: 40 },
  );
});

test("an append that goes to several members arrives whole at each, with what each is told", (t) => {
  const encoder = new Encoder(realCrypto);
  const [two, three, four] = [entry(2, 3), entry(3, 5, "x".repeat(900)), entry(4, 5)];
  const append = (commit: number, entries: readonly ReturnType<typeof entry>[]): Frame => ({
    type: "append",
    term: 5,
    prevIndex: 1,
    prevTerm: 1,
    commit,
    entries,
  });
  const sent = [
    [append(1, [two, three, four])],
    [append(1, [two, three, four])],
    [append(2, [two, three, four]), append(2, [])],
    [append(2, [two, three])],
    [append(2, [two, entry(3, 6), entry(4, 6)])],
    [append(1, [two, three, four])],
  ];
  const bytes = sent.map((some) => encoder.encode(some));
  for (const [at, some] of sent.entries()) {
    const seen: Frame[] = [];
    new FrameReader().push(bytes[at] as Uint8Array, (body) => seen.push(decode(realCrypto, body)));
    t.deepEqual(seen, some);
  }
});

test("an entry that was changed on the way, a strange type and a frame too long break the connection", (t) => {
  const encoder = new Encoder(realCrypto);
  const bytes = encoder.encode([frames[6] as Frame]).slice(4);
  bytes[bytes.length - 1] = 0;
  t.throws(() => decode(realCrypto, bytes), { instanceOf: InvariantError });
  t.throws(() => decode(realCrypto, new Uint8Array([99])), { instanceOf: InvariantError });
  t.throws(() => new FrameReader().push(new Uint8Array([0xff, 0, 0, 0, 1]), () => undefined), {
    instanceOf: InvariantError,
  });
});

interface Node {
  readonly transport: PeerTransport;
  readonly port: number;
  readonly heard: string[];
  readonly removed: Set<number>;
}

async function node(
  env: SimEnv,
  memory: MemorySockets,
  memberId: number,
  more: { readonly incarnation?: number; readonly clusterId?: string; readonly authority?: string } = {},
): Promise<Node> {
  const { incarnation = 1, clusterId = "c", authority = "ours" } = more;
  const heard: string[] = [];
  const removed = new Set<number>();
  const handlers: PeerHandlers = {
    clusterId,
    memberId,
    incarnation,
    receive: (from: number, message: PeerMessage) => void heard.push(`${from} ${message.type}@${message.term}`),
    link: (peer: number, isUp: boolean) => void heard.push(`${peer} ${isUp ? "up" : "down"}`),
    isRemoved: (one: number) => removed.has(one),
  };
  const transport = new PeerTransport({
    clock: env.clock,
    crypto: realCrypto,
    log: () => undefined,
    sockets: memory.sockets,
    listenAt: { host: "m", port: 0 },
    credentials: () => ({ certificate: peerUri("c", memberId), key: "", authority }),
  });
  return { transport, port: await transport.start(handlers), heard, removed };
}

const say = (term: number): PeerMessage => ({ type: "timeoutNow", term });

async function two(): Promise<{ env: SimEnv; memory: MemorySockets; one: Node; other: Node }> {
  const env = createSimEnv({ seed: 1 });
  const memory = new MemorySockets();
  const one = await node(env, memory, 1);
  const other = await node(env, memory, 2);
  one.transport.setPeers([{ id: 2, address: `m:${other.port}` }]);
  other.transport.setPeers([{ id: 1, address: `m:${one.port}` }]);
  await env.advance(10);
  return { env, memory, one, other };
}

test("members call each other, messages arrive from who the certificate says, a broken connection is told and mended", async (t) => {
  const { env, memory, one, other } = await two();
  one.transport.send(2, say(5));
  await env.advance(10);
  t.deepEqual(one.heard, ["2 up"]);
  t.deepEqual(other.heard, ["1 up", "1 timeoutNow@5"]);
  memory.cutAll();
  await env.advance(600);
  t.deepEqual(one.heard, ["2 up", "2 down", "2 up"]);
  other.transport.send(1, say(6));
  one.transport.send(2, { type: "snapshotOffer", term: 1, id });
  await env.advance(10);
  t.deepEqual(one.heard.at(-1), "2 timeoutNow@6");
  t.deepEqual(other.heard.at(-1), "1 snapshotOffer@1");
});

test("of a member that dies one connection is closed first: the log does not wait for its own to break", async (t) => {
  const { env, memory, one, other } = await two();
  // A piece of a command goes on a connection of its own, dialed last.
  one.transport.send(2, {
    type: "command",
    term: 1,
    incarnation: 1,
    sequence: 1,
    resultsUpTo: 0,
    body: new Uint8Array(),
  });
  await env.advance(10);
  t.deepEqual([one.heard, other.heard], [["2 up"], ["1 up"]]);
  memory.cutLast();
  await env.advance(600);
  t.deepEqual(one.heard, ["2 up", "2 down", "2 up"]);
  t.deepEqual(other.heard, ["1 up", "1 down", "1 up"]);
});

test("words of an election leave at once; the rest waits until pending input is worked off", async (t) => {
  const { env, other, one } = await two();
  const heartbeat = {
    type: "heartbeat",
    term: 4,
    commit: 0,
    commitTerm: 0,
    readRound: 0,
    sentAt: 0,
    floor: 0,
  } as const;
  one.transport.send(2, heartbeat);
  await settle(20);
  t.deepEqual(other.heard, ["1 up"]);
  one.transport.send(2, say(5));
  await settle(20);
  t.deepEqual(other.heard, ["1 up", "1 heartbeat@4", "1 timeoutNow@5"]);
  await env.advance(10);
  t.is(other.heard.length, 3);
});

test("one that is told something all the time and says nothing is called anew; a rest between two words is none", async (t) => {
  const { env, memory, one, other } = await two();
  const talk = async (ms: number, everyMs: number): Promise<void> => {
    for (let pastMs = 0; pastMs < ms; pastMs += everyMs) {
      one.transport.send(2, say(5));
      await env.advance(everyMs);
    }
  };
  await talk(4_900, 100);
  other.transport.send(1, say(6));
  await env.advance(10);
  await talk(4_900, 100);
  await talk(20_000, 2_000);
  t.deepEqual(one.heard, ["2 up", "2 timeoutNow@6"]);
  memory.swallow();
  await talk(6_000, 100);
  t.deepEqual(one.heard.slice(2), ["2 down", "2 up"]);
  t.is(other.heard.at(-1), "1 timeoutNow@5");
});

test("one that knows no address answers on the connection it was called on", async (t) => {
  const env = createSimEnv({ seed: 1 });
  const memory = new MemorySockets();
  const one = await node(env, memory, 1);
  const joiner = await node(env, memory, 2);
  one.transport.setPeers([{ id: 2, address: `m:${joiner.port}` }]);
  await env.advance(10);
  joiner.transport.send(1, say(3));
  await env.advance(10);
  t.deepEqual(one.heard, ["2 up", "2 timeoutNow@3"]);
});

test("another cluster, another member, another authority: no connection, no message", async (t) => {
  const env = createSimEnv({ seed: 1 });
  const memory = new MemorySockets();
  const one = await node(env, memory, 1);
  const cases = [
    await node(env, memory, 2, { clusterId: "alien" }),
    await node(env, memory, 3, { authority: "theirs" }),
    await node(env, memory, 4),
  ];
  one.transport.setPeers([]);
  for (const [at, { transport }] of cases.entries()) {
    // The last one calls as if member 1 were member 9.
    transport.setPeers([{ id: at === 2 ? 9 : 1, address: `m:${one.port}` }]);
    transport.send(at === 2 ? 9 : 1, say(1));
  }
  await env.advance(300);
  for (const { transport } of cases) transport.send(1, say(2));
  await env.advance(50);
  t.deepEqual(one.heard, []);
  for (const { heard } of cases) t.deepEqual(heard, []);
});

test("a member that was removed is told so when it calls", async (t) => {
  const { env, memory, one, other } = await two();
  one.removed.add(2);
  memory.cutAll();
  await env.advance(300);
  t.true(other.heard.includes("1 removed@0"));
  one.transport.stop();
});

test("a new life of a member: what its earlier life had sent arrives no more", async (t) => {
  const { env, memory, one } = await two();
  const again = await node(env, memory, 2, { incarnation: 2 });
  one.heard.length = 0;
  again.transport.setPeers([{ id: 1, address: `m:${one.port}` }]);
  await env.advance(5);
  t.true(one.heard.includes("2 down"));
  again.transport.send(1, say(9));
  await env.advance(5);
  t.is(one.heard.at(-1), "2 timeoutNow@9");
});
