/** The sum of the weights of the preferred terms that match the node. */
import { matchesTerm } from "../node-selector.ts";
import type { Score } from "../plugin.ts";

export const preferredNodeAffinity: Score = {
  name: "NodeAffinity",
  weight: 2,
  normalise: "share",
  raw: (pod, node) =>
    pod.preferred.reduce((sum, { weight, preference }) => sum + (matchesTerm(preference, node) ? weight : 0), 0),
};
