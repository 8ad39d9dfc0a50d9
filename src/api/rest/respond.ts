import { internalError, serviceUnavailable } from "../../kinds/status-errors.ts";
import { messageOf, StatusError, TransientError, type Status } from "../../util/errors.ts";
import type { HttpExchange, HttpResponse } from "../../env/http.ts";
import { limits } from "../limits.ts";
import { overloads } from "../seats.ts";
import { parseAccept } from "./negotiate.ts";

/** Answers that every handler gives: JSON, text, and the Status of whatever was thrown. */

export type Headers = Readonly<Record<string, string | readonly string[]>>;

const plainHeaders: Headers = { "cache-control": "no-cache, private" };

export interface Answer {
  readonly code: number;
  readonly contentType: string;
  readonly body: Uint8Array;
  readonly headers?: Headers | undefined;
}

export function respond(exchange: HttpExchange, answer: Answer): void {
  const { code: status, contentType, body } = answer;
  const plain = { "cache-control": "no-cache, private", "content-type": contentType };
  const headers = answer.headers === undefined ? plain : { ...plain, ...answer.headers };
  if (exchange.method !== "GET") exchange.respond({ status, headers, body });
  else exchange.respond({ status, ...packed(exchange, headers, body.length), body });
}

/** A head whose body is packed if it is large and the client takes it so; only for reads. */
export function packed(
  exchange: HttpExchange,
  headers: Headers,
  bodyBytes: number,
): { readonly headers: Headers; readonly gzip?: boolean } {
  if (exchange.method !== "GET" || bodyBytes <= limits.gzipBytesMin) return { headers };
  const vary = [headers["vary"] ?? [], "Accept-Encoding"].flat().join(", ");
  if (!acceptsGzip(exchange.headers["accept-encoding"])) return { headers: { ...headers, vary } };
  return { headers: { ...headers, vary, "content-encoding": "gzip" }, gzip: true };
}

function acceptsGzip(header = ""): boolean {
  return parseAccept(header).some(({ type }) => type === "gzip");
}

export function respondJson(
  exchange: HttpExchange,
  value: unknown,
  more: { readonly code?: number; readonly headers?: Headers | undefined } = {},
): void {
  respond(exchange, {
    code: more.code ?? 200,
    contentType: "application/json",
    body: Buffer.from(`${JSON.stringify(value)}\n`),
    headers: more.headers,
  });
}

export function respondText(exchange: HttpExchange, text: string, code = 200): void {
  respond(exchange, {
    code,
    contentType: "text/plain; charset=utf-8",
    body: Buffer.from(text),
    headers: { "x-content-type-options": "nosniff" },
  });
}

const overloadAnswers: ReadonlyMap<unknown, HttpResponse> = new Map(
  overloads.map((error) => {
    const retryAfter = String(error.status.details?.retryAfterSeconds ?? 1);
    const headers = { ...plainHeaders, "content-type": "application/json", "retry-after": retryAfter };
    return [error, { status: 429, headers, body: Buffer.from(`${JSON.stringify(error.status)}\n`) }];
  }),
);

/** The answer to a request that found no place: written beforehand, since it is given when there is no time. */
export function overloadAnswer(error: unknown): HttpResponse | undefined {
  return overloadAnswers.get(error);
}

/** The Status of an error; a bug becomes a 500 that says no more than its text. */
export function statusOf(error: unknown): Status {
  if (error instanceof StatusError) return error.status;
  if (error instanceof TransientError) {
    const { status } = serviceUnavailable(error.message);
    return { ...status, details: { ...status.details, retryAfterSeconds: 1 } };
  }
  return internalError(messageOf(error)).status;
}

export function respondStatus(exchange: HttpExchange, status: Status, headers: Headers = {}): void {
  const retry = status.details?.retryAfterSeconds;
  respondJson(exchange, status, {
    code: status.code,
    headers: { ...headers, ...(retry === undefined ? {} : { "retry-after": String(retry) }) },
  });
}

const warningsMax = 64;

/** A header takes neither line breaks nor letters beyond Latin-1. */
function warningText(text: string): string {
  const plain = text.replaceAll(/[^\x20-\x7e]/g, "?");
  return `299 - "${plain.replaceAll(/["\\]/g, "\\$&")}"`;
}

/** `Warning: 299 - "text"`, one a text; undefined when there are none. */
export function warningHeaders(warnings: readonly string[]): Headers | undefined {
  if (warnings.length === 0) return undefined;
  return { warning: [...new Set(warnings)].slice(0, warningsMax).map(warningText) };
}
