import type { Patch, WriteReply } from "../../actors/runtime/command.ts";
import { apiVersionOf } from "../../kinds/catalogue.ts";
import { decodeJson } from "../../kinds/decode-json.ts";
import type { Draft, Kind } from "../../kinds/kind.ts";
import { badRequest, conflict, notFound, plainRefusal } from "../../kinds/status-errors.ts";
import { invariant, StatusError } from "../../util/errors.ts";
import type { Json, JsonObject } from "../../util/json.ts";
import { ApplyConflicts, conflictStatus } from "../apply/conflicts.ts";
import { FieldPathError } from "../apply/field-path.ts";
import { has } from "../apply/field-set.ts";
import { decodeManagers, type Managers } from "../apply/managers.ts";
import { applyConfig, changeOf, recordChange, type Applied, type Writer } from "../apply/ownership.ts";
import { TypedError } from "../apply/structure.ts";
import { checkTyped } from "../apply/typed-check.ts";
import { fieldsLastApplied, upgradingManager, withLastApplied } from "../apply/upgrade.ts";
import { isObject, member } from "../json-values.ts";
import { create } from "./create.ts";
import { existing, settleName, settleNamespace, type Evaluation } from "./evaluation.ts";
import { bodyOf, territoryOf, writerOf } from "./managed-fields.ts";
import { draftOf, replace } from "./replace.ts";

/**
 * PATCH with `application/apply-patch+yaml`: the body is what one manager wants of the object. It is
 * created where it is not there, but never through a sub-resource.
 */
export function apply(evaluation: Evaluation, rules: "main" | "status"): WriteReply {
  const { patch } = evaluation.request;
  invariant(patch?.type === "apply", "an apply carries a configuration");
  return applyBody(evaluation, patch, rules);
}

export type ApplyPatch = Extract<Patch, { readonly type: "apply" }>;

/** As `apply`, of a configuration that the caller has made of the request's. */
export function applyBody(evaluation: Evaluation, patch: ApplyPatch, rules: "main" | "status"): WriteReply {
  const { kind, request } = evaluation;
  const config = readConfig(kind, patch.body);
  const row = existing(evaluation, request.name);
  if (row === undefined) return createApplied(evaluation, patch, config);
  const live = bodyOf(row.object());
  const stored = row.object().metadata.managedFields ?? [];
  const { object, managers } = applied(evaluation, { live, config, force: patch.force === true, stored, isNew: false });
  const draft = object === undefined ? draftOf(row) : decodeMerged(evaluation, object, config);
  settleNamespace(evaluation, draft);
  settleName(evaluation, draft);
  return replace(evaluation, { row, draft, rules, managers });
}

function createApplied(evaluation: Evaluation, patch: ApplyPatch, config: Config): WriteReply {
  const { kind, request } = evaluation;
  if ((request.subresource ?? "") !== "") throw notFound(kind, request.name);
  const { object, managers } = applied(evaluation, { live: {}, config, force: false, stored: [], isNew: true });
  const draft = decodeMerged(evaluation, object ?? config.body, config);
  const { uid = "", name = "" } = draft.metadata;
  if (uid !== "") {
    throw conflict(
      kind,
      request.name,
      `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`,
    );
  }
  if (name === "") {
    throw badRequest(`the name of the object (${request.name} based on URL) was undeterminable: name must be provided`);
  }
  settleName(evaluation, draft);
  if (patch.createRefusal !== undefined) throw new StatusError(patch.createRefusal);
  delete draft.metadata.resourceVersion;
  // To admission this is a creation like any other.
  return create({ ...evaluation, request: { ...request, verb: "create", object: draft } }, managers);
}

interface Config {
  /** As it was sent. */
  readonly whole: JsonObject;
  /** Without apiVersion and kind. */
  readonly body: JsonObject;
}

function readConfig(kind: Kind, body: Json): Config {
  if (!isObject(body)) {
    const what = Array.isArray(body) ? "array" : typeof body;
    throw badRequest(
      `error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${what} into Go value of type map[string]interface {}`,
    );
  }
  const given = typeText(body["apiVersion"], body["kind"]);
  if (given !== typeText(apiVersionOf(kind), kind.kind)) throw badRequest(`invalid object type: ${given}`);
  const metadata = member(body, "metadata");
  if (isObject(metadata) && Array.isArray(member(metadata, "managedFields"))) {
    throw badRequest("metadata.managedFields must be nil");
  }
  const { apiVersion: _version, kind: _kind, ...rest } = body;
  return { whole: body, body: rest };
}

