/** The service proxy by real packets between namespaces: what clients see, whoever and wherever they are. */
import test from "ava";
import { noFaults } from "../../src/env/faults.ts";
import type { Exec } from "../../src/env/host.ts";
import { realClock } from "../../src/env/real/clock.ts";
import type { EndpointSlice, Service } from "../../src/kinds/generated/types.ts";
import { startProxy, type Proxy } from "../../src/node/proxy/proxy.ts";
import { parseIpv4Cidr, parseIpv4 } from "../../src/util/ipv4.ts";
import { FakeDesired } from "./support/fake-desired.ts";
import { isRoot, until } from "./support/machine.ts";
import { createPackets, podPort, servicePort, strangerAddress, type Packets } from "./support/packets.ts";

const live = isRoot ? test.serial : test.serial.skip;
const table = "troupe0";
const slices = "endpointslices.discovery.k8s.io";
const desired = new FakeDesired();
let packets: Packets;
let proxy: Proxy;
let wake: () => void = () => undefined;
/** Put behind the next line that goes to nft. */
let spoil = "";

interface Shape {
  readonly endpoints: readonly string[];
  readonly spec?: Partial<Service["spec"]>;
  readonly nodePort?: number;
  readonly proto?: "TCP" | "UDP";
  /** Pods that are said to run on another node. */
  readonly away?: readonly string[];
}

/** Makes or changes a Service and its slice; resolves once the proxy says that it is programmed. */
async function serve(name: string, clusterIP: string, shape: Shape): Promise<void> {
  const { endpoints, nodePort, proto = "TCP", away = [], spec = {} } = shape;
  const metadata = (own: string) => ({ name: own, namespace: "default", uid: own, resourceVersion: "1" });
  const port = { name: "p", protocol: proto, port: servicePort, targetPort: podPort, ...(nodePort && { nodePort }) };
  desired.put("services", {
    kind: "Service",
    metadata: metadata(name),
    spec: { type: nodePort ? "NodePort" : "ClusterIP", clusterIP, clusterIPs: [clusterIP], ports: [port], ...spec },
  } as unknown as Service);
  desired.put(slices, {
    kind: "EndpointSlice",
    metadata: { ...metadata(`${name}-1`), labels: { "kubernetes.io/service-name": name } },
    addressType: "IPv4",
    ports: [{ name: "p", protocol: proto, port: podPort }],
    endpoints: endpoints.map((pod) => ({
      addresses: [packets.pods[pod]!],
      conditions: { ready: true },
      nodeName: away.includes(pod) ? "n2" : "n1",
    })),
  } as unknown as EndpointSlice);
  await programmed(desired.tell());
}

async function programmed(revision: number): Promise<void> {
  while (proxy.programmedRevision < revision) await new Promise<void>((resolve) => (wake = resolve));
}

function spoiled(exec: Exec): Exec {
  return {
    ...exec,
    start: (file, args, options) => {
      const child = exec.start(file, args, options);
      return {
        ...child,
        write: (text) => {
          child.write(spoil === "" ? text : text.replace("\n", `; ${spoil}\n`));
          spoil = "";
        },
      };
    },
  };
}

const namesOf = (said: readonly string[]): readonly string[] => said.map((text) => text.split(" ")[0]!);
const sourcesOf = (said: readonly string[]): readonly string[] => [...new Set(said.map((text) => text.split(" ")[1]!))];

function begin(): Proxy {
  return startProxy({
    exec: spoiled(packets.exec),
    clock: realClock,
    log: () => undefined,
    faults: noFaults,
    desired,
    node: "n1",
    settings: {
      table,
      podCidr: parseIpv4Cidr("10.42.0.0/24")!,
      serviceCidr: parseIpv4Cidr("10.96.0.0/16")!,
      nodeAddresses: [parseIpv4(packets.machine.address)!],
      dnsAddresses: [],
      podLinkPrefix: "tr",
    },
    onProgrammed: () => wake(),
    failed: (error) => {
      throw error;
    },
    checkMs: 100,
  });
}

test.before(async () => {
  if (!isRoot) return;
  packets = await createPackets(["p1", "p2", "p3", "c"]);
  proxy = begin();
  await serve("web", "10.96.0.1", { endpoints: ["p1", "p2", "p3"] });
});

test.after.always(async () => {
  if (!isRoot) return;
  proxy.stop();
  await packets.dispose();
});

live("a pod's connections to a ClusterIP spread evenly over all endpoints and keep its address", async (t) => {
  const said = await packets.ask("c", { host: "10.96.0.1", count: 600 });
  const counts = ["p1", "p2", "p3"].map((name) => namesOf(said).filter((other) => other === name).length);
  // Chi-squared with two degrees of freedom: 41 is passed once in 800 million; shares of 1/2, 1/4, 1/4 give 75.
  const chi = counts.reduce((sum, count) => sum + (count - 200) ** 2 / 200, 0);
  t.true(chi < 41, counts.join(" "));
  t.is(
    counts.reduce((sum, count) => sum + count),
    600,
  );
  t.deepEqual(sourcesOf(said), [packets.pods["c"]!]);
});

