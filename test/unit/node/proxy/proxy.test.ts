import fc from "fast-check";
import test from "ava";
import type { EndpointSlice, Service } from "../../../../src/kinds/generated/types.ts";
import { commandsOf, replaceTable } from "../../../../src/node/proxy/commands.ts";
import { staleFlows } from "../../../../src/node/proxy/conntrack.ts";
import { elementsOf, noElements, type AffinityGroup } from "../../../../src/node/proxy/elements.ts";
import { servicePorts } from "../../../../src/node/proxy/service-ports.ts";
import { skeleton } from "../../../../src/node/proxy/skeleton.ts";
import { GroupNumbers, slotClass } from "../../../../src/node/proxy/slots.ts";
import { parseIpv4Cidr, parseIpv4, formatIpv4Cidr } from "../../../../src/util/ipv4.ts";
import { Wanted } from "../../../../src/node/proxy/wanted.ts";
import { evaluate, type Packet, type Table, type Verdict } from "./evaluator.ts";

const node = "n1";
const nodeAddress = "192.0.2.2";

interface EndpointPlan {
  readonly address: string;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly local: boolean;
}

const metadata = (name: string) => ({
  namespace: "shop",
  name,
  uid: name,
  resourceVersion: "1",
  creationTimestamp: "",
});

function makeService(name: string, spec: Service["spec"]): Service {
  return { apiVersion: "v1", kind: "Service", metadata: metadata(name), spec };
}

function makeSlice(endpoints: readonly EndpointPlan[], portName = "", port = 8080): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: metadata("s"),
    addressType: "IPv4",
    ports: [{ name: portName, port, protocol: "TCP" }],
    endpoints: endpoints.map(({ address, local, ...conditions }) => ({
      addresses: [address],
      conditions,
      nodeName: local ? node : "n2",
    })),
  };
}

const up = (address: string, local = false): EndpointPlan => ({
  address,
  ready: true,
  serving: true,
  terminating: false,
  local,
});

function tableOf(service: Service, slices: readonly EndpointSlice[]): Table {
  const wanted = new Wanted();
  const groups = new GroupNumbers();
  const affinity = new Map<number, AffinityGroup>();
  for (const port of servicePorts(service, slices, node)) {
    const elements = elementsOf(port, groups);
    wanted.set(port.id, elements);
    for (const [group, held] of elements.affinity) affinity.set(group, held);
  }
  return {
    content: (name) => wanted.content(name),
    affinity,
    nodeAddresses: [nodeAddress],
    serviceCidrPrefix: "10.43.",
    dnsAddress: "10.43.0.10",
  };
}

function words(verdict: Verdict): string {
  if (verdict.kind !== "dnat") return verdict.kind;
  const targets = [...verdict.targets.keys()]
    .map((target) => target.split(" . ")[0] ?? "")
    .toSorted((a, b) => (a < b ? -1 : 1));
  return `${targets.join(",")}${verdict.masquerade ? " masq" : ""}`;
}

const outside = (to: string, port: number): Packet => ({ from: "outside", to, proto: "tcp", port });
const inside = (to: string, port: number): Packet => ({ from: "pod", to, proto: "tcp", port });
const ports = [{ port: 80, protocol: "TCP", nodePort: 30_080 }];
const two = [makeSlice([up("10.42.0.5", true), up("10.42.1.6")])];
const remoteOnly = [makeSlice([up("10.42.1.6")])];

interface Case {
  readonly title: string;
  readonly spec: Service["spec"];
  readonly slices: readonly EndpointSlice[];
  readonly packet: Packet;
  readonly expected: string;
}

const both = { clusterIPs: ["10.43.0.7"], ports, type: "NodePort" } as const;
const localOnly = { ...both, externalTrafficPolicy: "Local", externalIPs: ["203.0.113.9"] } as const;
const gone: EndpointPlan = { address: "10.42.0.5", ready: false, serving: true, terminating: true, local: true };