/** `apps/v1, Kind=Deployment`, and `/v1, Kind=Pod` for the first group. */
function typeText(apiVersion: Json | undefined, kind: Json | undefined): string {
  const steps = typeof apiVersion === "string" ? apiVersion.split("/") : [];
  const [group, version] = steps.length === 2 ? steps : ["", steps.length === 1 ? steps[0] : ""];
  return `${group}/${version}, Kind=${typeof kind === "string" ? kind : ""}`;
}

/** `n/x; apps/v1, Kind=Deployment`: the object as errors of the merge name it. */
function subjectText({ whole }: Config): string {
  const metadata = member(whole, "metadata");
  const text = (name: string): string => {
    const value = isObject(metadata) ? member(metadata, name) : undefined;
    return typeof value === "string" ? value : "";
  };
  return `${text("namespace")}/${text("name")}; ${typeText(whole["apiVersion"], whole["kind"])}`;
}

interface Application {
  readonly live: JsonObject;
  readonly config: Config;
  readonly force: boolean;
  /** The stored list of managed fields. */
  readonly stored: readonly unknown[];
  readonly isNew: boolean;
}

/** The merge with everything that Kubernetes does around it. Throws `StatusError`. */
function applied(evaluation: Evaluation, application: Application): Applied {
  const { kind, request } = evaluation;
  const { live, config } = application;
  const subject = subjectText(config);
  const territory = territoryOf(kind, request.subresource ?? "");
  const writer = writerOf(evaluation);
  const managers = startingManagers(evaluation, application, writer);
  orPlain(`failed to create typed patch object (${subject})`, () => checkTyped(territory.schema, config.body));
  const run = (force: boolean): Applied =>
    orPlain(`failed to create typed live object (${subject})`, () =>
      applyConfig(territory, live, managers, writer, { config: config.body, force }),
    );
  const isKubectl = writer.name === upgradingManager;
  const result = withoutConflicts(run, application.force, (path) =>
    isKubectl ? has(fieldsLastApplied(territory, live), path) : false,
  );
  if (!isKubectl) return result;
  const before = result.object ?? live;
  const after = withLastApplied(before, config.whole);
  return after === before ? result : { ...result, object: after };
}

/** An object that nobody has applied yet belongs to what was there before the first apply. */
function startingManagers(evaluation: Evaluation, application: Application, writer: Writer): Managers {
  const managers = orPlain("failed to decode managed fields", () => decodeManagers(application.stored));
  if (managers.size > 0 || application.isNew) return managers;
  const territory = territoryOf(evaluation.kind, writer.subresource);
  return orPlain("failed to create manager for existing fields", () => {
    const change = changeOf(territory, {}, application.live);
    const first = { ...writer, name: "before-first-apply" };
    return change === undefined ? managers : recordChange(territory, change, managers, first);
  });
}

/** Conflicts about fields that `mayTake` allows are settled for the applier if there are no others. */
function withoutConflicts(
  run: (force: boolean) => Applied,
  force: boolean,
  mayTake: (path: readonly string[]) => boolean,
): Applied {
  try {
    return run(force);
  } catch (error) {
    if (!(error instanceof ApplyConflicts)) throw error;
    const left = error.conflicts.filter(({ path }) => !mayTake(path));
    if (left.length > 0) throw conflictStatus(left);
    return run(true);
  }
}

function orPlain<T>(what: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof TypedError || error instanceof FieldPathError) throw plainRefusal(`${what}: ${error.message}`);
    throw error;
  }
}

function decodeMerged(evaluation: Evaluation, object: JsonObject, config: Config): Draft {
  const { kind } = evaluation;
  const apiVersion = apiVersionOf(kind);
  const typed = { apiVersion, kind: kind.kind, ...object };
  const { draft, errors } = decodeJson(kind.schema, typed, { validation: "Ignore" });
  const [problem] = errors;
  if (problem !== undefined) {
    const type = typeText(apiVersion, kind.kind);
    throw plainRefusal(
      `failed to convert new object (${subjectText(config)}) to proper version: unable to convert unstructured object to ${type}: ${problem}`,
    );
  }
  return draft;
}
