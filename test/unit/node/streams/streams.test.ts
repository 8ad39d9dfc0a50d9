import test from "ava";

import type { ByteStream, HostNet } from "../../../../src/env/host.ts";
import { openCommandStream, openPortForward } from "../../../../src/node/streams/runtime-stream.ts";
import { openNodeStream } from "../../../../src/node/streams/serve.ts";
import { dataFrames, pingFrame } from "../../../../src/util/spdy/frames.ts";
import { createFakeCri } from "../../../../src/testing/fake-cri.ts";
import { createFakeFiles } from "../../../../src/testing/fake-files.ts";
import { concatBytes, textOf, utf8 } from "../../../../src/util/bytes.ts";
import { virtualClock } from "../virtual-clock.ts";

interface FakeServer {
  readonly net: HostNet;
  /** Everything that the client wrote. */
  written(): Uint8Array;
  say(bytes: Uint8Array): void;
  hangUp(error?: Error): void;
  readonly isDestroyed: boolean;
}

function fakeServer(answer: string): FakeServer {
  const written: Uint8Array[] = [];
  let onData: (bytes: Uint8Array) => void = () => undefined;
  let onClose: (error: Error | undefined) => void = () => undefined;
  let isDestroyed = false;
  const stream: ByteStream = {
    write: (bytes) => {
      written.push(bytes);
      if (written.length === 1) queueMicrotask(() => onData(utf8(answer)));
    },
    pending: 0,
    onData: (run) => void (onData = run),
    onClose: (run) => {
      const before = onClose;
      onClose = (error) => {
        before(error);
        run(error);
      };
    },
    pause: () => undefined,
    resume: () => undefined,
    end: () => undefined,
    destroy: () => void (isDestroyed = true),
  };
  const unused = (): never => {
    throw new Error("not used here");
  };
  return {
    net: { httpGet: unused, tcpConnect: unused, dial: async () => stream },
    written: () => concatBytes(written),
    say: (bytes) => onData(bytes),
    hangUp: (error) => onClose(error),
    get isDestroyed(): boolean {
      return isDestroyed;
    },
  };
}

const switched = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: SPDY/3.1\r\n\r\n";
const url = "http://127.0.0.1:4321/exec/token";

test("a command's streams are opened in kubectl's order; it is over when all its outputs are", async (t) => {
  const server = fakeServer(switched);
  const stream = await openCommandStream(server.net, url, {
    stdin: true,
    stdout: true,
    stderr: true,
    tty: false,
  });
  const head = textOf(server.written());
  t.regex(head, /^POST \/exec\/token HTTP\/1\.1\r\nHost: 127\.0\.0\.1:4321\r\n/);
  const kinds = [...head.matchAll(/streamtype....(error|stdin|stdout|stderr|resize)/gs)];
  t.deepEqual(
    kinds.map(([, kind]) => kind),
    ["error", "stdin", "stdout", "stderr"],
  );

  const seen: string[] = [];
  const closings: (Error | undefined)[] = [];
  stream.onChunk(({ channel, bytes, end }) => seen.push(`${channel}:${textOf(bytes)}${end ? "." : ""}`));
  stream.onClose((error) => closings.push(error));
  server.say(dataFrames(5, utf8("out"), false));
  server.say(dataFrames(7, utf8("err"), true));
  server.say(dataFrames(5, new Uint8Array(0), true));
  t.deepEqual(closings, []);
  server.say(dataFrames(1, utf8("status"), true));
  t.deepEqual(seen, ["1:out", "2:err.", "1:.", "3:status."]);
  t.deepEqual(closings, [undefined]);
  // That the other side then cuts the connection is no news.
  server.hangUp(new Error("ECONNRESET"));
  t.deepEqual(closings, [undefined]);
});