live("a pod that reaches itself through the service sees the node's address", async (t) => {
  const said = await packets.ask("p1", { host: "10.96.0.1", count: 40 });
  const own = said.filter((text) => text.startsWith("p1 "));
  t.true(own.length > 0);
  t.deepEqual(sourcesOf(own), [packets.machine.address]);
  t.deepEqual(sourcesOf(said.filter((text) => !text.startsWith("p1 "))), [packets.pods["p1"]!]);
});

live("the node itself and a stranger reach the ClusterIP; the stranger is masqueraded", async (t) => {
  const fromNode = await packets.ask("node", { host: "10.96.0.1", count: 60 });
  t.deepEqual([...new Set(namesOf(fromNode))].toSorted(), ["p1", "p2", "p3"]);
  const fromOutside = await packets.ask("x", { host: "10.96.0.1", count: 60 });
  t.deepEqual([...new Set(namesOf(fromOutside))].toSorted(), ["p1", "p2", "p3"]);
  t.deepEqual(sourcesOf(fromOutside), [packets.machine.address]);
});

live(
  "a NodePort leads to all endpoints; with externalTrafficPolicy Local only to this node's, the source kept",
  async (t) => {
    await serve("open", "10.96.0.2", { endpoints: ["p1", "p2", "p3"], nodePort: 30_080, away: ["p2", "p3"] });
    const host = packets.machine.address;
    const everywhere = await packets.ask("x", { host, port: 30_080, count: 60 });
    t.deepEqual([...new Set(namesOf(everywhere))].toSorted(), ["p1", "p2", "p3"]);
    t.deepEqual(sourcesOf(everywhere), [host]);
    const spec = { externalTrafficPolicy: "Local" };
    await serve("open", "10.96.0.2", { endpoints: ["p1", "p2", "p3"], nodePort: 30_080, away: ["p2", "p3"], spec });
    const local = await packets.ask("x", { host, port: 30_080, count: 20 });
    t.deepEqual([...new Set(local)], [`p1 ${strangerAddress}`]);
    // From inside it is as if it had gone out and come back: all endpoints.
    const inside = await packets.ask("c", { host, port: 30_080, count: 60 });
    t.deepEqual([...new Set(namesOf(inside))].toSorted(), ["p1", "p2", "p3"]);
  },
);

live(
  "without endpoints TCP is reset and UDP answered as unreachable, for everyone; an undefined port is refused",
  async (t) => {
    await serve("empty", "10.96.0.3", { endpoints: [] });
    await serve("mute", "10.96.0.4", { endpoints: [], proto: "UDP" });
    for (const from of ["c", "node", "x"]) {
      const [tcp, udp, port, address] = await Promise.all([
        packets.ask(from, { host: "10.96.0.3" }),
        packets.ask(from, { host: "10.96.0.4", proto: "udp" }),
        packets.ask(from, { host: "10.96.0.1", port: 81 }),
        packets.ask(from, { host: "10.96.77.77" }),
      ]);
      const refused = ["!ECONNREFUSED"];
      // A datagram that is rejected on its way out of its own host already fails in the call that sends it.
      const unsent = from === "node" ? ["!EPERM"] : refused;
      t.deepEqual(
        { from, tcp, udp, port, address },
        { from, tcp: refused, udp: unsent, port: refused, address: refused },
      );
    }
  },
);

live(
  "a client with affinity stays with one endpoint through edits, and moves at once when that one goes",
  async (t) => {
    const spec: Partial<Service["spec"]> = { sessionAffinity: "ClientIP" };
    await serve("sticky", "10.96.0.5", { endpoints: ["p1", "p2", "p3"], spec });
    const first = new Set(namesOf(await packets.ask("c", { host: "10.96.0.5", count: 40 })));
    t.is(first.size, 1);
    const [chosen] = [...first] as [string];
    const others = ["p1", "p2", "p3"].filter((name) => name !== chosen);
    await serve("sticky", "10.96.0.5", { endpoints: [chosen, others[0]!], spec });
    t.deepEqual([...new Set(namesOf(await packets.ask("c", { host: "10.96.0.5", count: 20 })))], [chosen]);
    await serve("sticky", "10.96.0.5", { endpoints: others, spec });
    const after = new Set(namesOf(await packets.ask("c", { host: "10.96.0.5", count: 20 })));
    t.is(after.size, 1);
    t.true(others.includes([...after][0]!));
  },
);

