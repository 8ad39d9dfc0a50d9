// What broken and hostile clients do on the REST port below HTTP: each is refused or cut, the next is served.
import { connect as connectHttp2, constants, type ClientHttp2Stream } from "node:http2";
import { connect as connectTls, type TLSSocket } from "node:tls";
import test from "ava";
import { createIssuer } from "../../src/auth/certificates.ts";
import { listenHttps } from "../../src/env/real/https-server.ts";
import type { HttpExchange } from "../../src/env/http.ts";
import { StatusError } from "../../src/util/errors.ts";

const bodyBytesMax = 1_000;

async function answer(exchange: HttpExchange): Promise<void> {
  try {
    const body = await exchange.body(bodyBytesMax);
    exchange.respond({ status: 200, headers: {}, body: Buffer.from(`${exchange.target} ${body.length}`) });
  } catch (error) {
    const status = error instanceof StatusError ? error.status.code : 400;
    exchange.respond({ status, headers: {}, body: Buffer.of() });
  }
}

async function start() {
  const issuer = createIssuer({ webcrypto: globalThis.crypto, now: () => Date.now() });
  const serving = await issuer.authority("serving");
  const names = ["127.0.0.1"];
  const leaf = await issuer.leaf(serving, { commonName: "api", usage: "server", names, validMs: 600_000 });
  const server = await listenHttps({
    host: "127.0.0.1",
    port: 0,
    ...leaf,
    clientAuthorities: [],
    handler: (exchange) => void answer(exchange),
    patience: { headersMs: 500, requestMs: 1_000, checkMs: 100 },
  });
  return { server, ca: serving.certificate };
}

interface Port {
  readonly port: number;
  readonly ca: string;
}

/** Sends and resolves with all that came back when the connection is closed. */
function exchangeRaw({ port, ca }: Port, send: (socket: TLSSocket) => void): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connectTls({ host: "127.0.0.1", port, ca }, () => send(socket));
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    // To be cut is what some of these are for.
    socket.on("error", () => socket.destroy());
    socket.on("close", () => resolve(Buffer.concat(chunks).toString("latin1")));
  });
}

const host = "Host: x\r\n";
const post = `POST / HTTP/1.1\r\n${host}`;
const bad = /^HTTP\/1\.1 400 /;

const refused: readonly (readonly [what: string, text: string, answer: RegExp])[] = [
  [
    "a length and chunks",
    `${post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n${host}\r\n`,
    bad,
  ],
  ["two lengths", `${post}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`, bad],
  ["a negative length", `${post}Content-Length: -1\r\n\r\n`, bad],
  ["a length of twenty digits", `${post}Content-Length: 99999999999999999999\r\n\r\nx`, bad],
  ["an unknown coding", `${post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, bad],
  ["a chunk of no number", `${post}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, bad],
  ["bare line feeds", "GET / HTTP/1.1\nHost: x\n\n", bad],
  ["a NUL in a header", `GET / HTTP/1.1\r\n${host}X: a\0b\r\n\r\n`, bad],
  ["a blank before the colon", "GET / HTTP/1.1\r\nHost : x\r\n\r\n", bad],
  ["no host", "GET / HTTP/1.1\r\n\r\n", bad],
  ["a header of 20 KB", `GET / HTTP/1.1\r\n${host}X: ${"a".repeat(20_000)}\r\n\r\n`, /^(HTTP\/1\.1 431 |$)/],
  ["bytes that are no HTTP", "\x00\x01\x02\x03\r\n\r\n", bad],
  ["a body that is declared too large", `${post}Content-Length: 5000\r\n\r\nx`, /^(HTTP\/1\.1 413 |$)/],
  ["a head that never ends", "GET / HTTP/1.1\r\nHost", /^(HTTP\/1\.1 408 |$)/],
  ["a body that never ends", `${post}Content-Length: 50\r\n\r\nx`, /^(HTTP\/1\.1 40[08] |$)/],
];

async function isServed(at: Port): Promise<boolean> {
  const request = `GET /good HTTP/1.1\r\n${host}Connection: close\r\n\r\n`;
  return (await exchangeRaw(at, (socket) => socket.write(request))).endsWith("/good 0");
}

test("requests that can be read in two ways, or never end, are refused and their connection is closed", async (t) => {
  const { server, ca } = await start();
  t.teardown(() => server.close(0));
  const at = { port: server.port, ca };
  for (const [what, text, said] of refused) {
    const all = await exchangeRaw(at, (socket) => socket.write(Buffer.from(text, "latin1")));
    t.regex(all, said, what);
    t.true(all.split("HTTP/1.1 ").length <= 2, `${what}: one answer at most`);
  }
  t.true(await isServed(at));
});

test("chunks without end are cut at the limit", async (t) => {
  const { server, ca } = await start();
  t.teardown(() => server.close(0));
  const at = { port: server.port, ca };
  const all = await exchangeRaw(at, (socket) => {
    socket.write(`${post}Transfer-Encoding: chunked\r\n\r\n`);
    const more = (): void => {
      if (!socket.writable) return;
      socket.write(`1000\r\n${"a".repeat(4_096)}\r\n`, (error) => {
        if (!error) setImmediate(more);
      });
    };
    more();
  });
  t.regex(all, /^(HTTP\/1\.1 413 |$)/);
  t.true(await isServed(at));
});

test("a client that takes requests back as fast as it sends them loses its connection; others are served", async (t) => {
  const { server, ca } = await start();
  t.teardown(() => server.close(0));
  const session = connectHttp2(`https://127.0.0.1:${server.port}`, { ca });
  t.teardown(() => session.destroy());
  session.on("error", () => session.destroy());
  const closed = new Promise<void>((resolve) => session.once("close", resolve));
  await new Promise((resolve) => session.once("connect", resolve));
  let sent: ClientHttp2Stream[] = [];
  const flood = (): void => {
    if (session.closed || session.destroyed) return;
    // Those of the last turn are on the wire by now; their bodies never come, so no answer does either.
    for (const stream of sent) stream.close(constants.NGHTTP2_CANCEL);
    sent = Array.from({ length: 20 }, () => session.request({ ":method": "POST", ":path": "/" }));
    for (const stream of sent) stream.on("error", () => stream.destroy());
    setTimeout(flood, 5);
  };
  flood();
  await closed;
  t.true(await isServed({ port: server.port, ca }));
});
