/** A node without containers behind the same link as a real one: `--runtime simulated`. */
import type { Env } from "../env/env.ts";
import { loadService } from "../env/real/proto.ts";
import { faultyLink } from "../node/link/faulty.ts";
import { createGrpcTransport, type MasterAddress } from "../node/link/transport.ts";
import type { ProcessFaults } from "./faults.ts";
import { createSimulatedAgent } from "../node/simulated/agent.ts";

export interface SimulatedNodeStart {
  readonly env: Env;
  readonly name: string;
  readonly address: string;
  readonly masterAddress: MasterAddress;
  readonly tls: { readonly authority: string; readonly certificate: string; readonly key: string };
  readonly version: string;
  readonly onFatal: (error: Error) => void;
  /** Started with `--enable-faults`; `env` is its own then. */
  readonly faults?: ProcessFaults;
}

export async function startSimulatedNode(options: SimulatedNodeStart): Promise<{ stop(): void }> {
  const { env, name, address, version, tls, masterAddress, onFatal } = options;
  const { faults } = options;
  const { clock } = env;
  const transport = createGrpcTransport({
    clock,
    address: masterAddress,
    service: loadService("node.proto", "troupe.node.v1.NodeLink"),
    tls,
    serverName: "kubernetes",
  });
  const agent = await createSimulatedAgent({
    env,
    name,
    address,
    version,
    onFatal,
    transport: faults === undefined ? transport : faultyLink({ transport, node: name, clock, faults: env.faults }),
  });
  faults?.followDesired(agent.link.desired, agent.link.reporter);
  await agent.start();
  env.log("info", "node.started", { node: name, runtime: "simulated" });
  return agent;
}
