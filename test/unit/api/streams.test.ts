import test from "ava";
import type { NodeStream } from "../../../src/api/node-streams.ts";
import { internalError } from "../../../src/kinds/status-errors.ts";
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
