import test, { type ExecutionContext } from "ava";
import type {
  NodeStream,
  NodeStreamRequest,
  NodeStreams,
  StreamAsker,
  StreamChunk,
} from "../../../src/api/node-streams.ts";
import { NodeRelay } from "../../../src/api/link/relay.ts";
import { linkLimits } from "../../../src/api/link/limits.ts";
import { forbiddenPath } from "../../../src/kinds/status-errors.ts";
import type { CallMessage } from "../../../src/raft/transport-api.ts";
import { createSimClock, type SimClock } from "../../../src/sim/clock.ts";
import { createSimRandom } from "../../../src/sim/random.ts";
import { textOf, utf8 } from "../../../src/util/bytes.ts";
import { StatusError } from "../../../src/util/errors.ts";

/** A node's stream as the leader has it; the test is the node. */
class FakeStream implements NodeStream {
  pending = 0;
  isPaused = false;
  isClosed = false;
  readonly sent: StreamChunk[] = [];
  chunk: (chunk: StreamChunk) => void = () => undefined;
  closed: (error: Error | undefined) => void = () => undefined;

  send(chunk: StreamChunk): void {
    this.sent.push(chunk);
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  onChunk(run: (chunk: StreamChunk) => void): void {
    this.chunk = run;
  }
  onClose(run: (error: Error | undefined) => void): void {
    this.closed = run;
  }
  close(): void {
    this.isClosed = true;
  }
}

const request: NodeStreamRequest = { kind: "portforward", podUid: "u1" };
const asker: StreamAsker = {
  user: { name: "jo", groups: [] },
  attributes: { resource: false, verb: "get", path: "/" },
};

function advance(clock: SimClock, ms: number): void {
  const until = clock.mono() + ms;
  while (clock.runNext(until));
  clock.moveTo(until);
}

interface Pair {
  readonly origin: NodeRelay;
  readonly leader: NodeRelay;
  readonly stream: FakeStream;
  readonly clock: SimClock;
  readonly settle: () => Promise<void>;
  leads: boolean;
  allows: boolean;
}

/** Member 2 asks, member 1 leads. Messages arrive in the next turn. */
function pair(t: ExecutionContext): Pair {
  const clock = createSimClock(createSimRandom(1).stream("clock"));
  const stream = new FakeStream();
  const opened: string[] = [];
  const streams: NodeStreams = {
    open: async (node) => {
      opened.push(node);
      return stream;
    },
  };
  const nowhere: NodeStreams = { open: () => Promise.reject(new Error("not here")) };
  const common = {
    clock,
    leader: () => 1,
    authorize: () => {
      if (!made.allows) throw forbiddenPath("no");
    },
    heard: () => [["n1", 7]] as const,
  };
  const carry = (from: number, to: () => NodeRelay) => (target: number, message: CallMessage) => {
    t.not(target, from);
    if (message.type === "relay") clock.after(1, () => to().take(from, message));
  };
  const leader = new NodeRelay({
    ...common,
    identity: { member: 1, incarnation: 1 },
    leads: () => made.leads,
    local: streams,
    port: { send: carry(1, () => origin) },
  });
  const origin: NodeRelay = new NodeRelay({
    ...common,
    identity: { member: 2, incarnation: 4 },
    leads: () => false,
    local: nowhere,
    port: { send: carry(2, () => leader) },
  });
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn += 1) {
      await Promise.resolve();
      advance(clock, 1);
    }
  };
  const made: Pair = { origin, leader, stream, clock, settle, leads: true, allows: true };
  return made;
}

async function opened(made: Pair): Promise<NodeStream> {
  const opening = made.origin.open("n1", request, asker);
  await made.settle();
  return opening;
}

test("bytes go both ways and are acknowledged; the end of one side is the end of the other", async (t) => {
  const made = pair(t);
  const stream = await opened(made);
  const heard: string[] = [];
  stream.onChunk(({ channel, bytes, end }) => heard.push(`${channel} ${textOf(bytes)}${end === true ? " end" : ""}`));
  stream.send({ channel: 0, bytes: utf8("in"), end: true });
  t.is(stream.pending, 2);
  made.stream.chunk({ channel: 1, bytes: utf8("out") });
  made.stream.chunk({ channel: 2, bytes: utf8(""), end: true });
  await made.settle();
  t.is(stream.pending, 0);
  t.deepEqual(heard, ["1 out", "2  end"]);
  t.deepEqual(made.stream.sent, [{ channel: 0, bytes: utf8("in"), end: true }]);
  let closed = 0;
  stream.onClose((error) => {
    t.is(error, undefined);
    closed += 1;
  });
  made.stream.closed(undefined);
  await made.settle();
  t.is(closed, 1);
  t.true(made.stream.isClosed);
});

test("a reader that pauses holds the node back, and nothing is lost when it goes on", async (t) => {
  const made = pair(t);
  const stream = await opened(made);
  let bytes = 0;
  stream.onChunk((chunk) => (bytes += chunk.bytes.length));
  stream.pause();
  const piece = new Uint8Array(linkLimits.relayWindowBytes / 2);
  made.stream.chunk({ channel: 1, bytes: piece });
  made.stream.chunk({ channel: 1, bytes: piece });
  await made.settle();
  t.true(made.stream.isPaused);
  t.is(bytes, 0);
  stream.resume();
  await made.settle();
  t.false(made.stream.isPaused);
  t.is(bytes, 2 * piece.length);
});

test("a node that does not take what it is sent is not acknowledged", async (t) => {
  const made = pair(t);
  const stream = await opened(made);
  made.stream.pending = linkLimits.relayWindowBytes;
  stream.send({ channel: 0, bytes: new Uint8Array(10) });
  await made.settle();
  t.is(stream.pending, 10);
  made.stream.pending = 0;
  advance(made.clock, 2 * linkLimits.relayLookMs);
  await made.settle();
  t.is(stream.pending, 0);
});

test("the leader authorises again, and its refusal is what the client hears", async (t) => {
  const made = pair(t);
  made.allows = false;
  const opening = t.throwsAsync(made.origin.open("n1", request, asker), { instanceOf: StatusError });
  await made.settle();
  t.is((await opening).status.code, 403);
});

test("a master that does not lead any more opens nothing: the next leader is waited for", async (t) => {
  const made = pair(t);
  made.leads = false;
  const opening = made.origin.open("n1", request, asker);
  await made.settle();
  made.leads = true;
  advance(made.clock, 2 * linkLimits.relayRetryMs);
  await made.settle();
  t.truthy(await opening);
});

test("a connection that breaks ends the streams over it at both ends, and opens none twice", async (t) => {
  const made = pair(t);
  const stream = await opened(made);
  const opening = t.throwsAsync(made.origin.open("n1", request, asker), { instanceOf: StatusError });
  let told: Error | undefined;
  stream.onClose((error) => (told = error));
  made.origin.lost(1);
  made.leader.lost(2);
  t.is((await opening).status.code, 503);
  t.true(told instanceof StatusError);
  t.true(made.stream.isClosed);
});

test("a follower learns from the leader when nodes were heard", async (t) => {
  const made = pair(t);
  t.is(made.origin.lastHeard("n1"), undefined);
  advance(made.clock, linkLimits.heardEveryMs + 10);
  await made.settle();
  t.deepEqual(made.origin.lastHeard("n1"), { atMs: 7 });
});