const cases: readonly Case[] = [
  {
    title: "a pod reaches the cluster address and keeps its own",
    spec: both,
    slices: two,
    packet: inside("10.43.0.7", 80),
    expected: "10.42.0.5,10.42.1.6",
  },
  {
    title: "a client from outside is masqueraded at the cluster address",
    spec: both,
    slices: two,
    packet: outside("10.43.0.7", 80),
    expected: "10.42.0.5,10.42.1.6 masq",
  },
  {
    title: "a node port leads to all endpoints, masqueraded",
    spec: both,
    slices: two,
    packet: outside(nodeAddress, 30_080),
    expected: "10.42.0.5,10.42.1.6 masq",
  },
  {
    title: "a Local node port leads to this node's endpoints and keeps the source",
    spec: localOnly,
    slices: two,
    packet: outside(nodeAddress, 30_080),
    expected: "10.42.0.5",
  },
  {
    title: "a pod takes all endpoints of a Local node port",
    spec: localOnly,
    slices: two,
    packet: inside(nodeAddress, 30_080),
    expected: "10.42.0.5,10.42.1.6",
  },
  {
    title: "a Local external address leads to this node's endpoints",
    spec: localOnly,
    slices: two,
    packet: outside("203.0.113.9", 80),
    expected: "10.42.0.5",
  },
  {
    title: "a Local external address without one here is dropped",
    spec: localOnly,
    slices: remoteOnly,
    packet: outside("203.0.113.9", 80),
    expected: "drop",
  },
  {
    title: "a pod still reaches a Local external address without one here",
    spec: localOnly,
    slices: remoteOnly,
    packet: inside("203.0.113.9", 80),
    expected: "10.42.1.6",
  },
  { title: "no endpoint is a reject", spec: both, slices: [], packet: inside("10.43.0.7", 80), expected: "reject" },
  {
    title: "no endpoint rejects the node port too",
    spec: both,
    slices: [],
    packet: outside(nodeAddress, 30_080),
    expected: "reject",
  },
  {
    title: "an undefined port of a cluster address is a reject",
    spec: both,
    slices: two,
    packet: inside("10.43.0.7", 81),
    expected: "reject",
  },
  {
    title: "an address nobody has is a reject inside the range, nothing outside it",
    spec: both,
    slices: two,
    packet: inside("10.43.9.9", 80),
    expected: "reject",
  },
  {
    title: "the DNS address is left alone",
    spec: both,
    slices: two,
    packet: inside("10.43.0.10", 53),
    expected: "pass",
  },
  {
    title: "internal Local leads to this node's endpoints",
    spec: { ...both, internalTrafficPolicy: "Local" },
    slices: two,
    packet: inside("10.43.0.7", 80),
    expected: "10.42.0.5",
  },
  {
    title: "internal Local without one here drops",
    spec: { ...both, internalTrafficPolicy: "Local" },
    slices: remoteOnly,
    packet: inside("10.43.0.7", 80),
    expected: "drop",
  },
  {
    title: "a terminating endpoint gets nothing while another is ready",
    spec: both,
    slices: [makeSlice([gone, up("10.42.1.6")])],
    packet: inside("10.43.0.7", 80),
    expected: "10.42.1.6",
  },
  {
    title: "terminating endpoints that serve are used when nothing is ready",
    spec: both,
    slices: [makeSlice([gone])],
    packet: inside("10.43.0.7", 80),
    expected: "10.42.0.5",
  },
  {
    title: "terminating endpoints that do not serve are not",
    spec: both,
    slices: [makeSlice([{ ...gone, serving: false }])],
    packet: inside("10.43.0.7", 80),
    expected: "reject",
  },
  {
    title: "a headless service has no rules",
    spec: { ...both, clusterIPs: ["None"] },
    slices: two,
    packet: inside("10.43.0.7", 80),
    expected: "reject",
  },
  {
    title: "affinity keeps the endpoints",
    spec: { ...both, sessionAffinity: "ClientIP" },
    slices: two,
    packet: inside("10.43.0.7", 80),
    expected: "10.42.0.5,10.42.1.6",
  },
];

