import type { ActorDirectory } from "../../actors/runtime/actor.ts";
import type { Env } from "../../env/env.ts";
import { messageOf } from "../../util/errors.ts";
import { loadAgentState, saveAgentState } from "../agent-state.ts";
import { actorDirectory } from "../directory.ts";
import { createSliceGate } from "../gate.ts";
import type { NodeLink } from "../link/client.ts";
import { createNodeLink } from "../link/client.ts";
import type { LinkTransport } from "../link/transport.ts";
import { createCheckpoints } from "../pods/checkpoint.ts";
import { proxyChild } from "../proxy/proxy-child.ts";
import type { ProxyOptions } from "../proxy/proxy.ts";
import type { SimulatedNode, SimulatedNodeOptions } from "./node.ts";
import { createSimulatedNode } from "./node.ts";
import { agentParts, createNodeTree, type NodeTree } from "../tree.ts";

/** `--runtime simulated`: a simulated node behind the same link as a real agent. */
export interface SimulatedAgent {
  readonly node: SimulatedNode;
  readonly link: NodeLink;
  readonly actors: ActorDirectory;
  readonly tree: NodeTree;
  start(): Promise<void>;
  stop(): void;
}

export interface SimulatedAgentOptions extends Pick<
  SimulatedNodeOptions,
  "name" | "script" | "address" | "cpus" | "memoryBytes" | "labels" | "taints" | "runtime" | "network"
> {
  readonly env: Env;
  readonly transport: LinkTransport;
  readonly version: string;
  /** What the node's proxy is composed of; absent: there is none, as if it were always done. */
  readonly proxy?: Pick<ProxyOptions, "exec" | "settings">;
  /** Default: it is logged. */
  readonly onFatal?: (error: Error) => void;
}

export async function createSimulatedAgent(options: SimulatedAgentOptions): Promise<SimulatedAgent> {
  const { env, transport, version, proxy, onFatal, ...rest } = options;
  const { clock, disk, log, random, faults } = env;
  const state = await loadAgentState(disk);
  const link = createNodeLink({
    clock,
    log,
    transport,
    node: options.name,
    bootId: `simulated-${options.name}`,
    version,
    epoch: state.epoch,
    saveEpoch: (epoch) => {
      saveAgentState(disk, { ...state, epoch }).catch((error: unknown) => {
        log("error", "agent.state.unsaved", { error: messageOf(error) });
      });
    },
    actors: () => actors.list(),
    openStream: async (request) => node.openStream(request),
  });
  const { desired, reporter } = link;
  const giveUp = (error: Error): void => onFatal?.(error);
  const tree = createNodeTree({ clock, log, random, faults, node: options.name, giveUp });
  const isLive = (): boolean => link.state === "live";
  const node = createSimulatedNode({
    ...rest,
    clock,
    log,
    random,
    faults,
    desired,
    reporter,
    version,
    giveUp: (error) => tree.giveUp(error),
    gate: createSliceGate(desired, { isLive, proxied: () => link.proxiedEverywhere }),
    checkpoints: createCheckpoints(disk, log),
    epoch: () => link.epoch,
  });
  const actors = actorDirectory({ tree, pods: node.pods, probes: node.probes });
  const proxied = (revision: number): void => link.setProxied(revision);
  const parts = { path: `${tree.path}/proxy`, clock, log, faults, desired, node: options.name, onProgrammed: proxied };
  // Without a proxy nothing can lag behind.
  if (proxy === undefined) desired.onChange(() => proxied(desired.revision));
  return {
    node,
    link,
    actors,
    tree,
    async start() {
      await node.start();
      for (const child of agentParts(clock, tree.path, { link, status: node.status })) tree.add(child);
      if (proxy !== undefined) tree.add(proxyChild(parts.path, { ...parts, ...proxy }).child);
    },
    stop() {
      tree.stop();
      node.stop();
      link.stop();
    },
  };
}
