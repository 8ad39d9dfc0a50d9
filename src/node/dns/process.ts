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
  let settings: DnsSettings = { domain: "cluster.local", upstreams: [], clients: [] };
  let forwarder: Forwarder | undefined;
  const own = new Set([...addresses, "127.0.0.1"]);
  await startDnsServer({
    clock: env.clock,
    sockets,
    zone: () => zone,
    forwarder: { ask: (question, edns) => forwarder?.ask(question, edns) ?? Promise.resolve(undefined) },
    isClient: (address) => own.has(address) || settings.clients.some((cidr) => contains(cidr, address)),
    addresses,
    port,
  });
  await sockets.listen({ path: feedPath }, (stream) => {
    let next: ZoneBuilder | undefined;
    onLines(stream, (line) => {
      if ("reset" in line) {
        settings = line.reset;
        next = new ZoneBuilder(settings.domain);
        const random = env.random.stream("dns");
        forwarder =
          settings.upstreams.length === 0
            ? undefined
            : new Forwarder({ clock: env.clock, random, sockets, net, upstreams: settings.upstreams });
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
export function contains(cidr: string, address: string): boolean {
  const [base = "", bits = "32"] = cidr.split("/");
  if (!/^\d+(\.\d+){3}$/.test(base) || !/^\d+(\.\d+){3}$/.test(address)) return false;
  const size = 2 ** (32 - Number(bits));
  return Math.floor(numberOf(base) / size) === Math.floor(numberOf(address) / size);
}

function numberOf(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}