live("a UDP flow leaves an endpoint that goes, and is refused when the last one has gone", async (t) => {
  const flow = { host: "10.96.0.6", proto: "udp", sourcePort: 5_555 } as const;
  await serve("udp", "10.96.0.6", { endpoints: ["p1", "p2"], proto: "UDP" });
  const [before] = namesOf(await packets.ask("c", { ...flow, count: 3 }));
  const left = before === "p1" ? "p2" : "p1";
  await serve("udp", "10.96.0.6", { endpoints: [left], proto: "UDP" });
  t.deepEqual(namesOf(await packets.ask("c", { ...flow, count: 3 })), [left, left, left]);
  await serve("udp", "10.96.0.6", { endpoints: [], proto: "UDP" });
  t.is((await packets.ask("c", flow))[0], "!ECONNREFUSED");
  await serve("udp", "10.96.0.6", { endpoints: ["p3"], proto: "UDP" });
  t.deepEqual(namesOf(await packets.ask("c", flow)), ["p3"]);
});

live("scaling between two and three endpoints under load fails no connection", async (t) => {
  const storm = await packets.storm("c", "10.96.0.1", 50);
  for (let turn = 0; turn < 40; turn += 1) {
    const endpoints = turn % 2 === 0 ? ["p1", "p2"] : ["p1", "p2", "p3"];
    await serve("web", "10.96.0.1", { endpoints });
  }
  const { count, failed } = await storm.stop();
  t.deepEqual(failed, []);
  t.true(count >= 50, `${count}`);
});

live("a proxy that begins anew over rules in use fails no connection", async (t) => {
  const storm = await packets.storm("c", "10.96.0.1", 50);
  for (let turn = 0; turn < 10; turn += 1) {
    proxy.stop();
    proxy = begin();
    await programmed(desired.revision);
  }
  const { count, failed } = await storm.stop();
  t.deepEqual(failed, []);
  t.true(count >= 50, `${count}`);
});

live("who misses the rules while they change is not refused: its next packet finds them", async (t) => {
  const services = `chain ip ${table} services`;
  const missing = `flush ${services}; add rule ip ${table} services ip daddr 10.96.0.1 counter`;
  const emptied = await packets.exec.run("nft", [missing]);
  t.is(emptied.exitCode, 0, emptied.stderr);
  const asked = packets.ask("c", { host: "10.96.0.1" });
  await until("its first packet has come", async () => {
    const { stdout } = await packets.exec.run("nft", ["list", ...services.split(" ")]);
    return /packets [1-9]/.test(stdout);
  });
  proxy.stop();
  proxy = begin();
  await programmed(desired.revision);
  t.regex((await asked)[0]!, /^p\d/);
});

live("a foreign flush of the ruleset is repaired", async (t) => {
  const flushed = await packets.exec.run("nft", ["flush", "ruleset"]);
  t.is(flushed.exitCode, 0);
  await until("the table is back", async () => (await packets.ask("c", { host: "10.96.0.1" }))[0]!.startsWith("p"));
  t.is(
    namesOf(await packets.ask("c", { host: "10.96.0.1", count: 9 })).filter((name) => name.startsWith("p")).length,
    9,
  );
});

live("a change with one bad element is not applied at all; the whole table is loaded instead", async (t) => {
  const restarts = proxy.restarts;
  spoil = `add element ip ${table} fe { 10.96.0.9 . tcp . 80 : 0x00000101 }; add element ip ${table} nosuch { 1 }`;
  await serve("late", "10.96.0.7", { endpoints: ["p2"] });
  t.is(proxy.restarts, restarts + 1);
  t.deepEqual(namesOf(await packets.ask("c", { host: "10.96.0.7", count: 3 })), ["p2", "p2", "p2"]);
  // The good half of the spoiled line has left nothing.
  t.is((await packets.ask("c", { host: "10.96.0.9" }))[0], "!ECONNREFUSED");
  t.false((await listed()).includes("10.96.0.9"));
});

live("when the services are gone no element and no chain of theirs is left", async (t) => {
  for (const { metadata } of desired.list("services")) desired.drop("services", "default", metadata.name);
  for (const { metadata } of desired.list(slices)) desired.drop(slices, "default", metadata.name);
  await programmed(desired.tell());
  const { nftables } = JSON.parse(await listed(["-j"])) as {
    readonly nftables: readonly Readonly<Record<string, Named>>[];
  };
  const fixed = ["podcidr", "svccidr", "nodeip", "dnsip"];
  const filled = nftables
    .flatMap((item) => item["set"] ?? item["map"] ?? [])
    .filter(({ name, elem = [] }) => !fixed.includes(name) && elem.length > 0);
  t.deepEqual(
    filled.map(({ name }) => name),
    [],
  );
  const chains = nftables.flatMap((item) => item["chain"] ?? []).map(({ name }) => name);
  t.deepEqual(
    chains.filter((name) => /^[se]\d/.test(name)),
    [],
  );
  const refused = await packets.ask("c", { host: "10.96.0.1" });
  t.deepEqual(refused, ["!ECONNREFUSED"]);
});

interface Named {
  readonly name: string;
  readonly elem?: readonly unknown[];
}

async function listed(options: readonly string[] = []): Promise<string> {
  const { stdout } = await packets.exec.run("nft", [...options, "list", "table", "ip", table]);
  return stdout;
}
