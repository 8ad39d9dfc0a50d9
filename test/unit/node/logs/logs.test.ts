import test from "ava";
import fc from "fast-check";

import type { LogOptions } from "../../../../src/api/node-streams.ts";
import { createLinePrinter, parseLogLine } from "../../../../src/node/logs/line.ts";
import { openLogStream, tailOffset } from "../../../../src/node/logs/reader.ts";
import { rotatedFiles, rotateLogs } from "../../../../src/node/logs/rotate.ts";
import { createFakeFiles, type FakeFiles } from "../../../../src/testing/fake-files.ts";
import { textOf, utf8 } from "../../../../src/util/bytes.ts";
import { virtualClock, type VirtualClock } from "../virtual-clock.ts";

const at = (second: number): string => `2026-01-01T00:00:${String(second).padStart(2, "0")}.5Z`;
const full = (second: number, text: string): string => `${at(second)} stdout F ${text}\n`;
const path = "/log/0.log";

test("a line has time, stream, tag and bytes; what is torn is none", (t) => {
  const line = parseLogLine(utf8("2026-01-01T00:00:00Z stderr P a b"))!;
  t.like(line, { time: "2026-01-01T00:00:00Z", stream: "stderr", isPartial: true });
  t.is(textOf(line.content), "a b");
  t.is(parseLogLine(utf8("2026-01-01T00:00:00Z stdout F"))!.content.length, 0);
  t.false(parseLogLine(utf8("2026-01-01T00:00:00Z stdout F:x text"))!.isPartial);
  for (const torn of ["", "x", "2026-01-01T00:00:00Z stdout", "a b C d"]) {
    t.is(parseLogLine(utf8(torn)), undefined, torn);
  }
});

test("partial lines become one, with one time stamp, even if the streams interleave", (t) => {
  const printer = createLinePrinter({ timestamps: true });
  const print = (text: string): string => textOf(printer.print(parseLogLine(utf8(text))!));
  t.is(
    ["1 stdout P ab", "2 stderr F err", "3 stdout F cd", "4 stdout F e"].map(print).join(""),
    "1 ab2 err\ncd\n4 e\n",
  );
});

async function files(text: string): Promise<FakeFiles> {
  const made = createFakeFiles();
  await made.makeFolder("/log");
  await made.write(path, text);
  return made;
}

interface Read {
  text: string;
  isClosed: boolean;
}

function read(
  source: FakeFiles,
  clock: VirtualClock,
  options: Partial<LogOptions>,
  isRunning: () => boolean = () => false,
): Read & { pause(): void; resume(): void; close(): void } {
  const stream = openLogStream(
    { files: source, clock },
    {
      path,
      options: { follow: false, previous: false, timestamps: false, ...options },
      isRunning: async () => isRunning(),
    },
  );
  const seen = {
    text: "",
    isClosed: false,
    pause: () => stream.pause(),
    resume: () => stream.resume(),
    close: () => stream.close(),
  };
  stream.onChunk(({ channel, bytes }) => {
    if (channel === 1) seen.text += textOf(bytes);
  });
  stream.onClose((error) => {
    if (error !== undefined) throw error;
    seen.isClosed = true;
  });
  return seen;
}

test("tail, since and limit cut what is read", async (t) => {
  const source = await files([1, 2, 3, 4].map((second) => full(second, `l${second}`)).join(""));
  const clock = virtualClock();
  const all = async (options: Partial<LogOptions>): Promise<string> => {
    const seen = read(source, clock, options);
    await clock.advance(10);
    t.true(seen.isClosed);
    return seen.text;
  };
  t.is(await all({}), "l1\nl2\nl3\nl4\n");
  t.is(await all({ tailLines: 2 }), "l3\nl4\n");
  t.is(await all({ tailLines: 0 }), "");
  t.is(await all({ tailLines: 99 }), "l1\nl2\nl3\nl4\n");
  t.is(await all({ sinceTime: "2026-01-01T00:00:03Z" }), "l3\nl4\n");
  t.is(await all({ limitBytes: 4 }), "l1\nl");
  t.is(await all({ timestamps: true, tailLines: 1 }), `${at(4)} l4\n`);
});

