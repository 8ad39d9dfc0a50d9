import type { NodeStream, NodeStreamRequest } from "../api/node-streams.ts";
import { notFound } from "../kinds/status-errors.ts";
import { actors } from "../kinds/actor.ts";
import type { Pods } from "./pods/pods.ts";

/** What is left for whoever serves the streams of containers. */
export type ContainerStreamRequest = Exclude<NodeStreamRequest, { readonly kind: "release" }>;

/** Releases are the agent's own; every other stream is its containers'. */
export function withReleases(
  pods: () => Pods,
  open: (request: ContainerStreamRequest) => Promise<NodeStream>,
): (request: NodeStreamRequest) => Promise<NodeStream> {
  return async (request) => {
    if (request.kind !== "release") return open(request);
    const [namespace = "", name = ""] = request.path.split("/").slice(4);
    if (!pods().release(namespace, name)) throw notFound(actors, request.path);
    return done();
  };
}

/** Opened is answered: there is nothing to send. */
function done(): NodeStream {
  return {
    send: () => {},
    pending: 0,
    pause: () => {},
    resume: () => {},
    onChunk: () => {},
    onClose: (run) => run(undefined),
    close: () => {},
  };
}
