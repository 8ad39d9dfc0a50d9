// The REST port over real sockets: both protocols, client certificates, bodies, streams, upgrades.
import { connect, constants, type ClientHttp2Session, type IncomingHttpHeaders } from "node:http2";
import { request } from "node:https";
import { connect as connectTls } from "node:tls";
import { gunzipSync } from "node:zlib";
import test from "ava";
import { WebSocket } from "ws";
import { createIssuer } from "../../src/auth/certificates.ts";
import { listenHttps } from "../../src/env/real/https-server.ts";
import type { HttpExchange } from "../../src/env/http.ts";
import { StatusError } from "../../src/util/errors.ts";

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

const packedHead = { status: 200, headers: { "content-encoding": "gzip" }, gzip: true } as const;

async function answer(exchange: HttpExchange): Promise<void> {
  if (exchange.headers["upgrade"] === "SPDY/3.1") {
    const connection = exchange.switchProtocols({ upgrade: "SPDY/3.1", "x-stream-protocol-version": "v4" });
    connection.onData((bytes) => connection.write(bytes));
    connection.onClose(() => connection.end());
    return;
  }
  if (exchange.isUpgrade) {
    const socket = await exchange.upgrade("SPDY/3.1+portforward.k8s.io");
    socket.onMessage((bytes) => socket.send(bytes));
    return;
  }
  if (exchange.target === "/packed") {
    return exchange.respond({ ...packedHead, body: Buffer.from("whole ".repeat(1_000)) });
  }
  if (exchange.target === "/packed-stream") {
    const stream = exchange.stream(packedHead);
    for (let count = 0; count < 1_000; count += 1) stream.write(Buffer.from("piece "));
    return stream.end();
  }
  if (exchange.target === "/refused") {
    return exchange.respond({ status: 429, headers: { "retry-after": "1" }, body: Buffer.from("later") });
  }
  if (exchange.target === "/stream") {
    const stream = exchange.stream({ status: 200, headers: { "content-type": "text/plain" } });
    stream.write(Buffer.from("a"));
    stream.write(Buffer.from("b"));
    stream.end();
    return;
  }
  try {
    const body = await exchange.body(8);
    const said = `${exchange.method} ${exchange.target} ${exchange.certificate?.commonName ?? "anonymous"} ${exchange.certificate?.organizations.join(",") ?? ""} ${text(body)}`;
    exchange.respond({ status: 200, headers: { "content-type": "text/plain" }, body: Buffer.from(said) });
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    exchange.respond({ status: error.status.code, headers: {}, body: Buffer.from(error.status.message ?? "") });
  }
}

async function start() {
  const issuer = createIssuer({ webcrypto: globalThis.crypto, now: () => Date.now() });
  const [serving, clients, strangers] = [
    await issuer.authority("serving"),
    await issuer.authority("clients"),
    await issuer.authority("strangers"),
  ];
  const validMs = 600_000;
  const leaf = await issuer.leaf(serving, { commonName: "api", usage: "server", names: ["127.0.0.1"], validMs });
  const admin = await issuer.leaf(clients, {
    commonName: "admin",
    organizations: ["system:masters", "ops"],
    usage: "client",
    validMs,
  });
  const stranger = await issuer.leaf(strangers, { commonName: "admin", usage: "client", validMs });
  const server = await listenHttps({
    host: "127.0.0.1",
    port: 0,
    ...leaf,
    clientAuthorities: [clients.certificate],
    handler: (exchange) => void answer(exchange),
  });
  return { server, ca: serving.certificate, admin, stranger };
}

interface Ask {
  readonly ca: string;
  readonly port: number;
  readonly path: string;
  readonly body?: string;
  readonly client?: { readonly certificate: string; readonly key: string };
}

function askHttp1({ ca, port, path, body, client }: Ask): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const options = {
      host: "127.0.0.1",
      port,
      path,
      ca,
      agent: false,
      method: body === undefined ? "GET" : "POST",
      ...(client === undefined ? {} : { cert: client.certificate, key: client.key }),
    } as const;
    const sent = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