test("a tail that does not follow ends where the log ended when it was asked for", async (t) => {
  const before = full(1, "l1") + full(2, "l2");
  const source = await files(before);
  const clock = virtualClock();
  const writing: FakeFiles = {
    ...source,
    async stat(name) {
      const found = await source.stat(name);
      await source.write(path, utf8(before + full(3, "late")));
      return found;
    },
  };
  const seen = read(writing, clock, { tailLines: 1 });
  await clock.advance(10);
  t.is(seen.text, "l2\n");
});

test("the last lines are found however long and however cut they are", async (t) => {
  const entry = fc.record({
    isPartial: fc.boolean(),
    length: fc.constantFrom(0, 1, 100, 16_384, 70_000),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 12 }), fc.integer({ min: 1, max: 6 }), async (entries, lines) => {
      const texts = entries.map(({ isPartial, length }) => `1 stdout ${isPartial ? "P" : "F"} ${"x".repeat(length)}\n`);
      const whole = texts.join("");
      const starts: number[] = [];
      let offset = 0;
      entries.forEach((_each, index) => {
        if (index === 0 || !entries[index - 1]!.isPartial) starts.push(offset);
        offset += texts[index]!.length;
      });
      const source = await files(whole);
      const expected = starts.length >= lines ? starts[starts.length - lines]! : 0;
      t.is(await tailOffset(source, path, whole.length, lines), expected);
    }),
    { numRuns: 60 },
  );
});

test("following brings what is written, also after a rotation, and ends with the container", async (t) => {
  const source = await files(full(1, "a"));
  const clock = virtualClock();
  let isRunning = true;
  const seen = read(source, clock, { follow: true }, () => isRunning);
  await clock.advance(10);
  t.is(seen.text, "a\n");
  await source.write(path, full(1, "a") + full(2, "b") + at(3));
  await clock.advance(10);
  t.is(seen.text, "a\nb\n");
  // Renamed; the runtime writes on into the old file, then opens the new one.
  await source.rename(path, `${path}.20260101-000000`);
  await source.write(`${path}.20260101-000000`, full(1, "a") + full(2, "b") + full(3, "c"));
  await clock.advance(2_000);
  await source.write(path, full(4, "d"));
  await clock.advance(2_000);
  t.is(seen.text, "a\nb\nc\nd\n");
  t.false(seen.isClosed);
  isRunning = false;
  await source.write(path, full(4, "d") + full(5, "last"));
  await clock.advance(2_000);
  t.is(seen.text, "a\nb\nc\nd\nlast\n");
  t.true(seen.isClosed);
});

test("a paused reader waits, and a closed one ends", async (t) => {
  const source = await files(full(1, "a"));
  const clock = virtualClock();
  const seen = read(source, clock, { follow: true }, () => true);
  await clock.advance(10);
  seen.pause();
  await source.write(path, full(1, "a") + full(2, "b"));
  await clock.advance(5_000);
  t.is(seen.text, "a\n");
  seen.resume();
  await clock.advance(10);
  t.is(seen.text, "a\nb\n");
  seen.close();
  await clock.advance(10);
  t.true(seen.isClosed);
});

test("a log that is full is renamed and reopened; five files stay; a refused reopening is undone", async (t) => {
  const source = await files("");
  const clock = virtualClock();
  const told: string[] = [];
  let refuses = false;
  const cri = {
    reopenContainerLog: async (id: string) => {
      if (refuses) throw new Error("container is not running");
      told.push(id);
      await source.write(path, "");
    },
  };
  const options = { files: source, cri, clock, log: () => undefined, fileBytesMax: 10 };
  const rotate = () => rotateLogs(options, [{ containerId: "c", path }]);
  await source.write(path, "short");
  await rotate();
  t.deepEqual(told, []);
  for (let round = 0; round < 7; round += 1) {
    await source.write(path, `round ${round} is long`);
    await rotate();
    await clock.advance(1_000);
  }
  t.is(told.length, 7);
  const old = await rotatedFiles(source, path);
  t.is(old.length, 4);
  t.is(await source.readText(old[3]!), "round 6 is long");
  t.regex(old[0]!, /^\/log\/0\.log\.\d{8}-\d{6}$/);
  refuses = true;
  await source.write(path, "the last of them all");
  await rotate();
  t.is(await source.readText(path), "the last of them all");
});
