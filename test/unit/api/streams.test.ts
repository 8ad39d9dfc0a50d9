import test from "ava";
import type { NodeStream } from "../../../src/api/node-streams.ts";
import { internalError } from "../../../src/kinds/status-errors.ts";
import { createSpdySession, type SpdySession } from "../../../src/util/spdy/session.ts";
import { createRig, FakeNodeStream, P, pod, type FakeExchange, type Rig } from "./harness.ts";

async function rigWithPod(): Promise<Rig> {
  const rig = await createRig();
  await rig.post(P, pod("a", { nodeName: "n1" }));
  await rig.post(P, pod("free"));
  const containers = ["x", "y"].map((name) => ({ name, image: "i" }));
  await rig.post(P, { ...pod("two"), spec: { nodeName: "n1", containers } });
  return rig;
}

const v5 = { "sec-websocket-protocol": "v5.channel.k8s.io, v4.channel.k8s.io" };

async function exec(rig: Rig, query: string, headers: Record<string, string> = v5): Promise<FakeExchange> {
  const exchange = rig.open("GET", `${P}/a/exec?${query}`, { headers, upgrade: true });
  await rig.env.advance(10);
  return exchange;
}

const sent = (exchange: FakeExchange): string[] =>
  exchange.socketSent.map((bytes) => `${bytes[0]} ${Buffer.from(bytes.subarray(1)).toString("latin1")}`);

test("logs go out as they come, with the options of the query", async (t) => {
  const rig = await rigWithPod();
  const exchange = rig.open("GET", `${P}/a/log?follow=true&tailLines=5&timestamps=1`);
  await rig.env.advance(10);
  t.like(rig.streams.requests[0], {
    node: "n1",
    request: { kind: "logs", container: "c", pod: "a", namespace: "n" },
  });
  t.deepEqual((rig.streams.requests[0]!.request as { options: unknown }).options, {
    follow: true,
    previous: false,
    timestamps: true,
    tailLines: 5,
  });
  rig.streams.last.chunk(1, "one\n");
  t.is(exchange.text, "one\n");
  t.is(exchange.head?.headers["content-type"], "text/plain");
  rig.streams.last.chunk(1, "two\n");
  t.false(exchange.ended);
  rig.streams.last.end();
  t.is(exchange.text, "one\ntwo\n");
  t.true(exchange.ended);
});

test("a node's refusal of a log is a Status", async (t) => {
  const rig = await rigWithPod();
  const exchange = rig.open("GET", `${P}/a/log`);
  await rig.env.advance(10);
  const message = 'the log of container "c" cannot be read';
  rig.streams.last.chunk(3, JSON.stringify({ status: "Failure", code: 400, message }));
  rig.streams.last.end();
  t.is(exchange.response?.status, 400);
  t.is(JSON.parse(exchange.text).message, message);
});

/** A pod whose node refuses every stream; `c` has this status. */
async function rigThatRefuses(containerStatus: object): Promise<Rig> {
  const refusal = internalError("container not found");
  const rig = await createRig({ nodeStreams: { open: () => Promise.reject(refusal) } });
  await rig.post(P, pod("a", { nodeName: "n1" }));
  const status = { phase: "Pending", containerStatuses: [{ name: "c", ...containerStatus }] };
  const headers = { "content-type": "application/merge-patch+json" };
  await rig.call("PATCH", `${P}/a/status`, { body: { status }, headers });
  return rig;
}

for (const [reason, text] of [
  ["ContainerCreating", "ContainerCreating"],
  ["ErrImagePull", "image can't be pulled"],
  ["ImagePullBackOff", "trying and failing to pull image"],
] as const) {
  test(`the log of a container that waits for ${reason} is refused with the reason`, async (t) => {
    const rig = await rigThatRefuses({ state: { waiting: { reason } } });
    const answer = await rig.call("GET", `${P}/a/log`);
    t.is(answer.code, 400);
    t.is(answer.json.message, `container "c" in pod "a" is waiting to start: ${text}`);
  });
}

test("a refusal of a log whose container runs is the node's own", async (t) => {
  const rig = await rigThatRefuses({ state: { running: {} } });
  t.is((await rig.call("GET", `${P}/a/log`)).json.message, "Internal error occurred: container not found");
});

