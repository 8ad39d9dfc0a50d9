import { jsonEqual } from "../util/equal.ts";
import { regexError, subdomainName } from "../util/names.ts";
import { formatLabelSelector } from "../util/selector.ts";
import { allVerbs, defineKind } from "./define.ts";
import type { FieldErrors } from "./field-errors.ts";
import type { Deployment, DeploymentSpec, DeploymentStrategy } from "./generated/types.ts";
import type { Draft, Kind } from "./kind.ts";
import { defaultTemplate } from "./pod-defaults.ts";
import { scaleSelector, templateCells } from "./replicaset.ts";
import { deploymentSchema } from "./schemas/deployment.ts";
import {
  nameWarnings,
  nonNegative,
  validateCounters,
  validateSameSelector,
  validateSelectedTemplate,
} from "./workload-rules.ts";
import { ageColumn, ageOf, column, nameColumn, templateColumns } from "./table.ts";

/** Keeps equal pods, and replaces them in steps when the template changes. */

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
  validate,
  validateUpdate: (object, old, errors) => {
    validate(object, errors);
    validateSameSelector(errors, object.spec.selector, old.spec.selector);
  },
  validateStatus: (object, old, errors) => {
    const names = ["updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas"];
    validateCounters(errors, { ...object.status }, [...names, "collisionCount"]);
    const count = object.status?.collisionCount ?? 0;
    if (count < (old.status?.collisionCount ?? 0)) {
      errors.invalid("status.collisionCount", count, "cannot be decremented");
    }
  },
  warnings: (object, old) => (old === undefined ? nameWarnings(object.metadata.name) : []),
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

function validate({ spec }: Deployment, errors: FieldErrors): void {
  nonNegative(errors, "spec.replicas", spec.replicas);
  validateSelectedTemplate(errors, spec.selector, spec.template);
  validateStrategy(errors, "spec.strategy", spec.strategy ?? {});
  nonNegative(errors, "spec.minReadySeconds", spec.minReadySeconds);
  nonNegative(errors, "spec.revisionHistoryLimit", spec.revisionHistoryLimit);
  const deadline = spec.progressDeadlineSeconds;
  nonNegative(errors, "spec.progressDeadlineSeconds", deadline);
  if (deadline !== undefined && deadline <= (spec.minReadySeconds ?? 0)) {
    errors.invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds");
  }
}

function validateStrategy(errors: FieldErrors, path: string, strategy: DeploymentStrategy): void {
  const { type, rollingUpdate } = strategy;
  if (type === "Recreate") {
    if (rollingUpdate === undefined) return;
    const text = "may not be specified when strategy `type` is 'Recreate'";
    errors.forbidden(`${path}.rollingUpdate`, text);
  } else if (type === "RollingUpdate") {
    const { maxUnavailable = 0, maxSurge = 0 } = rollingUpdate ?? {};
    const here = `${path}.rollingUpdate`;
    validateShare(errors, `${here}.maxUnavailable`, maxUnavailable);
    validateShare(errors, `${here}.maxSurge`, maxSurge);
    if (amountOf(maxUnavailable) === 0 && amountOf(maxSurge) === 0) {
      errors.invalid(`${here}.maxUnavailable`, maxUnavailable, "may not be 0 when `maxSurge` is 0");
    }
    if (percentOf(maxUnavailable) !== undefined && amountOf(maxUnavailable) > 100) {
      errors.invalid(`${here}.maxUnavailable`, maxUnavailable, "must not be greater than 100%");
    }
  } else {
    // Kubernetes shows its own Go struct here.
    const value = { Type: type ?? "", RollingUpdate: rollingUpdate ?? null };
    errors.notSupported(path, value, ["Recreate", "RollingUpdate"]);
  }
}

function percentOf(share: number | string): number | undefined {
  const match = /^([0-9]+)%$/.exec(String(share));
  return match === null ? undefined : Number(match[1]);
}

function amountOf(share: number | string): number {
  return typeof share === "number" ? share : (percentOf(share) ?? 0);
}

/** A number of pods, or a part of them. */
function validateShare(errors: FieldErrors, path: string, share: number | string): void {
  if (typeof share === "number") {
    nonNegative(errors, path, share);
  } else if (percentOf(share) === undefined) {
    const text = "a valid percent string must be a numeric string followed by an ending '%'";
    errors.invalid(path, share, regexError(text, "[0-9]+%", "1%", "93%"));
  }
}
