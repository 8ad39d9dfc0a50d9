/**
 * What the REST port does about clients that are slow or hostile below HTTP: late heads and bodies and
 * answers that nobody takes are cut, and whoever takes requests back as fast as it sends them, or floods
 * the connection with frames that ask for an answer each, loses it.
 */
import { constants, type Http2SecureServer, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { Writable } from "node:stream";

/** How long a client may take before its connection is cut, milliseconds. */
export interface Patience {
  /** For the head of a request. */
  readonly headersMs: number;
  /** For a whole request, body included. */
  readonly requestMs: number;
  /** For taking anything at all of an answer that waits for it. */
  readonly takeMs: number;
  /** Between looks at who is late. */
  readonly checkMs: number;
}

export const usualPatience: Patience = { headersMs: 10_000, requestMs: 60_000, takeMs: 30_000, checkMs: 5_000 };

/** To be called before the server listens. Options of its HTTP/1.1 half, which its types do not name. */
export function guard(server: Http2SecureServer, { headersMs, requestMs, checkMs }: Patience): void {
  const late = { headersTimeout: headersMs, requestTimeout: requestMs, connectionsCheckingInterval: checkMs };
  // Beyond its default Node would drop headers without a word: `hasTooManyHeaders` counts all that came.
  Object.assign(server, { ...late, maxHeadersCount: 0 });
  server.on("session", (session) => {
    cutRapidResets(session);
    cutFloods(session);
  });
}

/** Header fields of one request, of either protocol. */
export const headersMax = 1_000;

/** `rawHeaders`: names and values in turn. */
export function hasTooManyHeaders(rawHeaders: readonly string[]): boolean {
  return rawHeaders.length > 2 * headersMax;
}

/**
 * An answer of which nothing is taken for `takeMs` is given up (zero windows, CVE-2019-9517): what it holds
 * is others'. `cut` ends it. Answers what is to be told of each write, in bytes; it looks only while some wait.
 */
export function cutUntaken(
  stream: Writable,
  { takeMs }: Patience,
  { pending, cut }: { readonly pending: () => number; readonly cut: () => void },
): (bytes: number) => void {
  let timer: NodeJS.Timeout | undefined;
  let written = 0;
  const look = (taken: number): void => {
    timer = undefined;
    if (stream.destroyed || pending() === 0) return;
    const now = written - pending();
    if (now <= taken) return cut();
    plan(now);
  };
  const plan = (taken: number): void => {
    timer = setTimeout(look, takeMs, taken);
    timer.unref();
  };
  return (bytes) => {
    if (written === 0) stream.once("close", () => clearTimeout(timer));
    written += bytes;
    if (timer === undefined && pending() > untakenBytesMin) plan(written - pending());
  };
}

/** Less than this is not looked after: it costs less than the looking. */
export const untakenBytesMin: number = 16 * 1_024;

/** A body that is not whole in time: the stream is given up. An answer that streams may take for ever. */
export function cutLate(stream: ServerHttp2Stream, { requestMs }: Patience): void {
  if (stream.endAfterHeaders) return;
  const late = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), requestMs);
  const whole = (): void => clearTimeout(late);
  stream.on("end", whole);
  stream.on("close", whole);
}

const resetsMax = 100;
const resetWindowMs = 10_000;

/**
 * Requests that are taken back before their answer cost the client nothing and the server all of the
 * work (CVE-2023-44487). A watch that ends is answered already and does not count.
 */
function cutRapidResets(session: ServerHttp2Session): void {
  let resets = 0;
  let since = performance.now();
  session.on("stream", (stream) => {
    stream.once("aborted", () => {
      if (stream.headersSent) return;
      if (performance.now() - since > resetWindowMs) {
        since = performance.now();
        resets = 0;
      }
      resets += 1;
      if (resets > resetsMax) session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
    });
  });
}

const floodWindowMs = 10_000;
/** Go's clients measure the path with pings beside the data: some tens a second at most. */
const pingsMax = 1_000;
const settingsMax = 100;

/** Each of these frames makes the server send one (CVE-2019-9512, CVE-2019-9515). */
function cutFloods(session: ServerHttp2Session): void {
  const limit = (most: number): (() => void) => {
    let count = 0;
    let since = performance.now();
    return () => {
      if (performance.now() - since > floodWindowMs) {
        since = performance.now();
        count = 0;
      }
      count += 1;
      if (count > most && !session.destroyed) session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
    };
  };
  session.on("ping", limit(pingsMax));
  session.on("remoteSettings", limit(settingsMax));
}
