// Ports that close while a client is in the middle of its handshake: nobody would end its connection later.
import { once } from "node:events";
import * as net from "node:net";
import { Duplex } from "node:stream";
import { connect } from "node:tls";
import test from "ava";

import { createIssuer } from "../../../src/auth/certificates.ts";
import { usualPatience } from "../../../src/env/real/https-guards.ts";
import { listenHttps } from "../../../src/env/real/https-server.ts";
import { createTlsPort } from "../../../src/env/real/tls-port.ts";
import type { ServingPair } from "../../../src/env/real/tls-server.ts";

interface HalfOpen {
  /** Ends the handshake. */
  finish(): void;
  readonly closed: Promise<unknown>;
}

/** A client that has its server's first answer, and keeps its own next word back. */
async function halfOpen(port: number): Promise<HalfOpen> {
  const socket = net.connect(port, "127.0.0.1");
  const closed = once(socket, "close");
  let finish = (): void => {};
  const mayFinish = new Promise<void>((resolve) => (finish = resolve));
  let turn: Promise<void> = Promise.resolve();
  const held = new Duplex({
    read: () => {},
    write: (bytes: Buffer, _encoding, done) => {
      void turn.then(() => socket.write(bytes));
      turn = mayFinish;
      done();
    },
  });
  socket.on("data", (bytes: Buffer) => held.push(bytes));
  socket.on("error", () => socket.destroy());
  connect({ socket: held, rejectUnauthorized: false, ALPNProtocols: ["h2"] }).on("error", () => socket.destroy());
  await once(socket, "data");
  return { finish, closed };
}

// Else the handshake's own time would end what is to be shown.
const handshakeMs = 600_000;

async function serving(): Promise<ServingPair> {
  const issuer = createIssuer({ webcrypto: globalThis.crypto, now: () => Date.now() });
  const authority = await issuer.authority("ca");
  const pair = await issuer.leaf(authority, { commonName: "s", usage: "server", names: ["127.0.0.1"], validMs: 1e7 });
  return { ...pair, clientAuthorities: [authority.certificate] };
}

test("the REST port ends it", async (t) => {
  const server = await listenHttps({
    host: "127.0.0.1",
    port: 0,
    ...(await serving()),
    handler: () => t.fail("nobody asks"),
    patience: { ...usualPatience, headersMs: handshakeMs },
  });
  const client = await halfOpen(server.port);
  await server.close(0);
  await client.closed;
  t.pass();
});

test("the gRPC port serves it no more", async (t) => {
  const options = { ...(await serving()), handshakeMs };
  const port = createTlsPort(options, () => t.fail("it is served"));
  const client = await halfOpen(await port.listen("127.0.0.1", 0));
  port.close();
  client.finish();
  await client.closed;
  t.pass();
});
