/** A node without containers behind the same link as a real one: `--runtime simulated`. */
import type { Env } from "../env/env.ts";
import type { MasterAddress } from "../node/link/transport.ts";
import { createSimulatedAgent } from "../node/simulated/agent.ts";
import type { ProcessFaults } from "./faults.ts";
import { openNodeLink } from "./node-link.ts";

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
  const { env, name, address, version, onFatal, faults } = options;
  const agent = await createSimulatedAgent({
    env,
    name,
    address,
    version,
    onFatal,
    transport: openNodeLink(options),
  });
  faults?.followDesired(agent.link.desired, agent.link.reporter);
  await agent.start();
  env.log("info", "node.started", { node: name, runtime: "simulated" });
  return agent;
}
