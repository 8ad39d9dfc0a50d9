import { constants, deflateSync, createDeflate } from "node:zlib";
import test from "ava";
import fc from "fast-check";
import { concatBytes, textOf, utf8 } from "../../../src/util/bytes.ts";
import { adler32, createInflater, InflateError } from "../../../src/util/inflate.ts";
import { spdyDictionary } from "../../../src/util/spdy/dictionary.ts";
import {
  createHeaderCompressor,
  createSpdyDecoder,
  dataFrames,
  goAwayFrame,
  initialWindowFrame,
  pingFrame,
  resetFrame,
  SpdyError,
  synReply,
  synStream,
  windowFrame,
  type SpdyFrame,
} from "../../../src/util/spdy/frames.ts";
import { createSpdySession, type SpdySession } from "../../../src/util/spdy/session.ts";

/** Cuts bytes into pieces of these lengths, over and over. */
function* cut(bytes: Uint8Array, lengths: readonly number[]): Generator<Uint8Array> {
  let at = 0;
  for (let index = 0; at < bytes.length; index += 1) {
    const length = lengths[index % lengths.length]!;
    yield bytes.slice(at, at + length);
    at += length;
  }
}

const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 });

test("the dictionary is the one whose checksum every SPDY/3 stream names", (t) => {
  t.is(spdyDictionary.length, 1_423);
  t.is(adler32(spdyDictionary), 0xe3c6a7c2);
});

test("what zlib has packed is unpacked alike, however it is cut and at whatever level", (t) => {
  const content = fc.oneof(
    fc.uint8Array({ maxLength: 3_000 }),
    fc.array(fc.constantFrom("accept", "status", "streamtype", "x"), { maxLength: 400 }).map((all) => utf8(all.join())),
  );
  fc.assert(
    fc.property(content, fc.integer({ min: 0, max: 9 }), fc.boolean(), cuts, (plain, level, hasDictionary, lengths) => {
      const packed = deflateSync(plain, { level, ...(hasDictionary ? { dictionary: spdyDictionary } : {}) });
      const inflater = createInflater(spdyDictionary);
      // The checksum behind the last block is nobody's to read.
      const given = [...cut(packed.subarray(0, -4), lengths)].map((piece) => inflater.push(piece, 4_000));
      t.deepEqual(concatBytes(given), Uint8Array.from(plain));
    }),
    { numRuns: 200 },
  );
});

test("output has a bound, and what is no zlib stream is refused", (t) => {
  const bomb = deflateSync(new Uint8Array(1_000_000));
  t.throws(() => createInflater(spdyDictionary).push(bomb, 65_536), { instanceOf: InflateError, message: /65536/ });
  const random = fc.uint8Array({ minLength: 2, maxLength: 200 });
  fc.assert(
    fc.property(random, (bytes) => {
      const begun = concatBytes([Uint8Array.of(0x78, 0x9c), bytes]);
      try {
        return createInflater(spdyDictionary).push(begun, 1_000).length <= 1_000;
      } catch (error) {
        return error instanceof InflateError;
      }
    }),
    { numRuns: 2_000 },
  );
});

/** Frames with pieces of one data frame joined, so that they do not depend on the cuts. */
function joined(frames: readonly SpdyFrame[]): unknown[] {
  const all: unknown[] = [];
  let open: { stream: number; text: string } | undefined;
  for (const frame of frames) {
    if (frame.kind !== "data") {
      all.push(frame.kind === "open" ? { ...frame, headers: [...frame.headers] } : frame);
      continue;
    }
    if (open === undefined || open.stream !== frame.stream) {
      open = { stream: frame.stream, text: "" };
      all.push(open);
    }
    open.text += `${[...frame.bytes].join()}${frame.bytes.length > 0 ? "," : ""}${frame.isLast ? "." : ""}`;
    if (frame.isLast) open = undefined;
  }
  return all;
}

