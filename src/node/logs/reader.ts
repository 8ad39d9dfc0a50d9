import type { LogOptions } from "../../api/node-streams.ts";
import type { Clock } from "../../env/env.ts";
import type { HostFiles } from "../../env/host.ts";
import { concatBytes } from "../../util/bytes.ts";
import { isGone } from "../containerd/processes.ts";
import { parseTime } from "../../util/time-format.ts";
import { createOutgoing, type RuntimeStream } from "../streams/runtime-stream.ts";
import { followPollMs, readBytesMax } from "./limits.ts";
import { createLinePrinter, type LinePrinter, parseLogLine } from "./line.ts";
import { asError } from "../../util/errors.ts";

/**
 * A container's log as a stream on channel 1. Following outlives rotation: the file that was being
 * read is found under its new name by its inode and read to its end before the new one is begun.
 */
export interface LogReaderSeams {
  readonly files: HostFiles;
  readonly clock: Clock;
}

export interface LogRequest {
  /** Of the container's current file. */
  readonly path: string;
  readonly options: LogOptions;
  /** Following ends some time after this has become false. */
  readonly isRunning: () => Promise<boolean>;
}

export function openLogStream(seams: LogReaderSeams, request: LogRequest): RuntimeStream {
  const gate = createGate();
  const outgoing = createOutgoing(gate.close);
  const reading: Reading = {
    ...seams,
    ...request,
    gate,
    printer: createLinePrinter(printerOptions(request.options, seams.clock)),
    emit: (bytes) => outgoing.chunk({ channel: 1, bytes }),
    rest: new Uint8Array(0),
  };
  readAll(reading).then(
    () => outgoing.close(undefined),
    (error: unknown) => outgoing.close(asError(error)),
  );
  return {
    send: () => undefined,
    pending: 0,
    onChunk: outgoing.onChunk,
    onClose: outgoing.onClose,
    close: gate.close,
    pause: gate.pause,
    resume: gate.resume,
  };
}

interface Reading extends LogReaderSeams, LogRequest {
  readonly gate: Gate;
  readonly printer: LinePrinter;
  readonly emit: (bytes: Uint8Array) => void;
  /** The begin of a line whose end is not written yet. */
  rest: Uint8Array;
}