for (const { title, spec, slices, packet, expected } of cases) {
  test(title, (t) => t.is(words(evaluate(tableOf(makeService("web", spec), slices), packet)), expected));
}

test("slots are exact up to 200 endpoints and nearly even above", (t) => {
  for (const count of [1, 3, 200, 201, 700]) {
    const endpoints = Array.from({ length: count }, (_, index) => up(`10.42.${index >> 8}.${index & 255}`));
    const table = tableOf(makeService("web", both), [makeSlice(endpoints)]);
    const verdict = evaluate(table, inside("10.43.0.7", 80));
    const counts = verdict.kind === "dnat" ? [...verdict.targets.values()] : [];
    t.is(counts.length, count);
    const spread = Math.max(...counts) - Math.min(...counts);
    t.true(count <= 200 ? spread === 0 : spread <= 1);
  }
  t.deepEqual(slotClass(201), { class: 203, slots: 1_024 });
});

test("what users write never reaches the rules: hostile names leave the text unchanged", (t) => {
  const hostile = fc.oneof(
    fc.constantFrom('"; flush ruleset', "}\ndelete table ip x", "$(reboot)", "drop", "10.0.0.1/0 }"),
    fc.string({ maxLength: 40 }),
  );
  const render = (name: string, portName: string, label: string): string => {
    const service = makeService(name, {
      ...both,
      ports: [{ ...ports[0]!, name: portName }],
      externalIPs: [label],
      selector: { [label]: name },
    });
    const wanted = new Wanted();
    const groups = new GroupNumbers();
    for (const port of servicePorts(service, [makeSlice([up("10.42.0.5", true)], portName)], node)) {
      wanted.set(port.id, elementsOf(port, groups));
    }
    return commandsOf("troupe0", wanted.takeDelta()).join("\n");
  };
  const plain = render("web", "http", "none");
  t.true(plain.includes("add element"));
  fc.assert(
    fc.property(hostile, hostile, hostile, (name, portName, label) => render(name, portName, label) === plain),
    { numRuns: 500 },
  );
});

