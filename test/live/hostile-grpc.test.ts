// How many connections the gRPC port takes and of whom: what is beyond a bound is told so, what is far beyond is cut.
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import * as grpc from "@grpc/grpc-js";
import test, { type ExecutionContext } from "ava";
import { createGrpcServer, unary } from "../../src/api/grpc/server.ts";
import { createIssuer } from "../../src/auth/certificates.ts";
import { realClock } from "../../src/env/real/clock.ts";
import type { ConnectionLimits } from "../../src/env/real/https-connections.ts";
import { loadProtoService } from "../../src/env/real/proto.ts";
import { createTlsPort } from "../../src/env/real/tls-port.ts";
import { until } from "./support/machine.ts";

const health = loadProtoService("grpc/health.proto", "grpc.health.v1.Health");
const check = health.definition["Check"] as grpc.MethodDefinition<object, object>;
const few: ConnectionLimits = { all: 10, reserved: 2, perUser: 3, perAddress: 4 };

interface Leaf {
  readonly certificate: string;
  readonly key: string;
}

/** Serves health, and tells whose certificate each call came with. */
async function start(t: ExecutionContext, connections: ConnectionLimits, handshakeMs = 30_000) {
  const issuer = createIssuer({ webcrypto: globalThis.crypto, now: () => Date.now() });
  const [serving, clients, strange] = await Promise.all(
    ["serving", "clients", "strange"].map((name) => issuer.authority(name)),
  );
  const leaf = await issuer.leaf(serving!, {
    commonName: "api",
    usage: "server",
    names: ["localhost"],
    validMs: 600_000,
  });
  const seen: (string | undefined)[] = [];
  const handlers = {
    Check: unary((_request, caller) => {
      seen.push(caller.certificate?.commonName);
      return Promise.resolve({ status: 1 });
    }),
  };
  const server = createGrpcServer({
    clock: realClock,
    services: [{ definition: health.definition, handlers }],
    openPort: (serve) =>
      createTlsPort({ ...leaf, clientAuthorities: [clients!.certificate], connections, handshakeMs }, serve),
  });
  const port = await server.listen("127.0.0.1", 0);
  const opened: grpc.Client[] = [];
  t.teardown(async () => {
    for (const client of opened) client.close();
    await server.close(0);
  });
  /** A connection of its own; what a call on it is answered. */
  const open = (who?: Leaf): (() => Promise<string>) => {
    const pem = (text: string | undefined): Buffer | null => (text === undefined ? null : Buffer.from(text));
    const credentials = grpc.credentials.createSsl(
      Buffer.from(serving!.certificate),
      pem(who?.key),
      pem(who?.certificate),
    );
    const client = new grpc.Client(`127.0.0.1:${port}`, credentials, {
      "grpc.use_local_subchannel_pool": 1,
      "grpc.ssl_target_name_override": "localhost",
      "grpc.enable_retries": 0,
    });
    opened.push(client);
    return () =>
      new Promise((resolve) => {
        const { path, requestSerialize, responseDeserialize } = check;
        client.makeUnaryRequest(path, requestSerialize, responseDeserialize, {}, (error) => {
          resolve(error === null ? "OK" : `${grpc.status[error.code]} ${error.details}`);
        });
      });
  };
  const leafOf = (commonName: string, authority = clients!): Promise<Leaf> =>
    issuer.leaf(authority, { commonName, usage: "client", validMs: 600_000 });
  return { port, open, leafOf, strange: strange!, seen, close: () => opened.shift()!.close() };
}

test.serial(
  "an address has some connections without a certificate; more are told so, and one that ends leaves a place",
  async (t) => {
    const { open, close } = await start(t, few);
    for (let count = 0; count < few.perAddress; count += 1) t.is(await open()(), "OK");
    const refused = open();
    t.is(
      await refused(),
      "RESOURCE_EXHAUSTED 4 connections of this address have not said whose they are: no more of them",
    );
    close();
    await until("there is a place", async () => (await open()()) === "OK");
    t.pass();
  },
);

test.serial("beyond twice the bound there is no TLS", async (t) => {
  const { port, open } = await start(t, few);
  const silent = Array.from({ length: 12 }, () => connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false }));
  t.teardown(() => {
    for (const socket of silent) socket.destroy();
  });
  const ends = silent.map(
    (socket) =>
      new Promise<string>((resolve) => {
        socket.once("error", () => resolve("cut"));
        socket.once("close", () => resolve("cut"));
        socket.once("secureConnect", () => resolve("secure"));
      }),
  );
  t.true((await Promise.all(ends)).includes("cut"));
  t.regex(await open()(), /^(UNAVAILABLE|RESOURCE_EXHAUSTED) /);
});

test.serial(
  "a user has some connections, whatever the address; strangers leave a part to those with a certificate",
  async (t) => {
    const { open, leafOf } = await start(t, { ...few, perAddress: 100 });
    const [admin, ann] = await Promise.all([leafOf("admin"), leafOf("ann")]);
    for (let count = 0; count < few.perUser; count += 1) t.is(await open(admin)(), "OK");
    t.is(await open(admin)(), 'RESOURCE_EXHAUSTED user "admin" has 3 connections, which is all that one user may have');
    const strangers: string[] = [];
    for (let count = 0; count < 6; count += 1) strangers.push(await open()());
    t.true(strangers.includes("RESOURCE_EXHAUSTED this server has 8 connections, which is all that it takes"));
    t.is(await open(ann)(), "OK");
  },
);

test.serial("a certificate counts only if an authority of the cluster has signed it", async (t) => {
  const { open, leafOf, strange, seen } = await start(t, few);
  t.is(await open(await leafOf("admin"))(), "OK");
  t.is(await open(await leafOf("admin", strange))(), "OK");
  t.is(await open()(), "OK");
  t.deepEqual(seen, ["admin", undefined, undefined]);
});

test.serial(
  "who does not finish the handshake is cut, and bytes that are no TLS end their connection alone",
  async (t) => {
    const { port, open } = await start(t, few, 2_000);
    const silent = connectTcp({ host: "127.0.0.1", port });
    const noise = connectTcp({ host: "127.0.0.1", port }, () => noise.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    for (const socket of [silent, noise]) {
      socket.resume();
      socket.on("error", () => socket.destroy());
    }
    await Promise.all([once(silent, "close"), once(noise, "close")]);
    t.is(await open()(), "OK");
  },
);
