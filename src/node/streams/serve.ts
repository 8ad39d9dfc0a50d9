import type { ContainerStreamRequest } from "../release.ts";
import type { Clock } from "../../env/env.ts";
import type { HostFiles, HostNet } from "../../env/host.ts";
import { TransientError } from "../../util/errors.ts";
import type { Container, Cri } from "../cri/cri.ts";
import { openLogStream } from "../logs/reader.ts";
import { openCommandStream, openPortForward, type RuntimeStream } from "./runtime-stream.ts";

/**
 * What the masters ask of this node's containers, by the runtime's own labels: it works for every
 * container that there is, whether or not its pod actor is well.
 */
export interface StreamSeams {
  readonly cri: Cri;
  readonly net: HostNet;
  readonly files: HostFiles;
  readonly clock: Clock;
}

const podUidLabel = "io.kubernetes.pod.uid";
const containerNameLabel = "io.kubernetes.container.name";

/** Rejects with an error whose message is for the user. */
export async function openNodeStream(seams: StreamSeams, request: ContainerStreamRequest): Promise<RuntimeStream> {
  const { cri, net } = seams;
  switch (request.kind) {
    case "logs":
      return openLogs(seams, request);
    case "exec": {
      const { podUid, container, command, ...streams } = request;
      const { id } = await runningContainer(cri, podUid, container);
      const { tty, stdin, stdout, stderr } = streams;
      const asked = { containerId: id, tty, stdin, stdout, stderr: stderr && !tty };
      return openCommandStream(net, await cri.exec({ ...asked, command }), asked);
    }
    case "attach": {
      const { id } = await runningContainer(cri, request.podUid, request.container);
      const { tty, stdin, stdout, stderr } = request;
      const asked = { containerId: id, tty, stdin, stdout, stderr: stderr && !tty };
      return openCommandStream(net, await cri.attach(asked), asked);
    }
    case "portforward": {
      const sandboxes = await cri.listPodSandboxes({
        state: "ready",
        labels: { [podUidLabel]: request.podUid },
      });
      const sandbox = sandboxes[0];
      if (sandbox === undefined) throw new TransientError("the pod is not running on this node");
      return openPortForward(net, await cri.portForward(sandbox.id));
    }
  }
}

type LogsRequest = Extract<ContainerStreamRequest, { readonly kind: "logs" }>;

async function openLogs(seams: StreamSeams, request: LogsRequest): Promise<RuntimeStream> {
  const { cri } = seams;
  const { podUid, pod, container, options, previousId } = request;
  const attempts = await containersOf(cri, podUid, container);
  const found = options.previous ? attempts.find(({ id }) => id === previousId) : attempts[0];
  if (found === undefined) {
    const what = options.previous ? "previous terminated container" : "container";
    throw new TransientError(`${what} "${container}" in pod "${pod}" not found`);
  }
  const { logPath } = await cri.containerStatus(found.id);
  return openLogStream(seams, {
    path: logPath,
    options,
    isRunning: async () => {
      const [now] = await cri.listContainers({ id: found.id });
      return now?.state === "running" || now?.state === "created";
    },
  });
}

/** Newest attempt first. */
async function containersOf(cri: Cri, podUid: string, name: string): Promise<readonly Container[]> {
  const found = await cri.listContainers({
    labels: { [podUidLabel]: podUid, [containerNameLabel]: name },
  });
  return [...found].sort((a, b) => b.createdAtMs - a.createdAtMs);
}

async function runningContainer(cri: Cri, podUid: string, name: string): Promise<Container> {
  const found = (await containersOf(cri, podUid, name)).find(({ state }) => state === "running");
  if (found === undefined) throw new TransientError(`unable to upgrade connection: container not found ("${name}")`);
  return found;
}