const name = fc.constantFrom("streamtype", "port", "requestid", "x-a");
const stream = fc.integer({ min: 1, max: 2 ** 31 - 1 });
const anyFrame = fc.oneof(
  fc.record({ stream, headers: fc.dictionary(name, fc.string()) }).map((o) => ({ kind: "open" as const, ...o })),
  fc.record({ stream, bytes: fc.uint8Array({ maxLength: 60 }), isLast: fc.boolean() }),
  fc.record({ ping: stream }),
  fc.record({ reset: stream, code: fc.integer({ min: 1, max: 11 }) }),
  fc.record({ widen: stream, by: stream }),
  fc.record({ goAway: stream }),
  fc.record({ reply: stream }),
  fc.record({ initial: stream }),
);

test("frames are read alike however the bytes are cut", (t) => {
  fc.assert(
    fc.property(fc.array(anyFrame, { maxLength: 12 }), cuts, (frames, lengths) => {
      const compressor = createHeaderCompressor();
      const wire = concatBytes(
        frames.map((frame) => {
          if ("headers" in frame) return synStream(frame.stream, frame.headers, compressor);
          if ("bytes" in frame) return dataFrames(frame.stream, frame.bytes, frame.isLast);
          if ("ping" in frame) return pingFrame(frame.ping);
          if ("reset" in frame) return resetFrame(frame.reset, frame.code);
          if ("widen" in frame) return windowFrame(frame.widen, frame.by);
          if ("goAway" in frame) return goAwayFrame(frame.goAway, 0);
          if ("reply" in frame) return synReply(frame.reply, compressor);
          return initialWindowFrame(frame.initial);
        }),
      );
      const whole = createSpdyDecoder().push(wire);
      const decoder = createSpdyDecoder();
      const pieces = [...cut(wire, lengths)].flatMap((piece) => [...decoder.push(piece)]);
      t.deepEqual(joined(pieces), joined(whole));
      const opened = whole.flatMap((frame) => (frame.kind === "open" ? [Object.fromEntries(frame.headers)] : []));
      const sent = frames.flatMap((frame) => ("headers" in frame ? [frame.headers] : []));
      // Of a value with a NUL in it the first part counts.
      const expected = sent.map((headers) =>
        Object.fromEntries(
          Object.entries(headers).map(([key, value]) => [key, textOf(utf8(value)).split("\u0000")[0]!]),
        ),
      );
      t.deepEqual(opened, expected);
    }),
    { numRuns: 300 },
  );
});

test("header blocks that zlib packs with the dictionary are read, one stream over all frames", async (t) => {
  const deflate = createDeflate({ dictionary: spdyDictionary, level: 9 });
  const decoder = createSpdyDecoder();
  for (const [index, streamtype] of ["error", "stdin", "stdout", "stdout"].entries()) {
    const plain = synStream(1, { streamtype, port: "80" }, { next: (block) => block });
    const block = plain.subarray(18);
    const packed = await new Promise<Buffer>((resolve) => {
      const parts: Buffer[] = [];
      const take = (part: Buffer): void => void parts.push(part);
      deflate.on("data", take);
      deflate.write(block);
      deflate.flush(constants.Z_SYNC_FLUSH, () => {
        deflate.off("data", take);
        resolve(Buffer.concat(parts));
      });
    });
    const frame = synStream(2 * index + 1, {}, { next: () => packed });
    const [read] = decoder.push(frame);
    t.is(read?.kind, "open");
    t.deepEqual(read?.kind === "open" ? [...read.headers] : [], [
      ["streamtype", streamtype],
      ["port", "80"],
    ]);
  }
});

test("long data leave as they come, and only the last piece ends the stream", (t) => {
  const decoder = createSpdyDecoder();
  const wire = dataFrames(3, new Uint8Array(600_000), true);
  const frames = [...cut(wire, [100_000])].flatMap((piece) => [...decoder.push(piece)]);
  const lengths = frames.map((frame) => (frame.kind === "data" ? frame.bytes.length : 0));
  t.true(Math.max(...lengths) <= 100_000);
  t.is(
    lengths.reduce((sum, length) => sum + length, 0),
    600_000,
  );
  t.deepEqual(
    frames.map((frame) => frame.kind === "data" && frame.isLast),
    frames.map((_, index) => index === frames.length - 1),
  );
});

interface End {
  readonly session: SpdySession;
  readonly seen: string[];
  readonly written: Uint8Array[];
  pending: number;
}

