/** The plugins of the default profile. Filters in the order in which they are asked: the first refusal counts. */
import { nodeAffinity } from "./filter/node-affinity.ts";
import { nodeName } from "./filter/node-name.ts";
import { ports } from "./filter/ports.ts";
import { resources } from "./filter/resources.ts";
import { taints } from "./filter/taints.ts";
import { unschedulable } from "./filter/unschedulable.ts";
import type { Filter, Score } from "./plugin.ts";
import { balanced } from "./score/balanced.ts";
import { leastAllocated } from "./score/least-allocated.ts";
import { preferredNodeAffinity } from "./score/preferred-node-affinity.ts";
import { taintPreference } from "./score/taint-preference.ts";

export const filters: readonly Filter[] = [unschedulable, nodeName, taints, nodeAffinity, ports, resources];

export const scores: readonly Score[] = [taintPreference, preferredNodeAffinity, leastAllocated, balanced];
