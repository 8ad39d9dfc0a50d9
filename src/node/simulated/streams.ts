import type { NodeStream, StreamChunk } from "../../api/node-streams.ts";
import type { ContainerStreamRequest } from "../release.ts";
import { badRequest } from "../../kinds/status-errors.ts";
import { refuse } from "../../util/errors.ts";
import { containerNameLabel, podUidLabel } from "../pods/config.ts";
import type { SimulatedRuntime } from "./runtime.ts";

/** What the API gets of simulated containers: a log of a few lines, and commands that say so. */
export async function openSimulatedStream(
  runtime: SimulatedRuntime,
  request: ContainerStreamRequest,
): Promise<NodeStream> {
  if (request.kind === "portforward") {
    throw refuse({ code: 501, reason: "NotImplemented", message: "a simulated node forwards no ports" });
  }
  const { podUid, container } = request;
  const found = (
    await runtime.listContainers({ labels: { [podUidLabel]: podUid, [containerNameLabel]: container } })
  ).toSorted((a, b) => b.createdAtMs - a.createdAtMs);
  const previousId = request.kind === "logs" && request.options.previous ? request.previousId : undefined;
  const target = previousId === undefined ? found[0] : found.find(({ id }) => id === previousId);
  if (target === undefined) throw badRequest(`container "${container}" is not there`);
  if (request.kind === "logs") {
    const lines = [`simulated container ${container}, restart ${target.metadata.attempt}`];
    lines.push(...(runtime.scriptOf(target.id)?.log ?? []));
    const { tailLines = lines.length } = request.options;
    const shown = tailLines === 0 ? [] : lines.slice(-tailLines);
    return answered([text(1, shown.map((line) => `${line}\n`).join(""))], request.options.follow);
  }
  if (target.state !== "running") throw badRequest(`container "${container}" is not running`);
  if (request.kind === "attach") return answered([text(1, "simulated\n")], true);
  const { stdout, exitCode } = await runtime.execSync(target.id, request.command, 0);
  return answered([{ channel: 1, bytes: stdout }, text(3, JSON.stringify(exitStatus(exitCode)))], false);
}

/** A stream whose chunks are known; `open`: it stays until the reader goes. */
function answered(chunks: readonly StreamChunk[], open: boolean): NodeStream {
  let onClose: ((error: Error | undefined) => void) | undefined;
  let told = false;
  let closed = false;
  const close = (): void => {
    if (closed || onClose === undefined) return;
    closed = true;
    onClose(undefined);
  };
  return {
    send: () => {},
    pending: 0,
    pause: () => {},
    resume: () => {},
    onChunk(run) {
      for (const chunk of chunks) if (chunk.bytes.length > 0) run(chunk);
      told = true;
      if (!open) close();
    },
    onClose(run) {
      onClose = run;
      if (told && !open) close();
    },
    close,
  };
}

function text(channel: number, content: string): StreamChunk {
  return { channel, bytes: new TextEncoder().encode(content) };
}

function exitStatus(exitCode: number): object {
  if (exitCode === 0) return { metadata: {}, status: "Success" };
  return {
    metadata: {},
    status: "Failure",
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    reason: "NonZeroExitCode",
    details: { causes: [{ reason: "ExitCode", message: String(exitCode) }] },
  };
}