test("a terminal has a resize stream and no stderr; input for no stream is dropped", async (t) => {
  const server = fakeServer(switched);
  const stream = await openCommandStream(server.net, url, {
    stdin: false,
    stdout: true,
    stderr: true,
    tty: true,
  });
  const head = textOf(server.written());
  const kinds = [...head.matchAll(/streamtype....(error|stdin|stdout|stderr|resize)/gs)];
  t.deepEqual(
    kinds.map(([, kind]) => kind),
    ["error", "stdout", "resize"],
  );
  const before = server.written().length;
  stream.send({ channel: 0, bytes: utf8("lost") });
  t.is(server.written().length, before);
  stream.send({ channel: 4, bytes: utf8("{}") });
  t.deepEqual(server.written().subarray(before), dataFrames(5, utf8("{}"), false));
});

test("a connection that breaks before the status is an error; pings are answered", async (t) => {
  const server = fakeServer(switched);
  const stream = await openCommandStream(server.net, url, {
    stdin: false,
    stdout: true,
    stderr: false,
    tty: false,
  });
  const before = server.written().length;
  server.say(pingFrame(7));
  t.deepEqual(server.written().subarray(before), pingFrame(7));
  server.hangUp(new Error("reset"));
  const error = await new Promise<Error | undefined>((resolve) => stream.onClose(resolve));
  t.is(error?.message, "reset");
});

test("a connection that ends in order, and without a status, is an error", async (t) => {
  const server = fakeServer(switched);
  const flags = { stdin: false, stdout: true, stderr: false, tty: false };
  const cut = await openCommandStream(server.net, url, flags);
  server.say(dataFrames(3, utf8("out"), true));
  server.hangUp();
  const cutWith = await new Promise<Error | undefined>((resolve) => cut.onClose(resolve));
  t.is(cutWith?.message, "the runtime did not say how the command ended");

  const other = fakeServer(switched);
  const told = await openCommandStream(other.net, url, flags);
  other.say(dataFrames(1, utf8("status"), false));
  other.hangUp(new Error("ECONNRESET"));
  t.is(await new Promise<Error | undefined>((resolve) => told.onClose(resolve)), undefined, "it had said it");
});

test("a used token is refused with the server's words", async (t) => {
  const server = fakeServer("HTTP/1.1 404 Not Found\r\n\r\n404 page not found\n");
  await t.throwsAsync(openPortForward(server.net, url), {
    message: /HTTP\/1\.1 404 Not Found 404 page not found/,
  });
  t.true(server.isDestroyed);
});

test("port-forward hands bytes on untouched, those that came with the head too", async (t) => {
  const server = fakeServer(`${switched}early`);
  const stream = await openPortForward(server.net, url);
  const seen: string[] = [];
  stream.onChunk(({ bytes }) => seen.push(textOf(bytes)));
  server.say(utf8("late"));
  t.deepEqual(seen, ["early", "late"]);
  stream.send({ channel: 1, bytes: utf8("raw") });
  t.is(textOf(server.written().subarray(-3)), "raw");
});

test("what is asked of a container that is not there is refused in a sentence", async (t) => {
  const clock = virtualClock();
  const seams = {
    cri: createFakeCri(clock),
    net: fakeServer(switched).net,
    files: createFakeFiles(),
    clock,
  };
  const flags = { tty: false, stdin: false, stdout: true, stderr: true };
  await t.throwsAsync(
    openNodeStream(seams, { kind: "exec", podUid: "u", container: "web", command: ["ls"], ...flags }),
    { message: 'unable to upgrade connection: container not found ("web")' },
  );
  const logs = { kind: "logs", podUid: "u", namespace: "d", pod: "p", container: "web" } as const;
  const options = { follow: false, timestamps: false };
  await t.throwsAsync(openNodeStream(seams, { ...logs, options: { ...options, previous: true } }), {
    message: 'previous terminated container "web" in pod "p" not found',
  });
  await t.throwsAsync(openNodeStream(seams, { kind: "portforward", podUid: "u" }), {
    message: /not running/,
  });
});