test("addresses, ports and ranges are parsed strictly", (t) => {
  for (const bad of ["010.1.1.1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "::ffff:1.2.3.4", "1.2.3.4/8", " 1.2.3.4", ""]) {
    t.is(parseIpv4(bad), undefined, bad);
  }
  t.is(formatIpv4Cidr(parseIpv4Cidr("10.42.7.9/16")!), "10.42.0.0/16");
  t.is(parseIpv4Cidr("10.42.0.0/33"), undefined);
});

test("a change writes only the difference, and taking it back writes the opposite", (t) => {
  const wanted = new Wanted();
  const groups = new GroupNumbers();
  const put = (endpoints: readonly EndpointPlan[]): void => {
    for (const port of servicePorts(makeService("web", both), [makeSlice(endpoints)], node)) {
      wanted.set(port.id, elementsOf(port, groups));
    }
  };
  put([up("10.42.0.5"), up("10.42.0.6")]);
  wanted.takeDelta();
  put([up("10.42.0.5"), up("10.42.0.7")]);
  t.deepEqual(commandsOf("troupe0", wanted.takeDelta()), [
    "delete element ip troupe0 ep { 0x00000102 . 1 }",
    "add element ip troupe0 ep { 0x00000102 . 1 : 10.42.0.7 . 8080 }",
  ]);
  put([up("10.42.0.5")]);
  const shrink = commandsOf("troupe0", wanted.takeDelta()).join("\n");
  t.true(shrink.includes("delete element ip troupe0 fe { 10.43.0.7 . tcp . 80 }"));
  t.true(shrink.includes("fe { 10.43.0.7 . tcp . 80 : 0x00000101 }"));
  put([up("10.42.0.5")]);
  t.deepEqual(commandsOf("troupe0", wanted.takeDelta()), []);
});

test("two owners of one key: the first counts until it lets go", (t) => {
  const wanted = new Wanted();
  const groups = new GroupNumbers();
  const claim = (name: string, address: string): void => {
    const service = makeService(name, {
      ...both,
      clusterIPs: [address],
      externalIPs: ["203.0.113.9"],
      ports: [{ port: 80 }],
    });
    for (const port of servicePorts(service, [makeSlice([up("10.42.0.5")])], node))
      wanted.set(port.id, elementsOf(port, groups));
  };
  claim("a", "10.43.0.1");
  claim("b", "10.43.0.2");
  const first = wanted.content("fe").get("203.0.113.9 . tcp . 80");
  t.is(first, wanted.content("fe").get("10.43.0.1 . tcp . 80"));
  wanted.set("shop/a//tcp", noElements);
  t.is(wanted.content("fe").get("203.0.113.9 . tcp . 80"), wanted.content("fe").get("10.43.0.2 . tcp . 80"));
});

test("deltas in any order come to the same table as a full load", (t) => {
  const plan = fc.array(fc.uniqueArray(fc.integer({ min: 1, max: 6 }), { maxLength: 6 }), {
    minLength: 1,
    maxLength: 8,
  });
  fc.assert(
    fc.property(plan, fc.boolean(), (steps, sticky) => {
      const wanted = new Wanted();
      const groups = new GroupNumbers();
      const kernel = new Map<string, string>();
      const spec = sticky ? { ...both, sessionAffinity: "ClientIP" } : both;
      for (const step of steps) {
        const slices = [makeSlice(step.map((index) => up(`10.42.0.${index}`, index % 2 === 0)))];
        for (const port of servicePorts(makeService("web", spec), slices, node))
          wanted.set(port.id, elementsOf(port, groups));
        const delta = wanted.takeDelta();
        for (const [name, keys] of delta.remove) for (const key of keys) kernel.delete(`${name} ${key}`);
        for (const [name, entries] of delta.add) {
          for (const [key, value] of entries) {
            if (kernel.has(`${name} ${key}`)) return false;
            kernel.set(`${name} ${key}`, value);
          }
        }
      }
      const all = wanted.takeAll();
      const full = new Map(
        [...all.add].flatMap(([name, entries]) => entries.map(([key, value]) => [`${name} ${key}`, value] as const)),
      );
      return full.size === kernel.size && [...full].every(([key, value]) => kernel.get(key) === value);
    }),
    { numRuns: 300 },
  );
  t.pass();
});

test("stale UDP flows are those of endpoints that left, the last one included", (t) => {
  const udp = { ...both, ports: [{ port: 53, protocol: "UDP", nodePort: 30_053 }] } as const;
  const slices = (addresses: readonly string[]): EndpointSlice[] => [
    { ...makeSlice(addresses.map((address) => up(address))), ports: [{ name: "", port: 53, protocol: "UDP" }] },
  ];
  const portsOf = (addresses: readonly string[]) => servicePorts(makeService("dns", udp), slices(addresses), node);
  t.deepEqual(staleFlows(portsOf(["10.42.0.5", "10.42.0.6"]), portsOf(["10.42.0.6"])), [
    { address: "10.43.0.7", port: 53, endpoint: "10.42.0.5" },
    { address: undefined, port: 30_053, endpoint: "10.42.0.5" },
  ]);
  t.is(staleFlows(portsOf(["10.42.0.5"]), portsOf([])).length, 2);
  t.is(staleFlows(portsOf(["10.42.0.5"]), []).length, 2);
  t.deepEqual(staleFlows(portsOf([]), portsOf(["10.42.0.5"])), []);
});

test("a whole table replaces the old one in the same text", (t) => {
  const text = replaceTable(
    "troupe7",
    skeleton({
      table: "troupe7",
      podCidr: parseIpv4Cidr("10.42.0.0/16")!,
      serviceCidr: parseIpv4Cidr("10.43.0.0/16")!,
      nodeAddresses: [parseIpv4(nodeAddress)!],
      dnsAddresses: [],
      podLinkPrefix: "tr",
    }),
    new Wanted().takeAll(),
  );
  t.true(text.startsWith("add table ip troupe7\ndelete table ip troupe7\ntable ip troupe7 {"));
});
