/** How a node of either runtime reaches the masters: one link over mutual TLS, under the faults of its process. */
import type { Env } from "../env/env.ts";
import { loadService } from "../env/real/proto.ts";
import { faultyLink } from "../node/link/faulty.ts";
import { createGrpcTransport, type LinkTransport, type MasterAddress } from "../node/link/transport.ts";

export interface NodeLinkOptions {
  readonly env: Env;
  /** Of the node. */
  readonly name: string;
  readonly masterAddress: MasterAddress;
  readonly tls: { readonly authority: string; readonly certificate: string; readonly key: string };
  /** Present: the process was started with `--enable-faults`; `env` is its own then. */
  readonly faults?: object;
}

export function openNodeLink({ env, name, masterAddress, tls, faults }: NodeLinkOptions): LinkTransport {
  const { clock } = env;
  const transport = createGrpcTransport({
    clock,
    address: masterAddress,
    service: loadService("node.proto", "troupe.node.v1.NodeLink"),
    tls,
    serverName: "kubernetes",
  });
  return faults === undefined ? transport : faultyLink({ transport, node: name, clock, faults: env.faults });
}
