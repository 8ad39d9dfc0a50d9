/**
 * A gRPC channel to a master: TLS with the cluster's authority, pings that notice a silent end, quick
 * reconnects. The typed client and the agents' links use the same.
 */
import * as grpc from "@grpc/grpc-js";
import { clientLimits } from "./limits.ts";

/** Where a master is, and with which certificate to come. PEM texts. */
export interface ChannelOptions {
  /** `host:port` of the gRPC door. */
  readonly address: string;
  readonly authority: string;
  readonly certificate?: string;
  readonly key?: string;
  /** Name in the master's certificate where it is not the address's. */
  readonly serverName?: string;
  readonly pingEveryMs?: number;
}

export function openChannel(options: ChannelOptions): grpc.Client {
  const { address, authority, certificate, key } = options;
  // TLS knows no names that are addresses; every API server's certificate speaks for its Service.
  const serverName = options.serverName ?? (isAddress(address) ? "kubernetes.default.svc" : undefined);
  const pem = (text: string | undefined): Buffer | null => (text === undefined ? null : Buffer.from(text));
  return new grpc.Client(address, grpc.credentials.createSsl(Buffer.from(authority), pem(key), pem(certificate)), {
    "grpc.max_receive_message_length": clientLimits.messageBytes,
    "grpc.max_send_message_length": clientLimits.messageBytes,
    "grpc.keepalive_time_ms": options.pingEveryMs ?? clientLimits.pingEveryMs,
    "grpc.keepalive_timeout_ms": clientLimits.pingTimeoutMs,
    "grpc.initial_reconnect_backoff_ms": clientLimits.reconnectMinMs,
    "grpc.max_reconnect_backoff_ms": clientLimits.reconnectMaxMs,
    // What may be repeated is decided by what the request does, not by the transport.
    "grpc.enable_retries": 0,
    ...(serverName === undefined ? {} : { "grpc.ssl_target_name_override": serverName }),
  });
}

function isAddress(target: string): boolean {
  return /^[\d.]+:\d+$|^\[/.test(target);
}
