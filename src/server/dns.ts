/** A node's DNS process with its real sockets. */
import type { Env } from "../env/env.ts";
import type { HostNet } from "../env/host.ts";
import type { Sockets } from "../env/sockets.ts";
import { runDns } from "../node/dns/process.ts";
import { dnsFeedPath } from "./node.ts";

export interface DnsNodeOptions {
  readonly env: Env;
  readonly net: HostNet;
  readonly sockets: Sockets;
  readonly dataDirectory: string;
  readonly address: string;
}

const dnsPort = 53;

export function runDnsNode({ env, net, sockets, dataDirectory, address }: DnsNodeOptions): Promise<void> {
  return runDns({ env, net, sockets, feedPath: dnsFeedPath(dataDirectory), addresses: [address], port: dnsPort });
}
