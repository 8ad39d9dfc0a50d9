/** An exchange's answer as transcripts hold it. */
import { createSpdyDecoder } from "../../src/util/spdy/frames.ts";
import type { SeenExchange } from "./exchange.ts";
import type { Normaliser } from "./normalise.ts";
import type { Seen } from "./references.ts";
import type { RecordedAnswer } from "./transcript.ts";

/** Discovery and OpenAPI: long, and kept by tests of their own. */
const document = /^\/(api|apis|openapi\/.*|swagger[^/]*)(\?|$)|^\/apis?\/[^/]+(\/[^/]+)?(\?|$)/;

function header(exchange: SeenExchange, name: string): readonly string[] {
  const value = exchange.head?.headers[name] ?? [];
  return typeof value === "string" ? [value] : value;
}

function textOf(exchange: SeenExchange): string {
  return Buffer.from(exchange.bytes).toString("utf8");
}

interface WatchEvent {
  readonly type: string;
  readonly object: Named & { readonly rows?: readonly { readonly object: Named }[] };
}
interface Named {
  readonly metadata?: { readonly name?: string; readonly namespace?: string };
}

/**
 * The last event of each object. Which states lie between depends on how controllers and nodes race,
 * and bookmarks come by the clock.
 */
function lastEventsOf(exchange: SeenExchange): readonly unknown[] {
  const last = new Map<string, WatchEvent>();
  for (const line of textOf(exchange).split("\n").slice(0, -1)) {
    const event = JSON.parse(line) as WatchEvent;
    const { name, namespace } = (event.object.rows?.[0]?.object ?? event.object).metadata ?? {};
    if (event.type !== "BOOKMARK") last.set(`${namespace}/${name}`, event);
  }
  return [...last.values()];
}

export function isWatch(exchange: SeenExchange): boolean {
  return exchange.isLasting && header(exchange, "content-type")[0]?.startsWith("application/json") === true;
}

/** What later requests may refer to. */
export function seenOf(exchange: SeenExchange): Seen {
  const etag = header(exchange, "etag")[0] ?? "";
  if (isWatch(exchange)) return { etag, json: lastEventsOf(exchange) };
  const isJson = header(exchange, "content-type")[0]?.startsWith("application/json") === true;
  return { etag, json: isJson && exchange.bytes.length > 0 ? JSON.parse(textOf(exchange)) : undefined };
}

/** Text that each channel carried. */
function channelsOf(messages: readonly Uint8Array[]): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const message of messages) {
    if (message.length < 2) continue;
    const channel = String(message[0]);
    texts[channel] = (texts[channel] ?? "") + Buffer.from(message.subarray(1)).toString("utf8");
  }
  return texts;
}

/** Text that each stream of a SPDY connection carried. */
function streamsOf(pieces: readonly Uint8Array[]): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const frame of createSpdyDecoder().push(Buffer.concat(pieces))) {
    if (frame.kind !== "data" || frame.bytes.length === 0) continue;
    const stream = String(frame.stream);
    texts[stream] = (texts[stream] ?? "") + Buffer.from(frame.bytes).toString("utf8");
  }
  return texts;
}

export function recordedAnswer(exchange: SeenExchange, normaliser: Normaliser): RecordedAnswer {
  const { json } = seenOf(exchange);
  normaliser.learn(json);
  const warnings = header(exchange, "warning");
  const head = {
    status: exchange.protocol === undefined ? (exchange.head?.status ?? 0) : 101,
    contentType: header(exchange, "content-type")[0] ?? "",
    ...(warnings.length === 0 ? {} : { warnings: warnings.map((warning) => normaliser.text(warning)) }),
  };
  if (exchange.protocol !== undefined) {
    const carried = exchange.protocol.startsWith("SPDY/3.1 ") ? streamsOf : channelsOf;
    return { ...head, protocol: exchange.protocol, body: normaliser.value(carried(exchange.replied)) };
  }
  if (isWatch(exchange)) return { ...head, body: normaliser.sorted(json) };
  if (exchange.bytes.length === 0 || (document.test(exchange.target) && head.status < 400)) return head;
  return { ...head, body: json === undefined ? normaliser.text(textOf(exchange)) : normaliser.value(json) };
}
