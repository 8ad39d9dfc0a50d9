/**
 * What the REST port does about clients that are slow or hostile below HTTP: late heads and bodies are
 * cut, and whoever takes requests back as fast as it sends them loses its connection.
 */
import { constants, type Http2SecureServer, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";

/** How long a client may take before its connection is cut, milliseconds. */
export interface Patience {
  /** For the head of a request. */
  readonly headersMs: number;
  /** For a whole request, body included. */
  readonly requestMs: number;
  /** Between looks at who is late. */
  readonly checkMs: number;
}

export const usualPatience: Patience = { headersMs: 10_000, requestMs: 60_000, checkMs: 5_000 };

/** To be called before the server listens. Options of its HTTP/1.1 half, which its types do not name. */
export function guard(server: Http2SecureServer, { headersMs, requestMs, checkMs }: Patience): void {
  const late = { headersTimeout: headersMs, requestTimeout: requestMs, connectionsCheckingInterval: checkMs };
  Object.assign(server, late);
  server.on("session", cutRapidResets);
}

/** A body that is not whole in time: the stream is given up. An answer that streams may take for ever. */
export function cutLate(stream: ServerHttp2Stream, { requestMs }: Patience): void {
  if (stream.endAfterHeaders) return;
  const late = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), requestMs);
  const whole = (): void => clearTimeout(late);
  stream.once("end", whole);
  stream.once("close", whole);
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
