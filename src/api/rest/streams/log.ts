import { createFieldErrors, statusInvalid } from "../../../kinds/errors.ts";
import { badRequest, internalError } from "../../../kinds/status-errors.ts";
import { holdBack } from "../../../env/hold-back.ts";
import type { Status } from "../../../util/errors.ts";
import { goQuote } from "../../../util/gojson.ts";
import { canonicalMicroTime } from "../../../util/time-format.ts";
import { limits } from "../../limits.ts";
import type { LogOptions, NodeStream } from "../../node-streams.ts";
import { askerOf, type Call } from "../call.ts";
import { chooseContainer, previousContainerId, whyWaiting } from "../containers.ts";
import type { ReadTarget } from "../read.ts";
import { respond, statusOf } from "../respond.ts";
import type { Query } from "../target.ts";
import { channels } from "./channels.ts";
import { readPod } from "./pod.ts";

/** GET on a pod's `/log`: plain text, each chunk sent as it comes. */
export async function serveLog(call: Call, target: ReadTarget): Promise<void> {
  const pod = await readPod(call, target);
  const options = logOptions(call.target.query, pod.metadata.name);
  const container = chooseContainer(pod, call.target.query.get("container") ?? "");
  const node = pod.spec.nodeName ?? "";
  if (node === "") {
    respond(call.exchange, { code: 204, contentType: "text/plain", body: new Uint8Array() });
    return;
  }
  const { uid, namespace = "", name } = pod.metadata;
  const previous = options.previous ? { previousId: previousContainerId(pod, container) } : {};
  const request = { kind: "logs", podUid: uid, namespace, pod: name, container, options, ...previous } as const;
  let stream: NodeStream;
  try {
    stream = await call.door.nodeStreams.open(node, request, askerOf(call));
  } catch (error) {
    // The node is asked first: it knows of a start before the status tells it.
    const waiting = whyWaiting(pod, container);
    throw waiting === undefined ? error : badRequest(waiting);
  }
  relayLog(call, stream);
}

/**
 * The head waits for the first chunk, so that a refusal of the node can still be a Status. The node
 * may say what is wrong on the error channel.
 */
function relayLog(call: Call, stream: NodeStream): void {
  const { exchange, door } = call;
  let out: ReturnType<typeof exchange.stream> | undefined;
  let refused: Status | undefined;
  const begin = (): NonNullable<typeof out> => {
    out ??= exchange.stream({ status: 200, headers: { "content-type": "text/plain" } });
    return out;
  };
  const written = holdBack({
    clock: door.env.clock,
    from: stream,
    to: {
      get pending() {
        return out?.pending ?? 0;
      },
    },
    bytesMax: limits.streamPendingBytesMax,
    lookMs: limits.streamLookMs,
  });
  door.metrics.longRunning("LOG", 1);
  stream.onChunk((chunk) => {
    if (chunk.channel === channels.error) refused ??= readStatus(chunk.bytes);
    else if (chunk.bytes.length > 0) {
      begin().write(chunk.bytes);
      written();
    }
  });
  stream.onClose((error) => {
    door.metrics.longRunning("LOG", -1);
    const status = refused?.status === "Failure" ? refused : error && statusOf(error);
    if (out === undefined && status !== undefined) {
      const body = Buffer.from(`${JSON.stringify(status)}\n`);
      respond(exchange, { code: status.code, contentType: "application/json", body });
    } else {
      begin().end();
    }
  });
  exchange.onClose(() => stream.close());
}

function readStatus(bytes: Uint8Array): Status | undefined {
  const text = Buffer.from(bytes).toString("utf8");
  if (!text.startsWith("{")) return text === "" ? undefined : internalError(text).status;
  const value = JSON.parse(text) as Status;
  return { ...value, code: value.code ?? 500 };
}

function logOptions(query: Query, pod: string): LogOptions {
  const errors = createFieldErrors();
  const number = (name: string, min: number): number | undefined => {
    const text = query.get(name);
    if (text === undefined || text === "") return undefined;
    if (!/^-?[0-9]{1,15}$/.test(text)) throw badRequest(`${name}: ${text} is not a number`);
    const value = Number(text);
    if (value < min) {
      const detail = min === 0 ? "must be greater than or equal to 0" : "must be greater than 0";
      errors.invalid(name, value, detail);
    }
    return value;
  };
  const tailLines = number("tailLines", 0);
  const limitBytes = number("limitBytes", 1);
  const sinceSeconds = number("sinceSeconds", 1);
  const sinceTime = query.get("sinceTime");
  if (sinceTime !== undefined && canonicalMicroTime(sinceTime) === undefined) {
    throw badRequest(`sinceTime: parsing time ${goQuote(sinceTime)}: it is no time as of RFC 3339`);
  }
  if (sinceSeconds !== undefined && sinceTime !== undefined) {
    errors.forbidden("", "at most one of `sinceTime` or `sinceSeconds` may be specified");
  }
  if (errors.causes.length > 0) throw statusInvalid({ group: "", kind: "PodLogOptions" }, pod, errors);
  return {
    follow: query.flag("follow"),
    previous: query.flag("previous"),
    timestamps: query.flag("timestamps"),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    ...(sinceSeconds === undefined ? {} : { sinceSeconds }),
    ...(sinceTime === undefined ? {} : { sinceTime }),
  };
}
