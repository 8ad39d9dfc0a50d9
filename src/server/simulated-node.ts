/** A node without containers behind the same link as a real one: `--runtime simulated`. */
import type { Env } from "../env/env.ts";
import { loadService } from "../env/real/proto.ts";
import { createGrpcTransport, type MasterAddress } from "../node/link/transport.ts";
import { createSimulatedAgent } from "../node/simulated/agent.ts";

export interface SimulatedNodeStart {
  readonly env: Env;
  readonly name: string;
  readonly address: string;
  readonly masterAddress: MasterAddress;
  readonly tls: { readonly authority: string; readonly certificate: string; readonly key: string };
  readonly version: string;
  readonly onFatal: (error: Error) => void;
}

export async function startSimulatedNode(options: SimulatedNodeStart): Promise<{ stop(): void }> {
  const { env, name, address, version, tls, masterAddress, onFatal } = options;
  const agent = await createSimulatedAgent({
    env,
    name,
    address,
    version,
    onFatal,
    transport: createGrpcTransport({
      clock: env.clock,
      address: masterAddress,
      service: loadService("node.proto", "troupe.node.v1.NodeLink"),
      tls,
      serverName: "kubernetes",
    }),
  });
  await agent.start();
  env.log("info", "node.started", { node: name, runtime: "simulated" });
  return agent;
}