function printerOptions(options: LogOptions, clock: Clock): Parameters<typeof createLinePrinter>[0] {
  const { timestamps, sinceSeconds, sinceTime, limitBytes } = options;
  const sinceMs = sinceSeconds === undefined ? parseTime(sinceTime) : clock.wall() - sinceSeconds * 1_000;
  return {
    timestamps,
    ...(sinceMs === undefined ? {} : { sinceMs }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
  };
}

async function readAll(reading: Reading): Promise<void> {
  const { files, path, options, gate } = reading;
  const changed = createSignal(reading.clock);
  const unwatch = options.follow ? files.watch(path, changed.raise) : () => undefined;
  gate.onClose(changed.raise);
  try {
    const stat = await files.stat(path);
    let inode = stat?.inode;
    let offset =
      stat === undefined || options.tailLines === undefined
        ? 0
        : await tailOffset(files, path, stat.size, options.tailLines);
    for (;;) {
      // Asked before reading: what is written until it ends is read after.
      const isRunning = options.follow && (await reading.isRunning());
      // What is written from now on belongs to followers alone: `--tail=1` answers one line.
      offset = await readFrom(reading, path, offset, options.follow ? Infinity : (stat?.size ?? 0));
      if (isDone(reading) || !options.follow) return;
      const now = await files.stat(path);
      if (now !== undefined && inode !== undefined && now.inode !== inode) {
        await readRotated(reading, inode, offset);
        offset = 0;
      } else if (!isRunning) {
        return;
      } else {
        await changed.wait(followPollMs);
      }
      inode = now?.inode ?? inode;
    }
  } finally {
    unwatch();
    if (reading.rest.length > 0 && !isDone(reading)) printLine(reading, reading.rest);
  }
}

function isDone({ gate, printer }: Reading): boolean {
  return gate.isClosed || printer.isFull;
}

/** Prints whole lines up to `end` or the file's; answers where that was. */
async function readFrom(reading: Reading, path: string, from: number, end = Infinity): Promise<number> {
  let offset = from;
  while (!isDone(reading) && offset < end) {
    await reading.gate.passed();
    const bytes = (await readOrNothing(reading.files, path, offset)).subarray(0, end - offset);
    if (bytes.length === 0) break;
    offset += bytes.length;
    let buffer = reading.rest.length === 0 ? bytes : concatBytes([reading.rest, bytes]);
    for (let at = buffer.indexOf(10); at >= 0 && !isDone(reading); at = buffer.indexOf(10)) {
      printLine(reading, buffer.subarray(0, at));
      buffer = buffer.subarray(at + 1);
    }
    reading.rest = buffer.slice();
  }
  return offset;
}

async function readOrNothing(files: HostFiles, path: string, offset: number): Promise<Uint8Array> {
  try {
    return await files.readRange(path, offset, readBytesMax);
  } catch (error) {
    // Between rename and reopening there is no such file.
    if (isGone(error)) return new Uint8Array(0);
    throw error;
  }
}

async function readRotated(reading: Reading, inode: number, offset: number): Promise<void> {
  const { files, path } = reading;
  const folder = path.slice(0, path.lastIndexOf("/"));
  for (const name of await files.list(folder)) {
    const old = `${folder}/${name}`;
    if ((await files.stat(old))?.inode === inode) {
      await readFrom(reading, old, offset);
      return;
    }
  }
}

function printLine(reading: Reading, bytes: Uint8Array): void {
  const line = parseLogLine(bytes);
  if (line === undefined) return;
  const text = reading.printer.print(line);
  if (text.length > 0) reading.emit(text);
}

/** Where the last `lines` whole lines begin, looking back from the end; partial lines are no ends. */
export async function tailOffset(files: HostFiles, path: string, size: number, lines: number): Promise<number> {
  if (lines === 0) return size;
  let tail: Uint8Array = new Uint8Array(0);
  let start = size;
  while (start > 0) {
    const length = Math.min(readBytesMax, start);
    start -= length;
    tail = concatBytes([await files.readRange(path, start, length), tail]);
    const found = tailStart(tail, lines, start === 0);
    if (found !== undefined) return start + found;
  }
  return 0;
}

/** `undefined`: these bytes do not reach back far enough. */
function tailStart(tail: Uint8Array, lines: number, isWhole: boolean): number | undefined {
  const starts: number[] = [];
  let isNew = true;
  let offset = isWhole ? 0 : tail.indexOf(10) + 1;
  // Without the begin of the file, the first line seen may continue one before it.
  if (!isWhole) isNew = false;
  while (offset < tail.length) {
    const end = tail.indexOf(10, offset);
    const line = parseLogLine(tail.subarray(offset, end < 0 ? tail.length : end));
    if (isNew) starts.push(offset);
    isNew = line?.isPartial !== true;
    if (end < 0) break;
    offset = end + 1;
  }
  if (starts.length >= lines) return starts[starts.length - lines];
  return isWhole ? 0 : undefined;
}

interface Gate {
  readonly isClosed: boolean;
  readonly close: () => void;
  readonly pause: () => void;
  readonly resume: () => void;
  onClose(run: () => void): void;
  /** Resolves at once, or when the reader may go on. */
  passed(): Promise<void>;
}

function createGate(): Gate {
  let isPaused = false;
  let isClosed = false;
  let wake: (() => void) | undefined;
  let told: (() => void) | undefined;
  const open = (): void => {
    isPaused = false;
    wake?.();
    wake = undefined;
  };
  return {
    get isClosed(): boolean {
      return isClosed;
    },
    close: () => {
      isClosed = true;
      open();
      told?.();
    },
    pause: () => void (isPaused = true),
    resume: open,
    onClose: (run) => void (told = run),
    passed: () => (isPaused ? new Promise((resolve) => (wake = resolve)) : Promise.resolve()),
  };
}

interface Signal {
  readonly raise: () => void;
  wait(timeoutMs: number): Promise<void>;
}

/** A raise that nobody waited for ends the next wait at once. */
function createSignal(clock: Clock): Signal {
  let isRaised = false;
  let wake: (() => void) | undefined;
  return {
    raise: () => {
      isRaised = true;
      wake?.();
    },
    wait: async (timeoutMs) => {
      if (!isRaised) {
        await new Promise<void>((resolve) => {
          const timer = clock.after(timeoutMs, resolve, { daemon: true });
          wake = () => {
            timer.cancel();
            resolve();
          };
        });
      }
      wake = undefined;
      isRaised = false;
    },
  };
}
