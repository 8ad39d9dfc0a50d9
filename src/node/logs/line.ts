import { textOf, utf8 } from "../../util/bytes.ts";
import { parseTime } from "../../util/time-format.ts";

/**
 * One line of a CRI log: `<RFC 3339 time> stdout|stderr F|P <text>`. P: the container's line goes
 * on in the next one. The text is bytes; it need not be UTF-8.
 */
export interface LogLine {
  readonly time: string;
  readonly stream: string;
  readonly isPartial: boolean;
  /** Without the line feed. */
  readonly content: Uint8Array;
}

const space = 0x20;

/** `undefined`: torn by a crash or not a CRI log. */
export function parseLogLine(line: Uint8Array): LogLine | undefined {
  const first = line.indexOf(space);
  const second = line.indexOf(space, first + 1);
  const third = line.indexOf(space, second + 1);
  if (first < 1 || second < 0) return undefined;
  const tagEnd = third < 0 ? line.length : third;
  // More tags may follow the first behind colons.
  const tag = textOf(line.subarray(second + 1, tagEnd)).split(":")[0];
  if (tag !== "F" && tag !== "P") return undefined;
  return {
    time: textOf(line.subarray(0, first)),
    stream: textOf(line.subarray(first + 1, second)),
    isPartial: tag === "P",
    content: third < 0 ? new Uint8Array(0) : line.subarray(third + 1),
  };
}

export interface LinePrinterOptions {
  readonly timestamps: boolean;
  /** Lines before this time are left out. */
  readonly sinceMs?: number;
  readonly limitBytes?: number;
}

export interface LinePrinter {
  /** What a client gets for the line; may be empty. */
  print(line: LogLine): Uint8Array;
  /** The limit has been reached. */
  readonly isFull: boolean;
}

/** Puts partial lines together again: one time stamp, one line feed. */
export function createLinePrinter(options: LinePrinterOptions): LinePrinter {
  const { timestamps, sinceMs, limitBytes = Infinity } = options;
  /** By stream: stdout and stderr may interleave within their lines. */
  const isWithin = new Map<string, boolean>();
  let written = 0;
  const nothing = new Uint8Array(0);
  return {
    get isFull(): boolean {
      return written >= limitBytes;
    },
    print: ({ time, stream, isPartial, content }) => {
      const isContinued = isWithin.get(stream) ?? false;
      isWithin.set(stream, isPartial);
      if (sinceMs !== undefined && (parseTime(time) ?? 0) < sinceMs) return nothing;
      const head = timestamps && !isContinued ? utf8(`${time} `) : nothing;
      const tail = isPartial ? nothing : Uint8Array.of(10);
      const text = new Uint8Array(head.length + content.length + tail.length);
      text.set(head);
      text.set(content, head.length);
      text.set(tail, head.length + content.length);
      const allowed = text.subarray(0, Math.max(0, limitBytes - written));
      written += allowed.length;
      return allowed;
    },
  };
}
