import type { Cri, Labels } from "./cri.ts";

/**
 * A runtime that is shared with others, as one node sees it: what the node makes carries the node's
 * label, and a listing answers only what carries it. Calls by id pass: an id comes from a listing.
 */
export function scopeCri(cri: Cri, scope: Labels): Cri {
  const within = <Filter extends { readonly labels?: Labels }>(filter?: Filter) => ({
    ...filter,
    labels: { ...filter?.labels, ...scope },
  });
  const marked = <Config extends { readonly labels: Labels }>(config: Config): Config => ({
    ...config,
    labels: { ...config.labels, ...scope },
  });
  return {
    ...cri,
    runPodSandbox: (config, handler) => cri.runPodSandbox(marked(config), handler),
    createContainer: (sandboxId, config, sandboxConfig) =>
      cri.createContainer(sandboxId, marked(config), marked(sandboxConfig)),
    listPodSandboxes: (filter) => cri.listPodSandboxes(within(filter)),
    listContainers: (filter) => cri.listContainers(within(filter)),
    listContainerStats: (filter) => cri.listContainerStats(within(filter)),
  };
}

/** The label of a node's own: data directories differ on one machine, names of clusters need not. */
export function nodeScope(dataDirectory: string): Labels {
  return { "troupe.dev/data-directory": dataDirectory };
}
