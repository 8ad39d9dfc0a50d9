import type { WriteRequest } from "../actors/runtime/command.ts";
import type { KindId, KubeObject } from "../kinds/kind.ts";
import type { Revision } from "../store/revision.ts";

/**
 * What the masters want of this node: the rows that the link delivered, kept through losses of the
 * link. Pods, volumes, proxy and DNS read it; changes are told by kind.
 */
export interface Desired {
  /** False until the first full state of this cluster epoch has arrived; nothing is killed before. */
  readonly synced: boolean;
  readonly revision: Revision;
  get<O extends KubeObject>(kind: KindId, namespace: string, name: string): O | undefined;
  /** In key order. */
  list<O extends KubeObject>(kind: KindId): readonly O[];
  /** Called after each batch with the keys (`namespace/name`) that changed, by kind. */
  onChange(run: (changed: ReadonlyMap<KindId, ReadonlySet<string>>) => void): void;
}

/** Writes of the node through the API pipeline, retried by the link until answered; coalesced by key. */
export interface Reporter {
  /** Resolves with the reply's object; rejects with StatusError for a refusal. */
  report(request: NodeWrite): Promise<KubeObject>;
}

export type NodeWrite = Omit<WriteRequest, "user">;
