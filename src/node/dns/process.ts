/**
 * The DNS process of a node. It outlives restarts of the agent and keeps serving the last state: the
 * agent feeds it over a unix socket, JSON lines. A new connection begins with `reset` (settings),
 * then every row, then `synced`, at which the new zone takes the place of the old one; then changes.
 */
import type { Env } from "../../env/env.ts";
import type { ByteStream, HostNet } from "../../env/host.ts";
import type { Sockets } from "../../env/sockets.ts";
import type { EndpointSlice, Pod, Service } from "../../kinds/generated/types.ts";
import type { KubeObject } from "../../kinds/kind.ts";
import { cidrContains, parseIpv4, parseIpv4Cidr, type Ipv4Cidr } from "../../util/ipv4.ts";
import { Forwarder } from "./forward.ts";
import { ZoneBuilder } from "./records.ts";
import { startDnsServer } from "./server.ts";

export type FeedLine =
  | { readonly reset: DnsSettings }
  | { readonly kind: string; readonly key: string; readonly object: KubeObject | null }
  | { readonly synced: true };

export interface DnsSettings {
  readonly domain: string;
  readonly upstreams: readonly string[];
  /** CIDRs whose addresses may ask, beside this host's own. */
  readonly clients: readonly string[];
}

export interface DnsProcessOptions {
  readonly env: Env;
  readonly net: HostNet;
  readonly sockets: Sockets;
  readonly feedPath: string;
  readonly addresses: readonly string[];
  readonly port: number;
}

/** Runs until the process ends. */
export async function runDns(options: DnsProcessOptions): Promise<void> {
  const { env, sockets, net, addresses, port, feedPath } = options;
  let zone = new ZoneBuilder("cluster.local");
  let clients: readonly Ipv4Cidr[] = [];
  let forwarder: Forwarder | undefined;
  const own = new Set([...addresses, "127.0.0.1"]);
  await startDnsServer({
    clock: env.clock,
    sockets,
    zone: () => zone,
    forwarder: { ask: (question, edns) => forwarder?.ask(question, edns) ?? Promise.resolve(undefined) },
    isClient: (address) => own.has(address) || isWithin(clients, address),
    addresses,
    port,
  });
  await sockets.listen({ path: feedPath }, (stream) => {
    let next: ZoneBuilder | undefined;
    onLines(stream, (line) => {
      if ("reset" in line) {
        const { domain, upstreams } = line.reset;
        clients = rangesOf(line.reset.clients);
        next = new ZoneBuilder(domain);
        const random = env.random.stream("dns");
        forwarder =
          upstreams.length === 0 ? undefined : new Forwarder({ clock: env.clock, random, sockets, net, upstreams });
      } else if ("synced" in line) {
        if (next !== undefined) zone = next;
        next = undefined;
      } else {
        applyRow(next ?? zone, line);
      }
    });
  });
  env.log("info", "dns.listening", { addresses });
}

function applyRow(zone: ZoneBuilder, row: Extract<FeedLine, { readonly kind: string }>): void {
  const object = row.object ?? undefined;
  switch (row.kind) {
    case "services":
      return zone.setService(row.key, object as Service | undefined);
    case "endpointslices.discovery.k8s.io":
      return zone.setSlice(row.key, object as EndpointSlice | undefined);
    case "namespaces":
      return zone.setNamespace(row.key.slice(row.key.indexOf("/") + 1), object !== undefined);
    case "pods":
      return zone.setPod(row.key, object as Pod | undefined);
    default:
      return;
  }
}

function onLines(stream: ByteStream, run: (line: FeedLine) => void): void {
  const decoder = new TextDecoder();
  let rest = "";
  stream.onData((bytes) => {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) run(JSON.parse(line) as FeedLine);
  });
}

/** IPv4 only: the networks of pods and services are. */
function rangesOf(cidrs: readonly string[]): readonly Ipv4Cidr[] {
  return cidrs.map(parseIpv4Cidr).filter((cidr) => cidr !== undefined);
}

function isWithin(cidrs: readonly Ipv4Cidr[], text: string): boolean {
  const address = parseIpv4(text);
  return address !== undefined && cidrs.some((cidr) => cidrContains(cidr, address));
}
