import { subdomainName } from "../util/names.ts";
import { formatLabelSelector, formatMatcher, labelMatcher } from "../util/selector.ts";
import { allVerbs, defineKind } from "./define.ts";
import type { FieldErrors } from "./field-errors.ts";
import type { PodTemplateSpec, ReplicaSet, ReplicaSetSpec } from "./generated/types.ts";
import type { Draft, Kind, KubeObject } from "./kind.ts";
import { defaultTemplate } from "./pod-defaults.ts";
import { replicaSetSchema } from "./schemas/replicaset.ts";
import {
  nameWarnings,
  nonNegative,
  validateCounters,
  validateSameSelector,
  validateSelectedTemplate,
} from "./workload-rules.ts";
import { ageColumn, ageOf, column, nameColumn, templateColumns } from "./table.ts";

/** Keeps a number of equal pods. */

export const replicaSets: Kind = defineKind<ReplicaSet>({
  id: "replicasets.apps",
  group: "apps",
  version: "v1",
  kind: "ReplicaSet",
  plural: "replicasets",
  singular: "replicaset",
  shortNames: ["rs"],
  categories: ["all"],
  scope: "Namespaced",
  verbs: allVerbs,
  storage: "rows",
  description: "Keeps a number of equal pods running; Deployments make and replace them.",
  schema: replicaSetSchema,
  name: subdomainName,
  generation: "spec",
  subresources: {
    status: true,
    scale: { spec: "spec.replicas", status: "status.replicas", selector: scaleSelector },
  },
  defaults: (draft) => {
    const spec = draft["spec"] as { -readonly [K in keyof ReplicaSetSpec]: ReplicaSetSpec[K] };
    spec.replicas ??= 1;
    spec.template ??= {};
    defaultTemplate(spec.template);
  },
  prepareCreate: (draft) => clearStatus(draft),
  validate,
  validateUpdate: (object, old, errors) => {
    validate(object, errors);
    validateSameSelector(errors, object.spec.selector, old.spec.selector);
  },
  validateStatus: (object, _old, errors) => {
    validateCounters(errors, { ...object.status }, ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"]);
  },
  warnings: (object, old) => (old === undefined ? nameWarnings(object.metadata.name) : []),
  columns: [
    nameColumn,
    column("Desired", "Pods that are wanted.", { type: "integer" }),
    column("Current", "Pods that exist.", { type: "integer" }),
    column("Ready", "Pods that are ready.", { type: "integer" }),
    ageColumn,
    ...templateColumns,
  ],
  row: (object, now) => ({
    cells: [
      object.metadata.name,
      object.spec.replicas ?? 0,
      object.status?.replicas ?? 0,
      object.status?.readyReplicas ?? 0,
      ageOf(object, now),
      ...templateCells(object.spec.template),
      formatLabelSelector(object.spec.selector),
    ],
  }),
  selectable: {},
  hot: (object) => ({
    replicas: object.spec.replicas ?? 1,
    statusReplicas: object.status?.replicas ?? 0,
    readyReplicas: object.status?.readyReplicas ?? 0,
    availableReplicas: object.status?.availableReplicas ?? 0,
    rollout: object.metadata.annotations?.["deployment.kubernetes.io/revision"] ?? "",
    creationTimestamp: object.metadata.creationTimestamp,
  }),
  machine: "replicaset",
});

function validate({ spec }: ReplicaSet, errors: FieldErrors): void {
  nonNegative(errors, "spec.replicas", spec.replicas);
  nonNegative(errors, "spec.minReadySeconds", spec.minReadySeconds);
  validateSelectedTemplate(errors, spec.selector, spec.template);
}

/** What `/scale` answers as `status.selector`. */
export function scaleSelector(object: KubeObject): string {
  const { spec } = object as ReplicaSet;
  return formatMatcher(labelMatcher(spec.selector) ?? []);
}

/** Names and images of a template's containers. */
export function templateCells(template: PodTemplateSpec | undefined): readonly [names: string, images: string] {
  const containers = template?.spec?.containers ?? [];
  return [
    containers.map((container) => container.name).join(","),
    containers.map((container) => container.image ?? "").join(","),
  ];
}

/** A new object has been seen by nobody. */
function clearStatus(draft: Draft): void {
  draft["status"] = { replicas: 0 };
}