test("the previous log is that of the container that the status names", async (t) => {
  const rig = await rigWithPod();
  const none = await rig.call("GET", `${P}/a/log?previous=true`);
  t.is(none.code, 400);
  t.is(none.json.message, 'previous terminated container "c" in pod "a" not found');
  const lastState = { terminated: { exitCode: 1, containerID: "containerd://abc" } };
  const body = { status: { containerStatuses: [{ name: "c", lastState }] } };
  const headers = { "content-type": "application/merge-patch+json" };
  await rig.call("PATCH", `${P}/a/status`, { body, headers });
  rig.open("GET", `${P}/a/log?previous=true`);
  await rig.env.advance(10);
  t.like(rig.streams.requests[0]?.request, { kind: "logs", previousId: "abc" });
});

test("what a node refuses of a command comes on the error channel of an upgrade that succeeds", async (t) => {
  const rig = await rigThatRefuses({});
  const exchange = await exec(rig, "command=sh&stdout=true");
  t.is(exchange.protocol, "v5.channel.k8s.io");
  t.regex(sent(exchange).join(), /^3 .*"message":"Internal error occurred: container not found"/);
  t.is(exchange.socketClosed, 1000);
});

test("what a client sends before the node has opened the stream is not lost", async (t) => {
  let resolve: (stream: NodeStream) => void = () => undefined;
  const promise = new Promise<NodeStream>((done) => (resolve = done));
  const rig = await createRig({ nodeStreams: { open: () => promise } });
  await rig.post(P, pod("a", { nodeName: "n1" }));
  const exchange = await exec(rig, "command=cat&stdin=true");
  exchange.message(0, "early");
  const stream = new FakeNodeStream();
  resolve(stream);
  await rig.env.advance(10);
  exchange.message(0, "late");
  t.deepEqual(
    stream.sent.map(({ bytes }) => Buffer.from(bytes).toString()),
    ["early", "late"],
  );
});

const refused: readonly (readonly [string, number, RegExp | undefined])[] = [
  [`${P}/a/log?container=x`, 400, /^container x is not valid for pod a$/],
  [`${P}/two/log`, 400, /^a container name must be specified for pod two, choose one of: \[x y\]$/],
  [`${P}/a/log?tailLines=-1`, 422, /PodLogOptions "a" is invalid: tailLines: Invalid value: -1/],
  [`${P}/free/log`, 204, undefined],
  [`${P}/free/exec?command=sh&stdout=1`, 400, /^pod free does not have a host assigned$/],
  [`${P}/a/exec?command=sh&stdout=1`, 400, /^Upgrade request required$/],
  [`${P}/a/exec?stdout=1`, 400, /at least 1 command/],
  [`${P}/a/exec?command=sh`, 400, /at least 1 of stdin, stdout, stderr/],
  [`${P}/none/attach?stdout=1`, 404, /^pods "none" not found$/],
];
for (const [target, code, message] of refused) {
  test(`GET ${target} is a ${code}`, async (t) => {
    const rig = await rigWithPod();
    const answer = await rig.call("GET", target);
    t.is(answer.code, code, answer.text);
    if (message !== undefined) t.regex(answer.json.message, message);
  });
}

test("exec relays the channels both ways, and closes stdin alone in v5", async (t) => {
  const rig = await rigWithPod();
  const exchange = await exec(rig, "command=cat&command=-&stdin=true&stdout=true&stderr=true");
  t.is(exchange.protocol, "v5.channel.k8s.io");
  t.like(rig.streams.requests[0]?.request, {
    kind: "exec",
    command: ["cat", "-"],
    stdin: true,
    stdout: true,
    stderr: true,
    tty: false,
  });
  const node = rig.streams.last;
  exchange.message(0, "in");
  exchange.message(4, '{"Width":1,"Height":2}');
  exchange.message(255, 0);
  t.deepEqual(
    node.sent.map(({ channel, bytes, end }) => [channel, Buffer.from(bytes).toString(), end]),
    [
      [0, "in", undefined],
      [4, '{"Width":1,"Height":2}', undefined],
      [0, "", true],
    ],
  );
  node.chunk(1, "out");
  node.chunk(2, "err");
  node.end();
  t.deepEqual(sent(exchange), ["1 out", "2 err", '3 {"metadata":{},"status":"Success"}']);
  t.is(exchange.socketClosed, 1000);
});

