import fc from "fast-check";
import test from "ava";
import {
  decodeQuery,
  encodeAnswer,
  encodeQuery,
  isMalformed,
  readName,
  types,
  udpLimit,
  type Query,
} from "../../../../src/node/dns/message.ts";
import { ZoneBuilder } from "../../../../src/node/dns/records.ts";
import { answerZone } from "../../../../src/node/dns/zone.ts";
import type { EndpointSlice, Pod, Service } from "../../../../src/kinds/generated/types.ts";

const meta = (namespace: string, name: string, labels: Record<string, string> = {}) => ({
  namespace,
  name,
  uid: `${namespace}-${name}`,
  resourceVersion: "1",
  creationTimestamp: "2026-01-01T00:00:00Z",
  labels,
});

function service(name: string, spec: Service["spec"]): Service {
  return { apiVersion: "v1", kind: "Service", metadata: meta("shop", name), spec };
}

function slice(name: string, of: string, endpoints: EndpointSlice["endpoints"]): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: meta("shop", name, { "kubernetes.io/service-name": of }),
    addressType: "IPv4",
    endpoints: endpoints ?? [],
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
  } as EndpointSlice;
}

function zone(): ZoneBuilder {
  const built = new ZoneBuilder("cluster.local");
  built.setNamespace("shop", true);
  built.setService(
    "shop/web",
    service("web", {
      clusterIPs: ["10.43.0.7"],
      type: "ClusterIP",
      ports: [{ name: "http", port: 80, protocol: "TCP" }],
    }),
  );
  built.setService("shop/db", service("db", { clusterIP: "None", clusterIPs: ["None"] }));
  built.setService("shop/empty", service("empty", { clusterIP: "None", clusterIPs: ["None"] }));
  built.setService("shop/far", service("far", { type: "ExternalName", externalName: "example.org." }));
  built.setSlice(
    "shop/db-1",
    slice("db-1", "db", [
      { addresses: ["10.42.0.5"], hostname: "db-0", conditions: { ready: true } },
      { addresses: ["10.42.0.6"], conditions: { ready: true } },
      { addresses: ["10.42.0.7"], conditions: { ready: false } },
    ]),
  );
  built.setPod("shop/p", {
    apiVersion: "v1",
    kind: "Pod",
    metadata: meta("shop", "p"),
    spec: { containers: [] },
    status: { podIPs: [{ ip: "10.42.0.9" }] },
  } as Pod);
  return built;
}

function ask(name: string, type: number, built = zone()): string {
  const answer = answerZone(built, { name, type, class: 1 });
  if (answer === undefined) return "upstream";
  const words = answer.answers.map(({ data }) => {
    if ("address" in data) return data.address;
    if (data.type === types.SRV) return `${data.target}:${data.port}`;
    if ("target" in data) return data.target;
    return "text" in data ? data.text : "SOA";
  });
  return `${["ok", "", "", "nxdomain", "", "refused"][answer.code]} ${words.join(" ")}`.trim();
}

