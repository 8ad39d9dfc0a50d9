import type { Pod } from "../../../kinds/generated/types.ts";
import type { KubeObject } from "../../../kinds/kind.ts";
import { badRequest, notFound } from "../../../kinds/status-errors.ts";
import type { Call } from "../call.ts";
import type { ReadTarget } from "../read.ts";

/** The pod of a stream. Throws 404. */
export async function readPod(call: Call, target: ReadTarget): Promise<Pod> {
  const { door } = call;
  const { kind, namespace, name } = target;
  await door.host.readBarrier();
  const row = door.store.committed.get(kind.id, namespace, name);
  if (row === undefined) throw notFound(kind, name);
  return row.object<KubeObject & Pod>();
}

/** Throws 400 for a pod that is not bound yet. */
export function nodeOf(pod: Pod): string {
  const node = pod.spec.nodeName ?? "";
  if (node === "") throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  return node;
}