test("the node's own last word is not followed by another, and no half-close goes to the client", async (t) => {
  const rig = await rigWithPod();
  const exchange = await exec(rig, "command=sh&stdout=true&tty=true&stderr=true");
  t.like(rig.streams.requests[0]?.request, { tty: true, stderr: false });
  rig.streams.last.chunk(1, "", true);
  rig.streams.last.chunk(3, '{"status":"Failure","reason":"NonZeroExitCode"}');
  rig.streams.last.end();
  t.deepEqual(sent(exchange), ['3 {"status":"Failure","reason":"NonZeroExitCode"}']);
});

test("a link that breaks ends the command with a failure", async (t) => {
  const rig = await rigWithPod();
  const exchange = await exec(rig, "command=sh&stdout=true");
  rig.streams.last.end(new Error("the link broke"));
  t.regex(sent(exchange)[0]!, /^3 .*"status":"Failure".*the link broke/);
});

test("port-forward relays the bytes of its tunnel, and ends with the client", async (t) => {
  const rig = await rigWithPod();
  const headers = { "sec-websocket-protocol": "SPDY/3.1+portforward.k8s.io" };
  const exchange = rig.open("GET", `${P}/a/portforward`, { headers, upgrade: true });
  await rig.env.advance(10);
  t.is(exchange.protocol, "SPDY/3.1+portforward.k8s.io");
  exchange.message(128, 3);
  t.deepEqual([...rig.streams.last.sent[0]!.bytes], [128, 3]);
  rig.streams.last.chunk(1, "raw");
  t.is(Buffer.concat(exchange.socketSent).toString(), "raw");
  exchange.disconnect();
  t.true(rig.streams.last.closed);
});

const V4 = "v4.channel.k8s.io";

/** A SPDY client in front of the door: what it sends and what it has been sent. */
class SpdyPeer {
  readonly seen: string[] = [];
  readonly exchange: FakeExchange;
  readonly session: SpdySession;
  #read = 0;

  constructor(exchange: FakeExchange) {
    this.exchange = exchange;
    this.session = createSpdySession({
      side: "client",
      write: (bytes) => exchange.receive(bytes),
      pending: () => 0,
      streamsMax: 0,
      listener: {
        opened: () => undefined,
        data: (id, bytes, isLast) => void this.seen.push(`${id}:${Buffer.from(bytes).toString()}${isLast ? "." : ""}`),
        failed: (error) => void this.seen.push(error.message),
      },
    });
  }

