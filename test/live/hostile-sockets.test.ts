// What broken and hostile clients do on the REST port below HTTP: each is refused or cut, the next is served.
import { once } from "node:events";
import { connect as connectHttp2, constants, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import { text } from "node:stream/consumers";
import { connect as connectTls, type TLSSocket } from "node:tls";
import test from "ava";
import { createIssuer } from "../../src/auth/certificates.ts";
import type { ConnectionLimits } from "../../src/env/real/https-connections.ts";
import type { Patience } from "../../src/env/real/https-guards.ts";
import { listenHttps } from "../../src/env/real/https-server.ts";
import type { HttpExchange } from "../../src/env/http.ts";
import { StatusError } from "../../src/util/errors.ts";

const bodyBytesMax = 1_000;

const manyBytes = 200_000;

async function answer(exchange: HttpExchange): Promise<void> {
  const { "x-user": user } = exchange.headers;
  if (user !== undefined && exchange.belongsTo?.(user) === false) {
    return exchange.respond({ status: 429, headers: {}, body: Buffer.from("too many connections") });
  }
  if (exchange.target === "/many") {
    return exchange.respond({ status: 200, headers: {}, body: Buffer.alloc(manyBytes) });
  }
  try {
    const body = await exchange.body(bodyBytesMax);
    exchange.respond({ status: 200, headers: {}, body: Buffer.from(`${exchange.target} ${body.length}`) });
  } catch (error) {
    const status = error instanceof StatusError ? error.status.code : 400;
    exchange.respond({ status, headers: {}, body: Buffer.of() });
  }
}

/** Enough for who hurries, on a machine that has much else to do. */
const little: Patience = { headersMs: 2_000, requestMs: 4_000, takeMs: 2_000, checkMs: 100 };

async function start(connections?: ConnectionLimits) {
  const issuer = createIssuer({ webcrypto: globalThis.crypto, now: () => Date.now() });
  const serving = await issuer.authority("serving");
  const clients = await issuer.authority("clients");
  const names = ["127.0.0.1"];
  const leaf = await issuer.leaf(serving, { commonName: "api", usage: "server", names, validMs: 600_000 });
  const server = await listenHttps({
    host: "127.0.0.1",
    port: 0,
    ...leaf,
    clientAuthorities: [clients.certificate],
    handler: (exchange) => void answer(exchange),
    // Where connections are counted none is to be late: several wait for their turn, however slow the machine is.
    ...(connections === undefined ? { patience: little } : { connections }),
  });
  const leafOf = (commonName: string) => issuer.leaf(clients, { commonName, usage: "client", validMs: 600_000 });
  return { server, ca: serving.certificate, leafOf };
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
  ["1,001 headers", `GET / HTTP/1.1\r\n${host}${"a:b\r\n".repeat(1_000)}\r\n`, /^HTTP\/1\.1 431 .*1000 header fields/s],
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

test.serial(
  "requests that can be read in two ways, or never end, are refused and their connection is closed",
  async (t) => {
    const { server, ca } = await start();
    t.teardown(() => server.close(0));
    const at = { port: server.port, ca };
    for (const [what, text, said] of refused) {
      const all = await exchangeRaw(at, (socket) => socket.write(Buffer.from(text, "latin1")));
      t.regex(all, said, what);
      t.true(all.split("HTTP/1.1 ").length <= 2, `${what}: one answer at most`);
    }
    t.true(await isServed(at));
  },
);

test.serial("chunks without end are cut at the limit", async (t) => {
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

test.serial(
  "a client that takes requests back as fast as it sends them loses its connection; others are served",
  async (t) => {
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
  },
);

test.serial("as many headers as are taken are taken, over either protocol, and one more is told so", async (t) => {
  const { server, ca } = await start();
  t.teardown(() => server.close(0));
  const full = `GET /full HTTP/1.1\r\n${host}Connection: close\r\n${"a:b\r\n".repeat(998)}\r\n`;
  t.regex(await exchangeRaw({ port: server.port, ca }, (socket) => socket.write(full)), /\/full 0$/);
  const session = connectHttp2(`https://127.0.0.1:${server.port}`, { ca });
  t.teardown(() => session.destroy());
  const statusOf = (count: number): Promise<number> =>
    new Promise((resolve, reject) => {
      const headers = Object.fromEntries(Array.from({ length: count }, (_, at) => [`h${at}`, "v"]));
      const stream = session.request({ ":path": "/", ...headers });
      stream.once("response", (head) => resolve(head[":status"] ?? 0));
      stream.once("error", reject);
      stream.resume();
    });
  t.is(await statusOf(500), 200);
  t.is(await statusOf(1_001), 431);
});

// ---- frames of HTTP/2 as no library sends them ----

const frameTypes = { data: 0, headers: 1, settings: 4, ping: 6, continuation: 9 } as const;

function frame(type: keyof typeof frameTypes, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(frameTypes[type], 3);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const preface = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame("settings", 0, Buffer.of())]);
// :method GET, :scheme https, :path / and an authority, from HPACK's static table.
const getHeaders = Buffer.concat([Buffer.of(0x82, 0x87, 0x84, 0x41, 1), Buffer.from("x")]);

/** A literal field that the decoder does not remember. */
const smallHeader = Buffer.concat([Buffer.of(0, 1), Buffer.from("a"), Buffer.of(1), Buffer.from("b")]);

const floods: readonly (readonly [what: string, frames: readonly Buffer[]])[] = [
  ["pings", Array.from({ length: 20_000 }, () => frame("ping", 0, Buffer.alloc(8)))],
  ["settings", Array.from({ length: 20_000 }, () => frame("settings", 0, Buffer.of()))],
  [
    "headers that go on and on",
    [frame("headers", 1, getHeaders), ...Array.from({ length: 50_000 }, () => frame("continuation", 1, smallHeader))],
  ],
  [
    "headers that go on with nothing",
    [frame("headers", 1, getHeaders), ...Array.from({ length: 50_000 }, () => frame("continuation", 1, Buffer.of()))],
  ],
];

for (const [what, frames] of floods) {
  test.serial(`a flood of HTTP/2 ${what} ends its connection; others are served`, async (t) => {
    const { server, ca } = await start();
    t.teardown(() => server.close(0));
    const all = Buffer.concat([preface, ...frames]);
    await new Promise<void>((resolve) => {
      const socket = connectTls({ host: "127.0.0.1", port: server.port, ca, ALPNProtocols: ["h2"] }, () => {
        // In pieces: whoever is cut is cut in the middle.
        let at = 0;
        const more = (): void => {
          if (!socket.writable || at >= all.length) return;
          socket.write(all.subarray(at, (at += 4_096)), () => setImmediate(more));
        };
        more();
      });
      socket.resume();
      socket.on("error", () => socket.destroy());
      socket.once("close", () => resolve());
    });
    t.true(await isServed({ port: server.port, ca }));
  });
}

test.serial("answers that a client opens no window for are given up; its connection and others go on", async (t) => {
  const { server, ca } = await start();
  t.teardown(() => server.close(0));
  const session = connectHttp2(`https://127.0.0.1:${server.port}`, { ca, settings: { initialWindowSize: 0 } });
  t.teardown(() => session.destroy());
  // Fewer than Node has memory for, of one session: it is their time that is over.
  const ends = Array.from({ length: 20 }, async () => {
    const stream = session.request({ ":path": "/many" });
    stream.on("error", () => stream.destroy());
    await new Promise((resolve) => stream.once("close", resolve));
    return stream.rstCode;
  });
  t.deepEqual([...new Set(await Promise.all(ends))], [constants.NGHTTP2_CANCEL], "what waits is given up");
  t.true(await isServed({ port: server.port, ca }));
  const reader = connectHttp2(`https://127.0.0.1:${server.port}`, { ca });
  t.teardown(() => reader.destroy());
  const stream = reader.request({ ":path": "/many" });
  let got = 0;
  for await (const chunk of stream) got += (chunk as Buffer).length;
  t.is(got, manyBytes, "who reads gets all of it");
});

// ---- connections ----

interface Kept {
  readonly socket: TLSSocket;
  /** Sends a request and answers its status line and body; "" where the connection is cut. */
  ask(more?: string): Promise<string>;
}

function keep(at: Port & { readonly cert?: string; readonly key?: string }): Promise<Kept> {
  return new Promise((resolve) => {
    let arrived = "";
    let over = false;
    let tell: (() => void) | undefined;
    const socket = connectTls({ host: "127.0.0.1", ...at }, () => resolve({ socket, ask }));
    const ask = (more = ""): Promise<string> =>
      new Promise((answered) => {
        arrived = "";
        tell = () => {
          const length = Number(/content-length: (\d+)/i.exec(arrived)?.[1] ?? "NaN");
          const body = arrived.split("\r\n\r\n")[1] ?? "";
          if (over || Buffer.byteLength(body) >= length) answered(arrived);
        };
        if (over) answered("");
        else socket.write(`GET /k HTTP/1.1\r\n${host}${more}\r\n`);
      });
    socket.on("data", (chunk: Buffer) => {
      arrived += chunk.toString("latin1");
      tell?.();
    });
    socket.on("error", () => socket.destroy());
    socket.once("close", () => {
      over = true;
      tell?.();
      resolve({ socket, ask });
    });
  });
}

const few: ConnectionLimits = { all: 10, reserved: 2, perUser: 3, perAddress: 4 };

test.serial(
  "an address has some connections that nobody has said theirs of; more are told so, many more are cut",
  async (t) => {
    const { server, ca } = await start(few);
    t.teardown(() => server.close(0));
    const at = { port: server.port, ca };
    const first: Kept[] = [];
    for (let count = 0; count < few.perAddress; count += 1) first.push(await keep(at));
    for (const kept of first) t.regex(await kept.ask(), /^HTTP\/1\.1 200 /);
    const refusedOne = await keep(at);
    const said = await refusedOne.ask();
    t.regex(said, /^HTTP\/1\.1 429 /);
    t.regex(said, /retry-after: 5/i);
    t.regex(said, /4 connections of this address have not said whose they are.*"reason":"TooManyRequests"/s);
    t.is(await refusedOne.ask(), "", "it is closed behind its answer");
    // Who says whose a connection is frees a place for the next stranger.
    t.regex(await first[0]!.ask("x-user: eve\r\n"), /^HTTP\/1\.1 200 /);
    t.regex(await (await keep(at)).ask(), /^HTTP\/1\.1 200 /);
    const idle: Kept[] = [];
    for (let count = 0; count < 6; count += 1) idle.push(await keep(at));
    t.is(await idle.at(-1)!.ask(), "", "beyond twice the bound there is no TLS");
  },
);

test.serial(
  "a user has some connections, by certificate or by token; strangers leave a part to those with one",
  async (t) => {
    const { server, ca, leafOf } = await start({ ...few, perAddress: 100 });
    t.teardown(() => server.close(0));
    const at = { port: server.port, ca };
    const [admin, ann] = [await leafOf("admin"), await leafOf("ann")];
    const as = ({ certificate, key }: typeof admin) => keep({ ...at, cert: certificate, key });
    const own = [await as(admin), await as(admin), await as(admin)];
    for (const kept of own) t.regex(await kept.ask(), /^HTTP\/1\.1 200 /);
    t.regex(await (await as(admin)).ask(), /^HTTP\/1\.1 429 .*user \\"admin\\" has 3 connections/s);
    const byToken = [await keep(at), await keep(at), await keep(at), await keep(at)];
    const codes: string[] = [];
    for (const kept of byToken) codes.push((await kept.ask("x-user: eve\r\n")).slice(9, 12));
    t.deepEqual(codes, ["200", "200", "200", "429"]);
    await byToken[3]!.ask();
    const strangers = [await keep(at), await keep(at), await keep(at)];
    const last = await strangers[2]!.ask();
    t.regex(last, /^HTTP\/1\.1 429 .*has 8 connections, which is all that it takes/s);
    t.regex(await (await as(ann)).ask(), /^HTTP\/1\.1 200 /, "ann has a certificate");
    for (const kept of own) kept.socket.destroy();
    await Promise.all(own.map((kept) => kept.ask()));
    t.regex(await (await as(admin)).ask(), /^HTTP\/1\.1 200 /, "a closed connection is none");
  },
);

test.serial("over HTTP/2 the same connections are told, and who says whose one is frees its place", async (t) => {
  const { server, ca } = await start(few);
  const sessions: ClientHttp2Session[] = [];
  t.teardown(async () => {
    for (const session of sessions) session.destroy();
    await server.close(0);
  });
  const open = (): ((headers?: Readonly<Record<string, string>>) => Promise<string>) => {
    const session = connectHttp2(`https://127.0.0.1:${server.port}`, { ca });
    session.on("error", () => session.destroy());
    sessions.push(session);
    return async (headers = {}) => {
      const stream = session.request({ ":path": "/k", ...headers });
      stream.setEncoding("utf8");
      const [response, body] = await Promise.all([once(stream, "response"), text(stream)]);
      const [head] = response as [Readonly<Record<string, number>>];
      return `${head[":status"]} ${body}`;
    };
  };
  const taken = Array.from({ length: few.perAddress }, open);
  for (const ask of taken) t.regex(await ask(), /^200 /);
  t.regex(await open()(), /^429 .*4 connections of this address have not said whose they are/s);
  t.regex(await taken[0]!({ "x-user": "eve" }), /^200 /);
  t.regex(await open()(), /^200 /);
  const eves = [taken[1]!, taken[2]!, taken[3]!];
  const codes: string[] = [];
  for (const ask of eves) codes.push((await ask({ "x-user": "eve" })).slice(0, 3));
  t.deepEqual(codes, ["200", "200", "429"], "three connections are one user's most");
});
