/**
 * One decision: every node is asked, every node that can take the pod is scored, the best wins and
 * the first in the given order wins among equals. A pure function of its arguments: the reference
 * for every faster way to the same answer.
 */
import type { Node, Pod } from "../../kinds/generated/types.ts";
import { filters, scores } from "./catalogue.ts";
import { nodeFacts, podFacts, type NodeFacts, type PodFacts } from "./facts.ts";
import { scoreMax } from "./limits.ts";
import type { Refusal, Score } from "./plugin.ts";

export type Decision =
  | { readonly node: string }
  /** Node name → why it cannot take the pod; empty if there are no nodes. */
  | { readonly refusals: ReadonlyMap<string, Refusal> };

/** `podsByNode`: the pods on each node that have not ended. */
export function schedule(pod: Pod, nodes: readonly Node[], podsByNode: ReadonlyMap<string, readonly Pod[]>): Decision {
  const facts = nodes.map((node) => nodeFacts(node, (podsByNode.get(node.metadata.name) ?? []).map(podFacts)));
  return decide(podFacts(pod), facts);
}

export function decide(pod: PodFacts, nodes: readonly NodeFacts[]): Decision {
  const refusals = new Map<string, Refusal>();
  const feasible: NodeFacts[] = [];
  for (const node of nodes) {
    const refusal = refuse(pod, node);
    if (refusal === undefined) feasible.push(node);
    else refusals.set(node.name, refusal);
  }
  const best = feasible.length <= 1 ? feasible[0] : bestOf(pod, feasible);
  return best === undefined ? { refusals } : { node: best.name };
}

function refuse(pod: PodFacts, node: NodeFacts): Refusal | undefined {
  for (const filter of filters) {
    const refusal = filter.refuse(pod, node);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function bestOf(pod: PodFacts, nodes: readonly NodeFacts[]): NodeFacts | undefined {
  const totals = totalScores(pod, nodes);
  let best = 0;
  for (let at = 1; at < nodes.length; at += 1) {
    if ((totals[at] ?? 0) > (totals[best] ?? 0)) best = at;
  }
  return nodes[best];
}

/** Weighted sums; scores are brought to one scale over the nodes that can take the pod only. */
export function totalScores(pod: PodFacts, nodes: readonly NodeFacts[]): readonly number[] {
  const totals = nodes.map(() => 0);
  for (const score of scores) {
    const normalised = normalise(
      score,
      nodes.map((node) => score.raw(pod, node)),
    );
    for (const [at, value] of normalised.entries()) {
      totals[at] = (totals[at] ?? 0) + score.weight * value;
    }
  }
  return totals;
}

function normalise({ normalise: how }: Score, raws: readonly number[]): readonly number[] {
  if (how === "none") return raws;
  const highest = Math.max(0, ...raws);
  const shares = raws.map((raw) => (highest === 0 ? 0 : Math.floor((raw * scoreMax) / highest)));
  return how === "share" ? shares : shares.map((share) => scoreMax - share);
}