function createEnd(side: "client" | "server", streamsMax = 4): End {
  const seen: string[] = [];
  const written: Uint8Array[] = [];
  const end: End = {
    seen,
    written,
    pending: 0,
    session: createSpdySession({
      side,
      write: (bytes) => void written.push(bytes),
      pending: (): number => end.pending,
      streamsMax,
      listener: {
        opened: (id, headers) => seen.push(`open ${id} ${headers.get("streamtype")}`),
        data: (id, bytes, isLast) => seen.push(`${id}:${textOf(bytes)}${isLast ? "." : ""}`),
        failed: (error) => seen.push(`failed ${error.message}`),
      },
    }),
  };
  return end;
}

/** What an end has written since the last look, as frames. */
function framesOf(end: End, decoder = createSpdyDecoder()): readonly SpdyFrame[] {
  return decoder.push(concatBytes(end.written.splice(0)));
}

test("two ends talk: streams, both ways, half closes, resets and pings", (t) => {
  const client = createEnd("client");
  const server = createEnd("server");
  const exchange = (): void => {
    server.session.receive(concatBytes(client.written.splice(0)));
    client.session.receive(concatBytes(server.written.splice(0)));
  };
  const first = client.session.open({ streamtype: "stdin" });
  const second = client.session.open({ streamtype: "stdout" });
  client.session.send(first, utf8("in"), true);
  exchange();
  server.session.send(second, utf8("out"), false);
  server.session.send(second, new Uint8Array(0), true);
  server.session.send(second, utf8("too late"), false);
  exchange();
  client.session.reset(second, 5);
  exchange();
  t.deepEqual(server.seen, ["open 1 stdin", "open 3 stdout", "1:in.", "3:."]);
  t.deepEqual(client.seen, ["3:out", "3:."]);
  server.session.receive(pingFrame(9));
  t.deepEqual(framesOf(server), [{ kind: "ping", id: 9 }]);
});

const hostile: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ["another version", Uint8Array.of(0x80, 2, 0, 1, 0, 0, 0, 0), /does not speak SPDY\/3/],
  ["a control frame of 16 MiB", Uint8Array.of(0x80, 3, 0, 1, 0, 255, 255, 255), /control frame of 16777215 bytes/],
  ["a ping without a number", Uint8Array.of(0x80, 3, 0, 6, 0, 0, 0, 0), /cut short/],
  ["headers that are not packed", synStream(1, {}, { next: () => utf8("plain text") }), /header block/],
  ["a header block that unpacks to a megabyte", bombFrame(), /more than 65536 bytes/],
  ["a stream with a server's number", synStream(2, {}, createHeaderCompressor()), /stream 2 cannot be opened/],
  ["a number twice", twice(), /stream 1 cannot be opened/],
  ["a header that is longer than its block", longHeader(), /cut short/],
  ["more settings than there are bytes", Uint8Array.of(0x80, 3, 0, 4, 0, 0, 0, 4, 255, 255, 255, 255), /cut short/],
];

function bombFrame(): Uint8Array {
  return synStream(1, {}, { next: () => deflateSync(new Uint8Array(1_000_000)) });
}
function twice(): Uint8Array {
  const compressor = createHeaderCompressor();
  return concatBytes([synStream(1, {}, compressor), synStream(1, {}, compressor)]);
}
function longHeader(): Uint8Array {
  return synStream(1, {}, { next: () => deflateSync(Uint8Array.of(0, 0, 0, 1, 0x7f, 255, 255, 255, 97)) });
}

for (const [what, bytes, message] of hostile) {
  test(`${what}: GOAWAY, and the peer is heard no more`, (t) => {
    const { session, seen, written } = createEnd("server");
    session.receive(bytes);
    t.regex(seen.at(-1) ?? "", /^failed /);
    t.regex(seen.at(-1) ?? "", message);
    const last = createSpdyDecoder().push(written.at(-1)!);
    t.deepEqual(last, [{ kind: "goAway", code: 1 }]);
    const count = seen.length;
    session.receive(pingFrame(1));
    t.is(seen.length, count);
    t.is(createSpdyDecoder().push(written.at(-1)!)[0]?.kind, "goAway");
  });
}

test("whatever bytes come: frames, or a SpdyError, and no more held than one control frame", (t) => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (pieces) => {
      const { session } = createEnd("server");
      for (const piece of pieces) session.receive(concatBytes([Uint8Array.of(0x80, 3, 0), piece]));
      return session.queued === 0;
    }),
    { numRuns: 1_000 },
  );
  t.pass();
});

