import { jsonEqual } from "../util/equal.ts";
import { subdomainName } from "../util/names.ts";
import { formatLabelSelector } from "../util/selector.ts";
import { allVerbs, defineKind } from "./define.ts";
import type { Deployment, DeploymentSpec, DeploymentStrategy } from "./generated/types.ts";
import type { Draft, HotRecord, Kind } from "./kind.ts";
import { defaultTemplate } from "./pod-defaults.ts";
import { scaleSelector, templateCells } from "./replicaset.ts";
import { deploymentSchema } from "./schemas/deployment.ts";
import { ageColumn, ageOf, column, nameColumn, templateColumns } from "./table.ts";

/** Keeps equal pods, and replaces them in steps when the template changes. */

export interface DeploymentHot extends HotRecord {
  /** Wanted. */
  readonly replicas: number;
  readonly paused: boolean;
  readonly generation: number;
  readonly observedGeneration: number;
}

export const deployments: Kind = defineKind<Deployment>({
  id: "deployments.apps",
  group: "apps",
  version: "v1",
  kind: "Deployment",
  plural: "deployments",
  singular: "deployment",
  shortNames: ["deploy"],
  categories: ["all"],
  scope: "Namespaced",
  verbs: allVerbs,
  storage: "rows",
  description: "Keeps a number of equal pods and rolls changes of their template out in steps.",
  schema: deploymentSchema,
  name: subdomainName,
  generation: "spec",
  subresources: {
    status: true,
    scale: { spec: "spec.replicas", status: "status.replicas", selector: scaleSelector },
  },
  defaults,
  prepareCreate: (draft) => {
    draft["status"] = {};
  },
  prepareStatus: (draft, old) => {
    if (old.metadata.labels === undefined) delete draft.metadata.labels;
    else draft.metadata.labels = old.metadata.labels;
  },
  bumpsGeneration: (draft, old) => !jsonEqual(draft.metadata.annotations ?? {}, old.metadata.annotations ?? {}),
  columns: [
    nameColumn,
    column("Ready", "Pods that are ready, of those that are wanted."),
    column("Up-to-date", "Pods that have the newest template."),
    column("Available", "Pods that have been ready for long enough."),
    ageColumn,
    ...templateColumns,
  ],
  row: (object, now) => ({
    cells: [
      object.metadata.name,
      `${object.status?.readyReplicas ?? 0}/${object.spec.replicas ?? 0}`,
      object.status?.updatedReplicas ?? 0,
      object.status?.availableReplicas ?? 0,
      ageOf(object, now),
      ...templateCells(object.spec.template),
      formatLabelSelector(object.spec.selector),
    ],
  }),
  selectable: {},
  hot: (object) => ({
    replicas: object.spec.replicas ?? 1,
    paused: object.spec.paused ?? false,
    generation: object.metadata.generation ?? 0,
    observedGeneration: object.status?.observedGeneration ?? 0,
  }),
  machine: "deployment",
});

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function defaults(draft: Draft): void {
  const spec = draft["spec"] as Writable<DeploymentSpec>;
  spec.replicas ??= 1;
  spec.template ??= {};
  spec.revisionHistoryLimit ??= 10;
  spec.progressDeadlineSeconds ??= 600;
  const strategy: Writable<DeploymentStrategy> = { ...spec.strategy };
  if ((strategy.type ?? "") === "") strategy.type = "RollingUpdate";
  if (strategy.type === "RollingUpdate") {
    const { maxUnavailable = "25%", maxSurge = "25%" } = strategy.rollingUpdate ?? {};
    strategy.rollingUpdate = { maxUnavailable, maxSurge };
  }
  spec.strategy = strategy;
  defaultTemplate(spec.template);
}