const table: readonly (readonly [question: string, type: number, expected: string])[] = [
  ["web.shop.svc.cluster.local", types.A, "ok 10.43.0.7"],
  ["WEB.Shop.svc.Cluster.Local", types.A, "ok 10.43.0.7"],
  ["web.shop.svc.cluster.local", types.AAAA, "ok"],
  ["nope.shop.svc.cluster.local", types.A, "nxdomain"],
  ["web.nope.svc.cluster.local", types.A, "nxdomain"],
  ["shop.svc.cluster.local", types.A, "ok"],
  ["svc.cluster.local", types.A, "ok"],
  ["cluster.local", types.SOA, "ok SOA"],
  ["dns-version.cluster.local", types.TXT, "ok 1.1.0"],
  ["db.shop.svc.cluster.local", types.A, "ok 10.42.0.5 10.42.0.6"],
  ["empty.shop.svc.cluster.local", types.A, "nxdomain"],
  ["db-0.db.shop.svc.cluster.local", types.A, "ok 10.42.0.5"],
  ["10-42-0-6.db.shop.svc.cluster.local", types.A, "ok 10.42.0.6"],
  ["10-42-0-7.db.shop.svc.cluster.local", types.A, "nxdomain"],
  ["_http._tcp.web.shop.svc.cluster.local", types.SRV, "ok web.shop.svc.cluster.local:80"],
  ["_http._udp.web.shop.svc.cluster.local", types.SRV, "nxdomain"],
  [
    "_http._tcp.db.shop.svc.cluster.local",
    types.SRV,
    "ok db-0.db.shop.svc.cluster.local:8080 10-42-0-6.db.shop.svc.cluster.local:8080",
  ],
  ["_tcp.web.shop.svc.cluster.local", types.A, "ok"],
  ["far.shop.svc.cluster.local", types.A, "ok example.org"],
  ["7.0.43.10.in-addr.arpa", types.PTR, "ok web.shop.svc.cluster.local"],
  ["5.0.42.10.in-addr.arpa", types.PTR, "ok db-0.db.shop.svc.cluster.local"],
  ["9.9.9.9.in-addr.arpa", types.PTR, "upstream"],
  ["10-42-0-9.shop.pod.cluster.local", types.A, "ok 10.42.0.9"],
  ["10-42-0-8.shop.pod.cluster.local", types.A, "nxdomain"],
  ["example.org", types.A, "upstream"],
  ["notcluster.local", types.A, "upstream"],
];

for (const [question, type, expected] of table) {
  test(`${question} of type ${type} answers ${expected}`, (t) => t.is(ask(question, type), expected));
}

test("what is taken away is no longer answered", (t) => {
  const built = zone();
  built.setSlice("shop/db-1", slice("db-1", "db", [{ addresses: ["10.42.0.6"], conditions: { ready: true } }]));
  t.is(ask("db.shop.svc.cluster.local", types.A, built), "ok 10.42.0.6");
  t.is(ask("5.0.42.10.in-addr.arpa", types.PTR, built), "upstream");
  built.setSlice("shop/db-1", undefined);
  t.is(ask("db.shop.svc.cluster.local", types.A, built), "nxdomain");
  built.setService("shop/web", undefined);
  t.is(ask("7.0.43.10.in-addr.arpa", types.PTR, built), "upstream");
  built.setNamespace("shop", false);
  t.is(ask("far.shop.svc.cluster.local", types.A, built), "nxdomain");
});

test("a query survives the way to the wire and back", (t) => {
  const label = fc.stringMatching(/^[a-zA-Z0-9_-]{1,20}$/);
  fc.assert(
    fc.property(fc.array(label, { minLength: 1, maxLength: 6 }), fc.nat(0xffff), fc.boolean(), (labels, id, edns) => {
      const question = { name: labels.join("."), type: types.A, class: 1 };
      const query = decodeQuery(encodeQuery(id, question, edns ? { dnssecOk: true } : undefined)) as Query;
      t.deepEqual(query.question, question);
      t.is(query.id, id);
      t.is(query.edns !== undefined, edns);
    }),
  );
});

test("no bytes make the decoder throw", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 0, maxLength: 80 }), (bytes) => {
      const query = decodeQuery(bytes);
      return isMalformed(query) || query.question.name.length <= 255;
    }),
    { numRuns: 5_000 },
  );
  const loop = Uint8Array.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 0x0c, 0, 1, 0, 1]);
  t.deepEqual(decodeQuery(loop), { id: 1, code: 1 });
});

test("an answer that does not fit says so and is empty; compressed names read back", (t) => {
  const query = decodeQuery(
    encodeQuery(7, { name: "db.shop.svc.cluster.local", type: types.A, class: 1 }, undefined),
  ) as Query;
  const answers = Array.from({ length: 40 }, (_, index) => ({
    name: query.question.name,
    ttl: 5,
    data: { type: types.A, address: `10.42.0.${index}` } as const,
  }));
  t.is(udpLimit(query), 512);
  const small = encodeAnswer(query, { code: 0, authoritative: true, answers }, 512);
  t.true(small.length <= 512);
  t.is(small[2]! & 0x02, 2);
  const whole = encodeAnswer(query, { code: 0, authoritative: true, answers }, 65_535);
  t.is(whole[2]! & 0x02, 0);
  const { end } = readName(whole, 12);
  t.is(readName(whole, end + 4).name, query.question.name);
});
