// The DNS process over real sockets: fed by its socket, asked over UDP and TCP, forwarding upstream.
import { createSocket } from "node:dgram";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { realHost } from "../../src/env/real/host.ts";
import { realSockets } from "../../src/env/real/sockets.ts";
import { encodeAnswer, decodeQuery, encodeQuery, types, type Query } from "../../src/node/dns/message.ts";
import { Forwarder } from "../../src/node/dns/forward.ts";
import { startDnsServer } from "../../src/node/dns/server.ts";
import { ZoneBuilder } from "../../src/node/dns/records.ts";
import { freePort } from "./support/ports.ts";
import type { Clock, Rng } from "../../src/env/env.ts";

const clock: Clock = {
  wall: () => Date.now(),
  mono: () => performance.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};
const random: Rng = {
  u32: () => 4,
  below: (bound) => Math.floor(Math.random() * bound),
  bytes: (length) => new Uint8Array(length),
  uuid: () => "",
};

function udp(port: number, query: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.on("message", (bytes) => {
      socket.close();
      resolve(new Uint8Array(bytes));
    });
    socket.send(query, port, "127.0.0.1");
  });
}

function tcp(port: number, query: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", reject);
    socket.on("data", (bytes) => {
      socket.destroy();
      resolve(new Uint8Array(bytes.subarray(2)));
    });
    socket.write(Buffer.concat([Buffer.from([query.length >> 8, query.length & 255]), query]));
  });
}

test.serial(
  "the server answers its zone over UDP and TCP, forwards the rest and survives a dead upstream",
  async (t) => {
    const upstream = await realSockets.udp({ host: "127.0.0.1", port: 0 });
    let asked = 0;
    upstream.onMessage((bytes, from) => {
      asked += 1;
      const query = decodeQuery(bytes) as Query;
      const data = { type: types.A, address: "192.0.2.9" } as const;
      const answers = [{ name: query.question.name, ttl: 60, data }];
      upstream.send(encodeAnswer(query, { code: 0, authoritative: false, answers }, 512), from);
    });
    const zone = new ZoneBuilder("cluster.local");
    zone.setNamespace("shop", true);
    zone.setService("shop/web", {
      apiVersion: "v1",
      kind: "Service",
      metadata: { namespace: "shop", name: "web", uid: "u", resourceVersion: "1", creationTimestamp: "" },
      spec: { clusterIPs: ["10.43.0.7"] },
    });
    const folder = await mkdtemp(join(tmpdir(), "troupe-dns-"));
    const port = await freePort();
    const server = await startDnsServer({
      clock,
      sockets: realSockets,
      zone: () => zone,
      forwarder: new Forwarder({
        clock,
        random,
        sockets: realSockets,
        net: realHost().net,
        upstreams: [`127.0.0.1:${upstream.port}`],
      }),
      isClient: (address) => address === "127.0.0.1",
      addresses: ["127.0.0.1"],
      port,
    });
    t.teardown(async () => {
      server.close();
      upstream.close();
      await rm(folder, { recursive: true });
    });
    const web = encodeQuery(9, { name: "web.shop.svc.cluster.local", type: types.A, class: 1 }, undefined);
    for (const answer of [await udp(port, web), await tcp(port, web)]) {
      t.is(answer[3]! & 15, 0);
      t.deepEqual([...answer.subarray(-4)], [10, 43, 0, 7]);
    }
    const far = encodeQuery(10, { name: "example.org", type: types.A, class: 1 }, undefined);
    t.deepEqual([...(await udp(port, far)).subarray(-4)], [192, 0, 2, 9]);
    const before = asked;
    t.deepEqual([...(await udp(port, far)).subarray(0, 2)], [0, 10]);
    t.is(asked, before, "the second answer comes from the cache");
  },
);
