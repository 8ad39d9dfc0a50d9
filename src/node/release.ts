import type { NodeStream, NodeStreamRequest } from "../api/node-streams.ts";
import { notFound } from "../kinds/status-errors.ts";
import { chartOfPart, type Chart } from "../actors/runtime/chart.ts";
import { actors } from "../kinds/actor.ts";
import { linkChart } from "./link/client.ts";
import { podChart } from "./pods/pod-actor.ts";
import { probeChart } from "./probes/probe-actor.ts";
import type { Pods } from "./pods/pods.ts";

/** What is left for whoever serves the streams of containers. */
export type ContainerStreamRequest = Exclude<NodeStreamRequest, { readonly kind: "release" | "chart" }>;

/** Releases and charts are the agent's own; every other stream is its containers'. */
export function withReleases(
  pods: () => Pods,
  open: (request: ContainerStreamRequest) => Promise<NodeStream>,
): (request: NodeStreamRequest) => Promise<NodeStream> {
  return async (request) => {
    if (request.kind === "chart") return answered(textOfChart(request));
    if (request.kind !== "release") return open(request);
    const [namespace = "", name = ""] = request.path.split("/").slice(4);
    if (!pods().release(namespace, name)) throw notFound(actors, request.path);
    return answered("");
  };
}

function textOfChart({ machine, state }: { readonly machine: string; readonly state: string }): string {
  return JSON.stringify(charts[machine]?.() ?? chartOfPart(machine, state));
}

const charts: Readonly<Record<string, () => Chart>> = {
  "node-pod": podChart,
  probe: probeChart,
  link: linkChart,
};

/** Opened is answered: there is nothing to send but this text, if any. */
function answered(text: string): NodeStream {
  return {
    send: () => {},
    pending: 0,
    pause: () => {},
    resume: () => {},
    onChunk(run) {
      if (text !== "") run({ channel: 1, bytes: encoder.encode(text) });
    },
    onClose: (run) => run(undefined),
    close: () => {},
  };
}

const encoder = new TextEncoder();