test.serial("HTTP/1.1 and HTTP/2 carry the certificate's user, bodies and streams", async (t) => {
  const { server, ca, admin, stranger } = await start();
  t.teardown(() => server.close(0));
  const { port } = server;
  t.is((await askHttp1({ ca, port, path: "/x?y=1" })).body, "GET /x?y=1 anonymous  ");
  t.is((await askHttp1({ ca, port, path: "/x", client: stranger })).body, "GET /x anonymous  ");
  t.is(
    (await askHttp1({ ca, port, path: "/x", body: "hello", client: admin })).body,
    "POST /x admin system:masters,ops hello",
  );
  t.is((await askHttp1({ ca, port, path: "/x", body: "123456789" })).status, 413);
  t.is((await askHttp1({ ca, port, path: "/stream" })).body, "ab");

  const session = connect(`https://127.0.0.1:${port}`, { ca, cert: admin.certificate, key: admin.key });
  t.teardown(() => session.destroy());
  const bodies = await Promise.all(
    ["/one", "/stream"].map(
      (path) =>
        new Promise<string>((resolve, reject) => {
          const stream = session.request({ [constants.HTTP2_HEADER_PATH]: path });
          const chunks: Buffer[] = [];
          stream.on("data", (chunk: Buffer) => chunks.push(chunk));
          stream.on("end", () => resolve(Buffer.concat(chunks).toString()));
          stream.on("error", reject);
        }),
    ),
  );
  t.deepEqual(bodies, ["GET /one admin system:masters,ops ", "ab"]);
});

test.serial("a WebSocket sub-protocol with a slash is accepted and echoes binary messages", async (t) => {
  const { server, ca, admin } = await start();
  t.teardown(() => server.close(0));
  const socket = new WebSocket(`wss://127.0.0.1:${server.port}/exec`, {
    ca,
    cert: admin.certificate,
    key: admin.key,
    headers: { "Sec-WebSocket-Protocol": "SPDY/3.1+portforward.k8s.io" },
  });
  t.teardown(() => socket.terminate());
  const upgraded = await new Promise<string>((resolve, reject) => {
    socket.on("upgrade", (response) => resolve(String(response.headers["sec-websocket-protocol"])));
    // The client library refuses an answer to a protocol that it did not ask for through its own option.
    socket.on("error", (error) => (/subprotocol/.test(error.message) ? undefined : reject(error)));
  });
  t.is(upgraded, "SPDY/3.1+portforward.k8s.io");
});

/** Status and unpacked body over HTTP/2. */
function ask(session: ClientHttp2Session, path: string, body?: Buffer): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":path": path, ":method": body === undefined ? "GET" : "POST" });
    const chunks: Buffer[] = [];
    let head: IncomingHttpHeaders = {};
    stream.on("response", (headers) => (head = headers));
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      const all = Buffer.concat(chunks);
      const plain = head["content-encoding"] === "gzip" ? gunzipSync(all) : all;
      resolve({ status: Number(head[":status"]), body: plain.toString() });
    });
    stream.on("error", reject);
    stream.end(body);
  });
}

test.serial("what is promised packed is packed, whole and in pieces, over both protocols", async (t) => {
  const { server, ca } = await start();
  t.teardown(() => server.close(0));
  const session = connect(`https://127.0.0.1:${server.port}`, { ca });
  t.teardown(() => session.destroy());
  t.is((await ask(session, "/packed")).body, "whole ".repeat(1_000));
  t.is((await ask(session, "/packed-stream")).body, "piece ".repeat(1_000));
  for (const [path, expected] of [
    ["/packed", "whole ".repeat(1_000)],
    ["/packed-stream", "piece ".repeat(1_000)],
  ] as const) {
    const body = await new Promise<Buffer>((resolve, reject) => {
      const sent = request({ host: "127.0.0.1", port: server.port, path, ca, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => resolve(Buffer.concat(chunks)));
      });
      sent.on("error", reject);
      sent.end();
    });
    t.is(gunzipSync(body).toString(), expected);
  }
});

test.serial("an answer before the body is read leaves the connection usable", async (t) => {
  const { server, ca } = await start();
  t.teardown(() => server.close(0));
  const session = connect(`https://127.0.0.1:${server.port}`, { ca });
  t.teardown(() => session.destroy());
  for (let count = 0; count < 300; count += 1) {
    t.is((await ask(session, "/refused", Buffer.alloc(60_000))).status, 429);
  }
  t.is((await ask(session, "/one")).status, 200);
});

test.serial("a connection that leaves HTTP keeps the bytes that came with the head, and its end", async (t) => {
  const { server, ca } = await start();
  t.teardown(() => server.close(0));
  const socket = connectTls({ host: "127.0.0.1", port: server.port, ca, ALPNProtocols: ["http/1.1"] });
  t.teardown(() => socket.destroy());
  const head = "POST /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n";
  let heard = "";
  const ended = new Promise<void>((resolve) => {
    socket.on("data", (bytes: Buffer) => {
      heard += bytes.toString("latin1");
      if (heard.endsWith("early")) socket.write("late");
      if (heard.endsWith("earlylate")) socket.end();
    });
    socket.on("close", () => resolve());
  });
  socket.write(`${head}early`);
  await ended;
  t.regex(heard, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
  t.regex(heard, /\r\nx-stream-protocol-version: v4\r\n/);
  t.regex(heard, /\r\n\r\nearlylate$/);
});
