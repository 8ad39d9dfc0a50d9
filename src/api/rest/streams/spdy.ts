import type { Clock } from "../../../env/env.ts";
import type { ByteStream } from "../../../env/host.ts";
import { createSpdySession, resetCodes, type SpdySession } from "../../../util/spdy/session.ts";
import { limits } from "../../limits.ts";
import type { NodeStreamRequest, StreamChunk } from "../../node-streams.ts";
import { channels, Early, noBytes, statusAsText, type CommandClient } from "./channels.ts";

/**
 * Remote commands over SPDY/3.1, as kubectl before 1.30 and most client libraries speak it: the client
 * opens one stream for each of error, stdin, stdout, stderr and resize. v4 ends with a Status on the
 * error stream, older ones with a text; resize came with v3.
 */
export const spdyCommands: readonly string[] = [
  "v4.channel.k8s.io",
  "v3.channel.k8s.io",
  "v2.channel.k8s.io",
  "channel.k8s.io",
];

type Command = Extract<NodeStreamRequest, { readonly kind: "exec" | "attach" }>;

/** Undefined: the client went, broke the rules, or did not open its streams in time. */
export async function openSpdyClient(options: {
  readonly clock: Clock;
  readonly connection: ByteStream;
  readonly protocol: string;
  readonly command: Command;
}): Promise<CommandClient | undefined> {
  const { clock, connection, protocol, command } = options;
  return new Promise((resolve) => {
    const client = new SpdyClient(clock, connection, protocol);
    const timer = clock.after(limits.streamsOpenMs, () => client.cut(), { daemon: true });
    const settle = (result: CommandClient | undefined): void => {
      timer.cancel();
      resolve(result);
    };
    client.expect(expectedOf(command, protocol), () => settle(client));
    client.onClose(() => settle(undefined));
  });
}

function expectedOf(command: Command, protocol: string): readonly number[] {
  const { tty, stdin, stdout, stderr } = command;
  const knowsResize = protocol.startsWith("v4.") || protocol.startsWith("v3.");
  return [
    channels.error,
    ...(stdin ? [channels.stdin] : []),
    ...(stdout ? [channels.stdout] : []),
    ...(stderr ? [channels.stderr] : []),
    ...(tty && knowsResize ? [channels.resize] : []),
  ];
}

const channelByType: ReadonlyMap<string, number> = new Map([
  ["error", channels.error],
  ["stdin", channels.stdin],
  ["stdout", channels.stdout],
  ["stderr", channels.stderr],
  ["resize", channels.resize],
]);

class SpdyClient implements CommandClient {
  readonly #clock: Clock;
  readonly #connection: ByteStream;
  readonly #protocol: string;
  readonly #session: SpdySession;
  /** SPDY stream by channel and back. */
  readonly #ids = new Map<number, number>();
  readonly #channels = new Map<number, number>();
  readonly #early = new Early<StreamChunk>();
  readonly #closeRuns: (() => void)[] = [];
  #expected: { readonly channels: readonly number[]; readonly run: () => void } | undefined;
  #isClosed = false;

  constructor(clock: Clock, connection: ByteStream, protocol: string) {
    this.#clock = clock;
    this.#connection = connection;
    this.#protocol = protocol;
    this.#session = createSpdySession({
      side: "server",
      write: (bytes) => connection.write(bytes),
      pending: () => connection.pending,
      streamsMax: limits.commandStreamsMax,
      listener: {
        opened: (stream, headers) => this.#opened(stream, headers.get("streamtype") ?? ""),
        data: (stream, bytes, isLast) => this.#data(stream, bytes, isLast),
        failed: () => this.#end(),
      },
    });
    connection.onClose(() => this.#closed());
    connection.onData((bytes) => this.#session.receive(bytes));
  }

  /** Runs once when a stream is open for each of these channels. */
  expect(expected: readonly number[], run: () => void): void {
    this.#expected = { channels: expected, run };
    this.#checkExpected();
  }

  cut(): void {
    this.#session.goAway();
    this.#end();
  }

  send(channel: number, bytes: Uint8Array): void {
    const id = this.#ids.get(channel);
    if (id !== undefined) this.#session.send(id, bytes, false);
  }

  finish(status: string): void {
    const last = this.#protocol.startsWith("v4.") ? status : statusAsText(status);
    const error = this.#ids.get(channels.error);
    if (error !== undefined && last !== "") this.#session.send(error, Buffer.from(last), false);
    for (const id of this.#ids.values()) this.#session.send(id, noBytes, true);
    // The client closes when it has read all; a close from here could overtake it.
    this.#clock.after(limits.streamLingerMs, () => this.#end(), { daemon: true });
  }

  get pending(): number {
    return this.#connection.pending + this.#session.queued;
  }

  pause(): void {
    this.#connection.pause();
  }

  resume(): void {
    this.#connection.resume();
  }

  onChunk(run: (chunk: StreamChunk) => void): void {
    this.#early.listen(run);
  }

  onClose(run: () => void): void {
    if (this.#isClosed) run();
    else this.#closeRuns.push(run);
  }

  #opened(stream: number, type: string): void {
    const channel = channelByType.get(type);
    if (channel === undefined || this.#ids.has(channel)) {
      this.#session.reset(stream, resetCodes.protocolError);
      return;
    }
    this.#ids.set(channel, stream);
    this.#channels.set(stream, channel);
    this.#checkExpected();
  }

  #checkExpected(): void {
    const expected = this.#expected;
    if (expected === undefined || expected.channels.some((channel) => !this.#ids.has(channel))) return;
    this.#expected = undefined;
    expected.run();
  }

  #data(stream: number, bytes: Uint8Array, isLast: boolean): void {
    const channel = this.#channels.get(stream);
    if (channel === channels.resize && bytes.length > 0) this.#early.push({ channel, bytes });
    if (channel === channels.stdin) this.#early.push({ channel, bytes, ...(isLast ? { end: true } : {}) });
  }

  #end(): void {
    this.#connection.end();
    // A client that does not close its half in turn is not waited for.
    this.#clock.after(limits.streamLingerMs, () => this.#connection.destroy(), { daemon: true });
  }

  #closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const run of this.#closeRuns.splice(0)) run();
  }
}
