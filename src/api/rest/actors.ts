import type { ActorView } from "../../actors/runtime/actor.ts";
import type { Chart } from "../../actors/runtime/chart.ts";
import { textOf } from "../../util/bytes.ts";
import { notFound } from "../../kinds/status-errors.ts";
import { limits } from "../limits.ts";
import { askerOf, type Call } from "./call.ts";
import type { ReadTarget } from "./read.ts";
import { respondJson } from "./respond.ts";

/** POST `actors/NAME/release`: what a cause that is mended no longer needs to hold. */
export async function serveRelease(call: Call, target: ReadTarget): Promise<void> {
  const view = viewOf(call, target);
  const node = /^\/node\/([^/]+)\/pod\//.exec(view.path)?.[1];
  if (node === undefined) await releaseHere(call, target);
  else await releaseOnNode(call, node, view);
  const { kind, name } = target;
  respondJson(call.exchange, {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    message: view.status === "live" ? `${view.path} is live: nothing held it` : `${view.path} is released`,
    details: { name, group: kind.group, kind: kind.plural },
  });
}

/** GET `actors/NAME/explain?event=TYPE`: what the actor takes, and what it would do. */
export function serveExplain(call: Call, target: ReadTarget): void {
  const { actors } = call.door.host;
  const explanation = actors.explain?.(target.name, call.target.query.get("event") ?? undefined);
  if (explanation === undefined) throw notFound(target.kind, target.name);
  const { view, ...rest } = explanation;
  respondJson(call.exchange, { apiVersion: "actors.troupe.dev/v1", kind: "ActorExplanation", ...rest, actor: view });
}

/** GET `actors/NAME/chart`: the actor's machine, and where in it the actor is. */
export async function serveChart(call: Call, target: ReadTarget): Promise<void> {
  const view = viewOf(call, target);
  const chart = call.door.host.actors.chart?.(target.name) ?? (await chartOnNode(call, view));
  if (chart === undefined) throw notFound(target.kind, target.name);
  respondJson(call.exchange, { apiVersion: "actors.troupe.dev/v1", kind: "ActorChart", ...chart, actor: view });
}

/** Machines of a node are those of its agent, whatever version that is: it is asked. */
async function chartOnNode(call: Call, { path, machine, state }: ActorView): Promise<Chart | undefined> {
  const node = /^\/node\/([^/]+)/.exec(path)?.[1];
  if (node === undefined) return undefined;
  const stream = await call.door.nodeStreams.open(node, { kind: "chart", path, machine, state });
  return new Promise((resolve, reject) => {
    let text = "";
    stream.onChunk(({ channel, bytes }) => {
      if (channel === 1) text += textOf(bytes);
    });
    stream.onClose((error) => {
      if (error !== undefined) reject(error);
      else resolve(text === "" ? undefined : (JSON.parse(text) as Chart));
    });
    call.exchange.onClose(() => stream.close());
  });
}

function viewOf(call: Call, { kind, name }: ReadTarget): ActorView {
  const view = call.door.host.actors.get(name);
  if (view === undefined) throw notFound(kind, name);
  return view;
}

async function releaseHere(call: Call, { kind, name }: ReadTarget): Promise<void> {
  const { host } = call.door;
  const request = { verb: "create", kind: kind.id, namespace: "", name, subresource: "release" } as const;
  await host.write({ ...request, user: call.user }, { class: "user", deadlineMs: limits.requestDeadlineMs });
}

/** A pod's actor lives with its node: the node is told over its link, and answers when it has obeyed. */
async function releaseOnNode(call: Call, node: string, { path }: ActorView): Promise<void> {
  const stream = await call.door.nodeStreams.open(node, { kind: "release", path }, askerOf(call));
  stream.close();
}