  read(): readonly string[] {
    const fresh = this.exchange.written.slice(this.#read);
    this.#read = this.exchange.written.length;
    for (const bytes of fresh) this.session.receive(bytes);
    return this.seen.splice(0);
  }
}

async function spdyExec(
  rig: Rig,
  query: string,
  more: { readonly types: readonly string[]; readonly versions?: string },
): Promise<SpdyPeer> {
  const { types, versions = `${V4}, v3.channel.k8s.io, v2.channel.k8s.io, channel.k8s.io` } = more;
  const headers = { upgrade: "SPDY/3.1", connection: "Upgrade", "x-stream-protocol-version": versions };
  const exchange = rig.open("POST", `${P}/a/exec?${query}`, { headers, upgrade: true });
  await rig.env.advance(10);
  const peer = new SpdyPeer(exchange);
  for (const streamtype of types) peer.session.open({ streamtype });
  await rig.env.advance(10);
  return peer;
}

test("exec over SPDY: a stream for each channel, both ways, and the Status at the end", async (t) => {
  const rig = await rigWithPod();
  const peer = await spdyExec(rig, "command=cat&stdin=true&stdout=true&stderr=true", {
    types: ["error", "stdin", "stdout", "stderr"],
  });
  t.like(peer.exchange.head, { status: 101, headers: { upgrade: "SPDY/3.1", "x-stream-protocol-version": V4 } });
  t.like(rig.streams.requests[0]?.request, { kind: "exec", stdin: true, stdout: true, stderr: true });
  peer.session.send(3, Buffer.from("in"), true);
  t.deepEqual(
    rig.streams.last.sent.map(({ channel, bytes, end }) => [channel, Buffer.from(bytes).toString(), end]),
    [[0, "in", true]],
  );
  rig.streams.last.chunk(3, '{"status":"Failure","reason":"NonZeroExitCode"}');
  rig.streams.last.chunk(2, "err");
  rig.streams.last.chunk(1, "out");
  rig.streams.last.end();
  t.deepEqual(peer.read(), [
    "7:err",
    "5:out",
    '1:{"status":"Failure","reason":"NonZeroExitCode"}',
    "1:.",
    "3:.",
    "5:.",
    "7:.",
  ]);
  t.false(peer.exchange.ended, "the client closes first");
  await rig.env.advance(5_100);
  t.true(peer.exchange.ended);
});

test("the older protocols end a failure with a text and a success with nothing", async (t) => {
  const rig = await rigWithPod();
  for (const [message, expected] of [
    ['{"status":"Failure","message":"exit 3"}', ["1:exit 3", "1:.", "3:."]],
    ['{"status":"Success"}', ["1:.", "3:."]],
  ] as const) {
    const peer = await spdyExec(rig, "command=sh&stdout=true", {
      types: ["error", "stdout"],
      versions: "channel.k8s.io",
    });
    t.like(peer.exchange.head?.headers, { "x-stream-protocol-version": "channel.k8s.io" });
    rig.streams.last.chunk(3, message);
    rig.streams.last.end();
    t.deepEqual(peer.read(), expected);
  }
});

test("a terminal has a resize stream from v3 on; what is refused comes on the error stream", async (t) => {
  const rig = await rigThatRefuses({});
  const peer = await spdyExec(rig, "command=sh&stdout=true&tty=true", { types: ["error", "stdout"] });
  t.deepEqual(peer.read(), []);
  peer.session.open({ streamtype: "resize" });
  await rig.env.advance(10);
  t.regex(peer.read().join(), /^1:.*"message":"Internal error occurred: container not found"/);
});

test("a SPDY client that does not open its streams in time is cut", async (t) => {
  const rig = await rigWithPod();
  const peer = await spdyExec(rig, "command=sh&stdout=true", { types: ["error"] });
  await rig.env.advance(30_100);
  t.true(peer.exchange.ended);
  t.is(rig.streams.requests.length, 0);
});

test("a SPDY client that breaks the rules gets GOAWAY, and its command is let go", async (t) => {
  const rig = await rigWithPod();
  const peer = await spdyExec(rig, "command=sh&stdout=true", { types: ["error", "stdout"] });
  peer.exchange.receive(Uint8Array.of(0x80, 2, 0, 1, 0, 0, 0, 0));
  t.true(peer.exchange.ended);
  peer.exchange.disconnect();
  t.true(rig.streams.last.closed);
});

const handshakes: readonly (readonly [Record<string, string>, number, RegExp])[] = [
  [{ upgrade: "SPDY/3.1" }, 400, /X-Stream-Protocol-Version is required/],
  [{ upgrade: "SPDY/3.1", "x-stream-protocol-version": "v9" }, 403, /client supports \[v9\], server accepts \[v4/],
  [{ upgrade: "h2c" }, 400, /"h2c" is not known/],
  [{ upgrade: "websocket", "sec-websocket-protocol": "v9" }, 400, /not supported: \[v9\]; supports \[v5/],
];
for (const [headers, code, message] of handshakes) {
  test(`exec with ${JSON.stringify(headers)} is a ${code}`, async (t) => {
    const rig = await rigWithPod();
    const exchange = rig.open("POST", `${P}/a/exec?command=sh&stdout=1`, { headers, upgrade: true });
    await rig.env.advance(10);
    t.is(exchange.response?.status, code);
    t.regex(JSON.parse(exchange.text).message, message);
    if (code === 403) t.is(exchange.response?.headers["x-accepted-stream-protocol-versions"]?.length, 4);
  });
}

test("the base64 form of the channels has a digit and a text", async (t) => {
  const rig = await rigWithPod();
  const headers = { "sec-websocket-protocol": "base64.channel.k8s.io" };
  const exchange = await exec(rig, "command=cat&stdin=true&stdout=true", headers);
  exchange.message("0", Buffer.from("in").toString("base64"));
  t.is(Buffer.from(rig.streams.last.sent[0]!.bytes).toString(), "in");
  rig.streams.last.chunk(1, "out");
  rig.streams.last.end();
  t.deepEqual(
    exchange.socketSent.map((bytes) => Buffer.from(bytes).toString()),
    [`1${Buffer.from("out").toString("base64")}`],
    "and no word for a success",
  );
});

test("a slow client holds back its container, a slow node its client; nobody is cut", async (t) => {
  const rig = await rigWithPod();
  const exchange = await exec(rig, "command=cat&stdin=true&stdout=true");
  const node = rig.streams.last;
  exchange.pending = 2_000_000;
  node.chunk(1, "out");
  t.true(node.isPaused);
  node.pending = 2_000_000;
  exchange.message(0, "in");
  t.true(exchange.isPaused);
  await rig.env.advance(100);
  t.true(node.isPaused && exchange.isPaused);
  exchange.pending = 0;
  node.pending = 0;
  await rig.env.advance(100);
  t.false(node.isPaused || exchange.isPaused || node.closed);
});

test("port-forward over SPDY goes through as it is", async (t) => {
  const rig = await rigWithPod();
  const headers = { upgrade: "SPDY/3.1", "x-stream-protocol-version": "portforward.k8s.io" };
  const exchange = rig.open("POST", `${P}/a/portforward`, { headers, upgrade: true });
  await rig.env.advance(10);
  t.like(exchange.head, { status: 101, headers: { "x-stream-protocol-version": "portforward.k8s.io" } });
  exchange.receive(Uint8Array.of(128, 3));
  t.deepEqual([...rig.streams.last.sent[0]!.bytes], [128, 3]);
  rig.streams.last.chunk(1, "raw");
  t.is(exchange.text, "raw");
  rig.streams.last.end();
  t.true(exchange.ended);
});

test("port-forward in channels: the port first, then data and error of each port", async (t) => {
  const rig = await rigWithPod();
  const headers = { "sec-websocket-protocol": V4 };
  const exchange = rig.open("GET", `${P}/a/portforward?ports=80,8080`, { headers, upgrade: true });
  await rig.env.advance(10);
  t.deepEqual(
    exchange.socketSent.splice(0).map((bytes) => [...bytes]),
    [
      [0, 80, 0],
      [1, 80, 0],
      [2, 0x90, 0x1f],
      [3, 0x90, 0x1f],
    ],
  );
  const opened: string[] = [];
  const heard: string[] = [];
  const runtime = createSpdySession({
    side: "server",
    write: (bytes) => rig.streams.last.bytes(1, bytes),
    pending: () => 0,
    streamsMax: 8,
    listener: {
      opened: (id, all) => void opened.push([id, ...all.values()].join(" ")),
      data: (id, bytes, isLast) => void heard.push(`${id}:${Buffer.from(bytes).toString()}${isLast ? "." : ""}`),
      failed: (error) => t.fail(error.message),
    },
  });
  exchange.message(2, "ask");
  exchange.message(1, "nobody listens");
  for (const { bytes } of rig.streams.last.sent) runtime.receive(bytes);
  t.deepEqual(opened, ["1 error 80 0", "3 data 80 0", "5 error 8080 1", "7 data 8080 1"]);
  t.deepEqual(heard, ["1:.", "5:.", "7:ask"]);
  runtime.send(7, Buffer.from("answer"), true);
  runtime.send(1, Buffer.from("refused"), true);
  t.deepEqual(sent(exchange), ["2 answer", "1 refused"]);
  runtime.send(3, new Uint8Array(), true);
  t.false(rig.streams.last.closed);
  runtime.send(5, new Uint8Array(), true);
  t.true(rig.streams.last.closed);
  const none = rig.open("GET", `${P}/a/portforward?ports=0`, { headers, upgrade: true });
  await rig.env.advance(10);
  t.is(none.response?.status, 400);
});
