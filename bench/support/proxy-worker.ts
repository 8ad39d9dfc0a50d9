/** Runs inside the product's namespace. Usage: proxy-worker SERVICES BARE-NAMESPACE; one line of JSON. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { noFaults } from "../../src/env/faults.ts";
import type { Exec } from "../../src/env/host.ts";
import { realClock } from "../../src/env/real/clock.ts";
import { realExec } from "../../src/env/real/exec.ts";
import type { EndpointSlice, Service } from "../../src/kinds/generated/types.ts";
import { FakeDesired } from "../../test/live/support/fake-desired.ts";
import { startProxy, type Proxy } from "../../src/node/proxy/proxy.ts";
import { parseIpv4Cidr, parseIpv4 } from "../../src/util/ipv4.ts";
import { median, percentile, round } from "./cluster.ts";

const services = Number(process.argv[2]);
const bareNetns = process.argv[3]!;
const loads = 3;
const updates = 300;
const warmUps = 20;
const ownProcess = 10;

const said: string[] = [];
const real = realExec();
/** The product's own nft, with what goes in written down. */
const exec: Exec = {
  ...real,
  run: (file, args, options) => {
    if (options?.input !== undefined) said.push(options.input);
    return real.run(file, args, options);
  },
  start: (file, args, options) => {
    const child = real.start(file, args, options);
    return {
      ...child,
      write: (text) => {
        said.push(text);
        child.write(text);
      },
    };
  },
};

const metadata = (name: string) => ({
  name,
  namespace: "default",
  uid: name,
  resourceVersion: "1",
  creationTimestamp: "2026-01-01T00:00:00Z",
});

function service(number: number): Service {
  const clusterIP = `10.96.${number >> 8}.${number & 255}`;
  const ports = [{ name: "http", protocol: "TCP", port: 80, targetPort: 8080 }];
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadata(`s${number}`),
    spec: { type: "ClusterIP", clusterIP, clusterIPs: [clusterIP], ports },
  } as Service;
}

function slice(number: number, turn: number): EndpointSlice {
  const endpoints = [0, 1, 2].map((at) => {
    const pod = number * 4 + (at === 0 ? turn % 2 : at + 1);
    return { addresses: [`10.${64 + (pod >> 16)}.${(pod >> 8) & 255}.${pod & 255}`], conditions: { ready: true } };
  });
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { ...metadata(`s${number}-x`), labels: { "kubernetes.io/service-name": `s${number}` } },
    addressType: "IPv4",
    ports: [{ name: "http", protocol: "TCP", port: 8080 }],
    endpoints,
  } as EndpointSlice;
}

const desired = new FakeDesired();
for (let number = 1; number <= services; number += 1) {
  desired.put("services", service(number));
  desired.put("endpointslices.discovery.k8s.io", slice(number, 0));
}

let programmed: () => void = () => undefined;

async function begin(): Promise<Proxy> {
  const done = new Promise<void>((resolve) => (programmed = resolve));
  const proxy = startProxy({
    exec,
    clock: realClock,
    log: (level, text, fields) => process.stderr.write(`${level} ${text} ${JSON.stringify(fields)}\n`),
    faults: noFaults,
    desired,
    node: "n1",
    settings: {
      table: "troupe0",
      podCidr: parseIpv4Cidr("10.64.0.0/10")!,
      serviceCidr: parseIpv4Cidr("10.96.0.0/12")!,
      nodeAddresses: [parseIpv4("198.51.100.2")!],
      dnsAddresses: [],
      podLinkPrefix: "tr",
    },
    onProgrammed: () => programmed(),
    failed: (error) => {
      throw error;
    },
  });
  await done;
  return proxy;
}

function bareNft(input: string, args: readonly string[] = ["-f", "-"]): number {
  const startMs = performance.now();
  const ran = spawnSync("nsenter", [`--net=/run/netns/${bareNetns}`, "/usr/sbin/nft", ...args], { input });
  if (ran.status !== 0) throw new Error(`nft: ${ran.stderr.toString().slice(0, 500)}`);
  return performance.now() - startMs;
}

const [ownLoads, bareLoads]: [number[], number[]] = [[], []];
let proxy: Proxy | undefined;
for (let turn = 0; turn < loads; turn += 1) {
  proxy?.stop();
  await real.run("nft", ["flush", "ruleset"]);
  bareNft("flush ruleset\n");
  const startMs = performance.now();
  proxy = await begin();
  ownLoads.push(performance.now() - startMs);
  bareLoads.push(bareNft(said.splice(0).join("")));
}

const child = spawn("nsenter", [`--net=/run/netns/${bareNetns}`, "/usr/sbin/nft", "-i"], { stdio: "pipe" });
child.stdout.resume();
child.stderr.setEncoding("utf8");
/** The line with a parse error behind it as the sign that it was answered. */
async function bareLine(text: string): Promise<number> {
  const startMs = performance.now();
  child.stdin.write(text);
  const marker = text.trimEnd().split("\n").at(-1)!;
  for (let heard = ""; !new RegExp(`\\n${marker}\\n +\\^`).test(heard);)
    heard += ((await once(child.stderr, "data")) as [string])[0];
  return performance.now() - startMs;
}

/** How often a Service has changed its first endpoint. */
const flipped = new Map<number, number>();
const [ownUpdates, bareUpdates, processUpdates]: [number[], number[], number[]] = [[], [], []];
for (let turn = 1; turn <= warmUps + updates; turn += 1) {
  const number = 1 + ((turn * 7_919) % services);
  const done = new Promise<void>((resolve) => (programmed = resolve));
  flipped.set(number, (flipped.get(number) ?? 0) + 1);
  const change = slice(number, flipped.get(number)!);
  const startMs = performance.now();
  desired.put("endpointslices.discovery.k8s.io", change);
  desired.tell();
  await done;
  const ownMs = performance.now() - startMs;
  const text = said.splice(0).join("");
  const alone = processUpdates.length < ownProcess && turn > warmUps;
  const bareMs = alone ? bareNft(`${text.split("\n")[0]}\n`) : await bareLine(text);
  if (turn <= warmUps) continue;
  if (alone) processUpdates.push(bareMs);
  else {
    ownUpdates.push(ownMs);
    bareUpdates.push(bareMs);
  }
}
child.kill();
proxy?.stop();
const figures = {
  load: {
    ms: round(median(ownLoads)),
    bareMs: round(median(bareLoads)),
    ratio: round(median(ownLoads) / median(bareLoads)),
  },
  update: {
    count: ownUpdates.length,
    p50Ms: round(percentile(ownUpdates, 0.5)),
    p99Ms: round(percentile(ownUpdates, 0.99)),
    bareP50Ms: round(percentile(bareUpdates, 0.5)),
    bareP99Ms: round(percentile(bareUpdates, 0.99)),
    ratio: round(percentile(ownUpdates, 0.5) / percentile(bareUpdates, 0.5)),
    ownProcessP50Ms: round(percentile(processUpdates, 0.5)),
  },
  restarts: proxy?.restarts,
};
process.stdout.write(`${JSON.stringify(figures)}\n`);
process.exit(0);
