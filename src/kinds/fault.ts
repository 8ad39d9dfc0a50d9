import { jsonEqual } from "../util/equal.ts";
import { byteLength, subdomainName } from "../util/names.ts";
import { parseLabelSelector } from "../util/selector.ts";
import { allVerbs, defineKind } from "./define.ts";
import type { FieldErrors } from "./field-errors.ts";
import type { Fault, FaultSpec } from "./generated/types.ts";
import type { Draft, Kind } from "./kind.ts";
import { faultSchema } from "./schemas/fault.ts";
import { ageColumn, ageOf, column, nameColumn } from "./table.ts";

/**
 * Something that goes wrong on purpose. Its spec is a record of `env/fault-table.ts`, as tests write it.
 * The kind is served only by masters that were started with `--enable-faults`; elsewhere its rows are
 * bytes that nobody reads.
 */

/** What can happen at which seam; nothing else does anything there. */
export const faultKindsOf: Readonly<Record<string, readonly string[]>> = {
  mailbox: ["delay", "drop", "duplicate", "hang", "pause", "reorder"],
  evaluator: ["crash", "error", "poison"],
  append: ["crash", "error"],
  commit: ["crash"],
  apply: ["crash"],
  timer: ["drop", "duplicate", "hang"],
  net: ["delay", "drop", "duplicate", "pause", "reorder"],
  link: ["crash", "delay", "drop", "duplicate", "error", "hang", "pause", "reorder"],
  disk: ["delay", "error", "full", "hang", "pause"],
  process: ["crash", "error"],
  actor: ["crash"],
  program: ["crash", "hang", "pause"],
  clock: ["skew"],
  cri: ["crash", "delay", "drop", "error", "hang", "pause"],
  cni: ["delay", "error", "hang", "pause"],
  nft: ["crash", "delay", "drop", "error", "pause"],
};

/** Seams of agents alone, and of masters alone. */
const nodeSeams: ReadonlySet<string> = new Set(["link", "cri", "cni", "nft"]);
const masterSeams: ReadonlySet<string> = new Set(["append", "commit", "apply", "timer", "net"]);

/** The seam of a kind that names none; an error can be anywhere. */
const seamOfKind: Readonly<Record<string, string>> = {
  crash: "actor",
  poison: "evaluator",
  full: "disk",
  skew: "clock",
  hang: "mailbox",
  pause: "mailbox",
  delay: "mailbox",
  drop: "mailbox",
  duplicate: "mailbox",
  reorder: "mailbox",
};
const seamOfKillPoint: Readonly<Record<string, string>> = { K1: "append", K2: "commit", K3: "commit", K4: "apply" };

const faultMsDefault = 60_000;
const faultMsMax = 600_000;
const beginMsMax = 3_600_000;
const skewMsMax = 86_400_000;
const timesMax = 100;
const textBytesMax = 1_024;
const countMax = 1_000_000;

export const faults: Kind = defineKind<Fault>({
  id: "faults.faults.troupe.dev",
  group: "faults.troupe.dev",
  version: "v1",
  kind: "Fault",
  plural: "faults",
  singular: "fault",
  shortNames: [],
  categories: [],
  scope: "Cluster",
  verbs: allVerbs,
  storage: "rows",
  description:
    "Something that goes wrong on purpose for a while: in actors, messages, masters, disks, clocks or runtimes.",
  schema: faultSchema,
  name: subdomainName,
  generation: "spec",
  subresources: { status: true },
  defaults,
  prepareCreate: (draft) => {
    delete draft["status"];
  },
  validate: (object, errors) => validate(object.spec, errors),
  validateUpdate: (object, old, errors) => {
    if (!jsonEqual(object.spec, old.spec))
      errors.forbidden("spec", "a fault cannot be changed: delete it and make another");
  },
  columns: [
    nameColumn,
    column("Seam", "Place at which it happens."),
    column("Kind", "What happens."),
    column("Phase", "Pending, Active or Ended."),
    column("Hits", "How often it hit.", { type: "integer" }),
    ageColumn,
    column("Where", "Whom it is for.", { wide: true }),
    column("Reason", "Why it ended.", { wide: true }),
  ],
  row: (object, now) => ({
    cells: [
      object.metadata.name,
      object.spec.seam ?? "",
      object.spec.kind,
      object.status?.phase ?? "Pending",
      object.status?.hits ?? 0,
      ageOf(object, now),
      Object.entries(object.spec.where ?? {})
        .map(([name, value]) => `${name}=${String(value)}`)
        .join(" "),
      object.status?.reason ?? "",
    ],
  }),
  selectable: { "status.phase": ({ status }) => status?.phase ?? "Pending" },
  machine: "object",
});

function defaults(draft: Draft): void {
  const spec = draft["spec"] as Record<string, unknown> | undefined;
  if (spec === undefined) return;
  const { killPoint } = (spec["when"] ?? {}) as { readonly killPoint?: string };
  const own = killPoint === undefined ? seamOfKind[String(spec["kind"])] : seamOfKillPoint[killPoint];
  if (spec["seam"] === undefined && own !== undefined) spec["seam"] = own;
  spec["for"] = { ms: faultMsDefault, ...(spec["for"] as object | undefined) };
}

