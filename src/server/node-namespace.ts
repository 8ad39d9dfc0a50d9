/** The network namespace of a node that cannot live in the machine's own: see cluster.json, `network`. */
import type { Host } from "../env/host.ts";
import { makeNodeNamespace, type NodeNamespace } from "../node/network/namespace.ts";
import { createRecorder } from "../node/network/outside.ts";

/** Safe to repeat. Recorded before it is made, so `down` removes it after any crash. Answers its path. */
export function prepareNamespace(
  { exec, files }: Pick<Host, "exec" | "files">,
  dataDirectory: string,
  wanted: NodeNamespace,
): Promise<string> {
  return makeNodeNamespace(exec, createRecorder({ files, dataDirectory }), wanted);
}