test("streams beyond the bound are refused one by one, and data for no stream are reset", (t) => {
  const server = createEnd("server", 2);
  const compressor = createHeaderCompressor();
  for (const id of [1, 3, 5]) server.session.receive(synStream(id, { streamtype: "a" }, compressor));
  t.deepEqual(server.seen, ["open 1 a", "open 3 a"]);
  const decoder = createSpdyDecoder();
  t.deepEqual(framesOf(server, decoder).at(-1), { kind: "reset", stream: 5, code: 3 });
  server.session.receive(dataFrames(7, utf8("x"), false));
  t.deepEqual(framesOf(server, decoder), [{ kind: "reset", stream: 7, code: 2 }]);
});

test("a peer that asks and does not read is cut", (t) => {
  const server = createEnd("server");
  server.pending = 1_000_000;
  server.session.receive(pingFrame(1));
  t.deepEqual(server.seen, ["failed answers are asked for and not read"]);
});

const sumOf = (frames: readonly SpdyFrame[]): number =>
  frames.reduce((sum, frame) => sum + (frame.kind === "data" ? frame.bytes.length : 0), 0);

test("a peer that keeps windows gets no more than they take; one that does not is not made to wait", (t) => {
  const careless = createEnd("client");
  careless.session.send(careless.session.open({}), new Uint8Array(500_000), false);
  t.is(sumOf(framesOf(careless)), 500_000);

  const { session, written } = createEnd("client");
  const decoder = createSpdyDecoder();
  const taken = (): number => sumOf(decoder.push(concatBytes(written.splice(0))));
  const first = session.open({});
  const second = session.open({});
  session.receive(initialWindowFrame(1_000));
  session.send(first, new Uint8Array(5_000), true);
  t.is(taken(), 1_000);
  t.is(session.queued, 4_000);
  session.receive(windowFrame(first, 500));
  t.is(taken(), 500);
  // The connection's own window is 64 KiB for all streams together.
  session.receive(windowFrame(second, 200_000));
  session.send(second, new Uint8Array(100_000), false);
  t.is(taken(), 65_536 - 1_500);
  session.receive(windowFrame(0, 1_000_000));
  t.is(taken(), 100_000 - (65_536 - 1_500));
  session.receive(windowFrame(first, 10_000));
  const rest = decoder.push(concatBytes(written.splice(0)));
  t.is(sumOf(rest), 3_500);
  t.true(rest.some((frame) => frame.kind === "data" && frame.isLast));
  t.is(session.queued, 0);
});

test("a window beyond 2^31-1 resets its stream", (t) => {
  const client = createEnd("client");
  const id = client.session.open({});
  client.session.receive(windowFrame(id, 0x7fffffff));
  t.deepEqual(client.seen, [`${id}:.`]);
  t.deepEqual(framesOf(client).at(-1), { kind: "reset", stream: id, code: 7 });
});

test("what has been taken is given back to the peer's windows", (t) => {
  const server = createEnd("server");
  const decoder = createSpdyDecoder();
  server.session.receive(synStream(1, { streamtype: "stdin" }, createHeaderCompressor()));
  for (let sent = 0; sent < 10; sent += 1) server.session.receive(dataFrames(1, new Uint8Array(10_000), false));
  const given = { connection: 0, stream: 0 };
  for (const frame of framesOf(server, decoder)) {
    if (frame.kind !== "window") continue;
    if (frame.stream === 0) given.connection += frame.bytes;
    else given.stream += frame.bytes;
  }
  t.true(given.connection >= 100_000 - 32_768 && given.connection <= 100_000);
  t.true(given.stream >= 100_000 - 32_768 && given.stream <= 100_000);

  const client = createEnd("client");
  client.session.open({});
  framesOf(client);
  client.session.receive(dataFrames(1, new Uint8Array(100_000), false));
  t.deepEqual(client.written, [], "a server that shows no windows is told nothing");
});

test("SpdyError is what a decoder throws", (t) => {
  t.throws(() => createSpdyDecoder().push(Uint8Array.of(0x80, 2, 0, 1, 0, 0, 0, 0)), { instanceOf: SpdyError });
});