function validate(spec: FaultSpec, errors: FieldErrors): void {
  const kinds = [...new Set(Object.values(faultKindsOf).flat())].toSorted();
  const { kind, seam = "" } = spec;
  if (
    oneOf(errors, "spec.kind", kind, kinds) &&
    oneOf(errors, "spec.seam", seam, Object.keys(faultKindsOf).toSorted())
  ) {
    const fitting = faultKindsOf[seam] ?? [];
    if (!fitting.includes(kind)) {
      errors.invalid(
        "spec.kind",
        kind,
        `nothing of this kind happens at the seam ${seam}: it knows ${fitting.join(", ")}`,
      );
    }
  }
  validateWhere(spec, errors);
  validateTimes(spec, errors);
  validateArgs(spec, errors);
}

function validateWhere({ seam = "", where = {} }: FaultSpec, errors: FieldErrors): void {
  for (const [name, value] of Object.entries(where)) {
    if (byteLength(String(value)) > textBytesMax) errors.tooLong(`spec.where.${name}`, textBytesMax);
  }
  if (where.labels !== undefined) {
    const problem = selectorProblem(where.labels);
    if (problem !== undefined) errors.invalid("spec.where.labels", where.labels, problem);
  }
  if (where.role !== undefined) oneOf(errors, "spec.where.role", where.role, ["follower", "leader"]);
  for (const name of ["master", "role", "from", "to"] as const) {
    if (where[name] !== undefined && nodeSeams.has(seam)) {
      errors.forbidden(`spec.where.${name}`, `the seam ${seam} is in agents, not in masters`);
    }
  }
  for (const name of ["from", "to"] as const) {
    if (where[name] !== undefined && seam !== "net" && !nodeSeams.has(seam)) {
      errors.forbidden(`spec.where.${name}`, "only messages between masters have it: the seam net");
    }
  }
  if (where.node !== undefined && masterSeams.has(seam)) {
    errors.forbidden("spec.where.node", `the seam ${seam} is in masters, not in agents`);
  }
  if (seam === "program" && where.node === undefined && where.master === undefined && where.role === undefined) {
    errors.required("spec.where", "a fault of whole programs names a node, a master or a role");
  }
}

/** What is wrong with the selector, if anything. */
function selectorProblem(selector: string): string | undefined {
  try {
    parseLabelSelector(selector);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function validateTimes(spec: FaultSpec, errors: FieldErrors): void {
  const { when = {}, schedule } = spec;
  const lasts = spec.for ?? {};
  within(errors, "spec.when.atMs", when.atMs, [0, beginMsMax]);
  within(errors, "spec.when.nth", when.nth, [1, countMax]);
  if (when.p !== undefined && !(when.p > 0 && when.p <= 1)) {
    errors.invalid("spec.when.p", when.p, "must be greater than 0 and at most 1");
  }
  if (
    when.killPoint !== undefined &&
    oneOf(errors, "spec.when.killPoint", when.killPoint, Object.keys(seamOfKillPoint))
  ) {
    const seam = seamOfKillPoint[when.killPoint];
    if (spec.seam !== seam) errors.invalid("spec.seam", spec.seam, `${when.killPoint} lies at the seam ${seam}`);
  }
  within(errors, "spec.for.ms", lasts.ms, [1, faultMsMax]);
  within(errors, "spec.for.count", lasts.count, [1, countMax]);
  within(errors, "spec.schedule.everyMs", schedule?.everyMs, [Math.min(lasts.ms ?? 1, faultMsMax), beginMsMax]);
  within(errors, "spec.schedule.times", schedule?.times, [1, timesMax]);
  within(errors, "spec.ttlSecondsAfterEnd", spec.ttlSecondsAfterEnd, [0, countMax]);
}

function validateArgs({ kind, seam = "", args = {} }: FaultSpec, errors: FieldErrors): void {
  const takesMs = kind === "delay" || kind === "skew" || (kind === "pause" && seam === "program");
  if (args.ms === undefined) {
    if (kind === "delay" || kind === "skew") errors.required("spec.args.ms", `milliseconds of the ${kind}`);
  } else if (!takesMs) errors.forbidden("spec.args.ms", `a fault of kind ${kind} at the seam ${seam} takes none`);
  else within(errors, "spec.args.ms", args.ms, kind === "skew" ? [-skewMsMax, skewMsMax] : [1, faultMsMax]);
  if (args.code !== undefined && !(kind === "error" && seam === "disk" && /^E[A-Z0-9]+$/.test(args.code))) {
    errors.invalid("spec.args.code", args.code, "only errors of the disk have one, such as EIO");
  }
  if (byteLength(args.message ?? "") > textBytesMax) errors.tooLong("spec.args.message", textBytesMax);
}

function oneOf(errors: FieldErrors, path: string, value: string, supported: readonly string[]): boolean {
  if (supported.includes(value)) return true;
  if (value === "") errors.required(path, `one of ${supported.join(", ")}`);
  else errors.notSupported(path, value, supported);
  return false;
}

function within(
  errors: FieldErrors,
  path: string,
  value: number | undefined,
  [min, max]: readonly [number, number],
): void {
  if (value !== undefined && (value < min || value > max)) {
    errors.invalid(path, value, `must be between ${min} and ${max}, inclusive`);
  }
}
