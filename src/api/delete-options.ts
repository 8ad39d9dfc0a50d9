import type { WriteRequest } from "../actors/runtime/command.ts";
import type { StatusCause } from "../util/errors.ts";
import { isObject } from "./json-values.ts";
import { badRequest } from "../kinds/status-errors.ts";
import { invalidOptions } from "./refusals.ts";

/** What a DeleteOptions body, its query parameters or an Eviction ask of a DELETE. */
export type DeleteWishes = Pick<WriteRequest, "gracePeriodSeconds" | "propagationPolicy" | "preconditions" | "dryRun">;

const policies = ["Background", "Foreground", "Orphan"] as const;

/** Reads a decoded DeleteOptions. Throws 400 and 422 as Kubernetes does it. */
export function parseDeleteOptions(value: unknown): DeleteWishes {
  if (!isObject(value)) throw badRequest("DeleteOptions must be an object");
  const causes: StatusCause[] = [];
  const policy = value["propagationPolicy"];
  const orphan = value["orphanDependents"];
  if (typeof policy === "string" && typeof orphan === "boolean") {
    causes.push({
      reason: "FieldValueInvalid",
      field: "propagationPolicy",
      message: `Invalid value: "${policy}": orphanDependents and deletionPropagation cannot be both set`,
    });
  }
  if (typeof policy === "string" && !policies.some((known) => known === policy)) {
    causes.push({
      reason: "FieldValueNotSupported",
      field: "propagationPolicy",
      message: `Unsupported value: "${policy}": supported values: "Background", "Foreground", "Orphan", "nil"`,
    });
  }
  const dryRun = dryRunOf(value["dryRun"], causes);
  if (causes.length > 0) throw invalidOptions("DeleteOptions.meta.k8s.io", "", causes);
  const grace = value["gracePeriodSeconds"];
  const chosen = policyOf(policy, orphan);
  const preconditions = preconditionsOf(value["preconditions"]);
  return {
    ...(typeof grace === "number" ? { gracePeriodSeconds: grace } : {}),
    ...(chosen === undefined ? {} : { propagationPolicy: chosen }),
    ...(preconditions === undefined ? {} : { preconditions }),
    ...(dryRun ? { dryRun } : {}),
  };
}

function policyOf(policy: unknown, orphan: unknown): DeleteWishes["propagationPolicy"] {
  const named = policies.find((known) => known === policy);
  if (named !== undefined) return named;
  if (typeof orphan !== "boolean") return undefined;
  return orphan ? "Orphan" : "Background";
}

function preconditionsOf(value: unknown): DeleteWishes["preconditions"] {
  if (!isObject(value)) return undefined;
  const { uid, resourceVersion } = value;
  return {
    ...(typeof uid === "string" ? { uid } : {}),
    ...(typeof resourceVersion === "string" ? { resourceVersion } : {}),
  };
}

/** `dryRun` knows one value. */
export function dryRunOf(value: unknown, causes: StatusCause[]): boolean {
  const values = Array.isArray(value) ? value : value === undefined ? [] : [value];
  for (const given of values) {
    if (given !== "All") {
      causes.push({
        reason: "FieldValueNotSupported",
        field: "dryRun",
        message: `Unsupported value: ${JSON.stringify(values)}: supported values: "All"`,
      });
      return false;
    }
  }
  return values.length > 0;
}
