/**
 * UDP flows that a change has left behind. A client with a fixed source port would stay on a dead
 * endpoint for ever, because conntrack translates before the rules are looked at; exactly the stale
 * flows are deleted, right after the commit. Which ones is pure.
 */
import type { Exec } from "../../env/host.ts";
import type { Log } from "../../env/env.ts";
import { proxyLimits } from "./limits.ts";
import type { Destination, ServicePort } from "./service-ports.ts";
import { formatIpv4 } from "../../util/ipv4.ts";

export interface StaleFlow {
  /** Undefined for a node port, whichever of the node's addresses was asked. */
  readonly address: string | undefined;
  readonly port: number;
  readonly endpoint: string;
}

export function staleFlows(before: readonly ServicePort[], after: readonly ServicePort[]): readonly StaleFlow[] {
  return before
    .filter((port) => port.proto === "udp")
    .flatMap((was) => {
      const is = after.find((port) => port.id === was.id);
      const left = new Set(is === undefined ? [] : endpointsOf(is));
      const gone = endpointsOf(was).filter((endpoint) => !left.has(endpoint));
      const fronts: readonly Omit<StaleFlow, "endpoint">[] = [
        ...[...was.clusterAddresses, ...was.externalAddresses].map((address) => ({
          address: formatIpv4(address),
          port: was.port,
        })),
        ...(was.nodePort === undefined ? [] : [{ address: undefined, port: was.nodePort }]),
      ];
      return fronts.flatMap((front) => gone.map((endpoint) => ({ ...front, endpoint })));
    });
}

function endpointsOf(port: ServicePort): readonly string[] {
  const addresses = [port.internal, port.external, port.externalInside].flatMap((destination: Destination) =>
    destination.kind === "targets" ? destination.targets.map(({ address }) => formatIpv4(address)) : [],
  );
  return [...new Set(addresses)];
}

/** Deletes the flows. A flow that is not there is what was wanted. */
export async function deleteFlows(exec: Exec, log: Log, flows: readonly StaleFlow[]): Promise<void> {
  const wide = flows.length > proxyLimits.conntrackEachMax;
  const filters = wide
    ? [...new Set(flows.map(({ endpoint }) => endpoint))].map((endpoint) => ["--reply-src", endpoint])
    : flows.map(({ address, port, endpoint }) => [
        ...(address === undefined ? [] : ["--orig-dst", address]),
        "--orig-port-dst",
        String(port),
        "--reply-src",
        endpoint,
      ]);
  for (const filter of filters) {
    const result = await exec.run("conntrack", ["-D", "-p", "udp", ...filter], { timeoutMs: proxyLimits.answerMs });
    const nothing = /0 flow entries/.test(result.stderr);
    if (result.exitCode !== 0 && !nothing) log("warn", "proxy.conntrack", { error: result.stderr.trim(), filter });
  }
}
