import type { Patch, WriteReply, WriteRequest } from "../../actors/runtime/command.ts";
import type { Draft, Kind } from "../../kinds/kind.ts";
import { fieldManagerBytesMax, unprintable, validateFieldManager } from "../../kinds/metadata.ts";
import { deleteOptionsSchema } from "../../kinds/schemas/meta.ts";
import { decodeJson } from "../../kinds/decode-json.ts";
import { decodeProtobuf, ProtobufError } from "../../kinds/decode-protobuf.ts";
import { bindingKind, subresourceBodies } from "../../kinds/subresources.ts";
import { createFieldErrors, statusInvalid } from "../../kinds/errors.ts";
import { badRequest, notFound, unsupportedMediaType } from "../../kinds/status-errors.ts";
import { StatusError, type Status, type StatusCause } from "../../util/errors.ts";
import { byteLength } from "../../util/names.ts";
import { requireAllowed } from "../authorize.ts";
import { dryRunOf, parseDeleteOptions, type DeleteWishes } from "../delete-options.ts";
import { yamlErrors, type Form, type Validation } from "../form.ts";
import { isObject } from "../json-values.ts";
import { limits } from "../limits.ts";
import { detailsOf, invalidOptions, success } from "../refusals.ts";
import { fieldValidation, parseText, readForm } from "./body.ts";
import type { Call } from "./call.ts";
import { parseListOptions } from "./list-options.ts";
import { bodyFormat, mediaType, negotiate, type Accepted } from "./negotiate.ts";
import { readPage, shapeContext, shownKind, type ReadPage, type ReadTarget } from "./read.ts";
import { respond, respondJson, warningHeaders } from "./respond.ts";
import { createSelection } from "./selection.ts";
import { contentTypeOf, inFormat, listPieces, objectText } from "./shapes.ts";

/** POST, PUT, PATCH and DELETE: the request as data, handed to the leader, its answer shown. */

/** The form of a body sent to a subresource. */
function formOf(target: ReadTarget): Form {
  const { subresource, kind } = target;
  const own = Object.hasOwn(subresourceBodies, subresource) ? subresourceBodies[subresource] : undefined;
  return own ?? kind;
}

export async function serveCreate(call: Call, target: ReadTarget): Promise<void> {
  const accepted = acceptedOf(call);
  const options = writeOptions(call, "CreateOptions");
  const { draft, warnings } = await readForm(call, formOf(target));
  const reply = await write(call, ofObject(call, target, { verb: "create", options, draft }));
  show(call, { target, accepted, reply, warnings });
}

export async function serveUpdate(call: Call, target: ReadTarget): Promise<void> {
  const accepted = acceptedOf(call);
  const options = writeOptions(call, "UpdateOptions");
  const { draft, warnings } = await readForm(call, formOf(target));
  const reply = await write(call, ofObject(call, target, { verb: "update", options, draft }));
  show(call, { target, accepted, reply, warnings });
}

interface Sent {
  readonly verb: "create" | "update";
  readonly options: CommonOptions;
  readonly draft: Draft;
}

/** The request of a whole object. Such ones are many: made of one piece, and not of others', they all have one shape. */
function ofObject({ user }: Call, target: ReadTarget, { verb, options, draft }: Sent): WriteRequest {
  const { kind, subresource } = target;
  const { fieldManager, fieldValidation } = options;
  const namespace = kind.scope === "Cluster" ? "" : target.namespace;
  const object = draft;
  const request = { verb, kind: kind.id, namespace, name: target.name, user, object, fieldManager, fieldValidation };
  if (subresource === "" && options.dryRun !== true) return request;
  return {
    ...request,
    ...(subresource === "" ? {} : { subresource }),
    ...(options.dryRun === true ? { dryRun: true } : {}),
  };
}

const patchTypes = {
  "application/json-patch+json": "json",
  "application/merge-patch+json": "merge",
  "application/strategic-merge-patch+json": "strategic",
  "application/apply-patch+yaml": "apply",
} as const;

export async function servePatch(call: Call, target: ReadTarget): Promise<void> {
  const accepted = acceptedOf(call);
  const type = mediaType(call.exchange.headers["content-type"]);
  if (!Object.hasOwn(patchTypes, type)) throw unsupportedMediaType(Object.keys(patchTypes));
  const patchType = patchTypes[type as keyof typeof patchTypes];
  const options = writeOptions(call, patchType === "apply" ? "ApplyOptions" : "PatchOptions");
  const bytes = await call.exchange.body(limits.bodyBytesMax);
  const read = patchType === "apply" ? readApply(call, target, bytes) : readPatch(patchType, bytes);
  const reply = await write(call, {
    ...options,
    ...named(target),
    verb: "patch",
    user: call.user,
    patch: read.patch,
  });
  show(call, { target, accepted, reply, warnings: read.warnings });
}

interface ReadPatch {
  readonly patch: Patch;
  readonly warnings: readonly string[];
}

function readPatch(type: Exclude<Patch["type"], "apply">, bytes: Uint8Array): ReadPatch {
  const { value } = parseText(bytes, "json");
  return { patch: { type, body: value }, warnings: [] };
}

/** The configuration that is applied; what stands twice in it is refused or told. */
function readApply(call: Call, target: ReadTarget, bytes: Uint8Array): ReadPatch {
  const { query } = call.target;
  const { value, doubledKeys } = parseText(bytes, "yaml");
  const validation = fieldValidation(query);
  if (doubledKeys.length > 0 && validation === "Strict") {
    throw badRequest(`error strict decoding YAML: error converting YAML to JSON: ${yamlErrors(doubledKeys)}`);
  }
  const refusal = createRefusal(call, target);
  return {
    patch: {
      type: "apply",
      body: value,
      ...(query.flag("force") === true ? { force: true } : {}),
      ...(refusal === undefined ? {} : { createRefusal: refusal }),
    },
    warnings: validation === "Ignore" ? [] : doubledKeys,
  };
}

/** Who may patch may not therefore create: why not, if an apply comes to that. */
function createRefusal(call: Call, target: ReadTarget): Status | undefined {
  const { kind, namespace, name, subresource } = target;
  if (subresource !== "") return undefined;
  const { group, version, plural } = kind;
  const attributes = { resource: true, verb: "create", group, version, plural, subresource, namespace, name } as const;
  try {
    requireAllowed(call.door.authorizer, call.user, attributes);
    return undefined;
  } catch (error) {
    if (error instanceof StatusError) return error.status;
    throw error;
  }
}

export async function serveDelete(call: Call, target: ReadTarget): Promise<void> {
  const accepted = acceptedOf(call);
  const wishes = await readDeleteOptions(call);
  const reply = await write(call, {
    ...wishes,
    ...named(target),
    verb: "delete",
    user: call.user,
  });
  show(call, { target, accepted, reply, warnings: [], isCodeless: true });
}

/** Deletes one by one what the selectors choose, and answers the list of it. */
export async function serveDeleteCollection(call: Call, target: ReadTarget): Promise<void> {
  const accepted = acceptedOf(call);
  const wishes = await readDeleteOptions(call);
  const { rows, meta } = await deleteCollection(call, target, wishes);
  const pieces = Buffer.concat([...listPieces(shapeContext(call, target.kind, accepted), meta, rows)]);
  const body = accepted.format === "yaml" ? inFormat("yaml", pieces.toString("utf8")) : pieces;
  respond(call.exchange, { code: 200, contentType: contentTypeOf(accepted.format), body });
}

/** Answers the objects as they were. */
export async function deleteCollection(call: Call, target: ReadTarget, wishes: DeleteWishes): Promise<ReadPage> {
  const { kind, namespace, name } = target;
  const options = parseListOptions(call.target.query, false);
  const selection = createSelection(kind, { namespace, name, ...options });
  const page = await readPage(call, { kind, options, selection });
  const isGuarded = Object.values(wishes.preconditions ?? {}).some((value) => value !== "");
  for (const row of page.rows) {
    const request: WriteRequest = {
      ...wishes,
      verb: "delete",
      kind: kind.id,
      namespace: row.namespace,
      name: row.name,
      user: call.user,
      // Where the client guards nothing, an object of the same name that came meanwhile is still another one.
      preconditions: isGuarded ? { ...wishes.preconditions } : { uid: row.hot.uid },
    };
    await deleteOne(call, request, isGuarded);
  }
  return page;
}

/** An item that somebody else has deleted meanwhile is what was asked for; a precondition of the client is not. */
async function deleteOne(call: Call, request: WriteRequest, isGuarded: boolean): Promise<void> {
  try {
    await write(call, request);
  } catch (error) {
    const code = error instanceof StatusError ? error.status.code : 0;
    if (code !== 404 && (isGuarded || code !== 409)) throw error;
  }
}

function acceptedOf(call: Call): Accepted {
  return negotiate(call.exchange.headers["accept"], ["table", "partial"]);
}

function named(target: ReadTarget): Pick<WriteRequest, "kind" | "namespace" | "name"> & {
  readonly subresource?: string;
} {
  const { kind, namespace, name, subresource } = target;
  return {
    kind: kind.id,
    namespace: kind.scope === "Cluster" ? "" : namespace,
    name,
    ...(subresource === "" ? {} : { subresource }),
  };
}

function write(call: Call, request: WriteRequest): Promise<WriteReply> {
  const isNode = call.user.groups.includes("system:nodes");
  return call.door.host.write(request, {
    class: isNode ? "node" : "user",
    deadlineMs: limits.requestDeadlineMs,
    asked: call.attributes === undefined ? noAttributes : [call.attributes],
  });
}

const noAttributes: readonly object[] = [];

interface CommonOptions {
  readonly dryRun?: boolean;
  readonly fieldManager: string;
  readonly fieldValidation: Validation;
}

/** `ApplyOptions` are PatchOptions of an apply, which must name its manager. */
type OptionsKind = "CreateOptions" | "UpdateOptions" | "PatchOptions" | "ApplyOptions";

function writeOptions(call: Call, options: OptionsKind): CommonOptions {
  const { query } = call.target;
  const agent = call.exchange.headers["user-agent"] ?? "";
  if (query.isEmpty && options !== "ApplyOptions")
    return { fieldValidation: "Warn", fieldManager: managerOfAgent(agent) };
  const causes: StatusCause[] = [];
  const fieldManager = query.get("fieldManager") ?? "";
  if (options === "PatchOptions" && query.has("force")) {
    const message = "Forbidden: may not be specified for non-apply patch";
    causes.push({ reason: "FieldValueForbidden", field: "force", message });
  }
  if (options === "ApplyOptions" && fieldManager === "") {
    const message = "Required value: is required for apply patch";
    causes.push({ reason: "FieldValueRequired", field: "fieldManager", message });
  }
  const errors = createFieldErrors();
  validateFieldManager(errors, "fieldManager", fieldManager);
  causes.push(...errors.causes);
  const dryRun = query.has("dryRun") && dryRunOf(query.all("dryRun"), causes);
  const named = options === "ApplyOptions" ? "PatchOptions" : options;
  if (causes.length > 0) throw invalidOptions(`${named}.meta.k8s.io`, "", causes);
  return {
    fieldValidation: fieldValidation(query),
    ...(dryRun ? { dryRun } : {}),
    fieldManager: fieldManager === "" ? managerOfAgent(agent) : fieldManager,
  };
}

/** A program's name as its User-Agent gives it: what stands before the first slash. */
export function managerOfAgent(agent: string): string {
  const known = managers.get(agent);
  if (known !== undefined) return known;
  const name = nameOfAgent(agent);
  if (managers.size < managersMax && agent.length <= managerAgentMax) managers.set(agent, name);
  return name;
}

/** Programs are few, and their names are asked for with every write. */
const managers = new Map<string, string>();
const managersMax = 256;
const managerAgentMax = 512;

function nameOfAgent(agent: string): string {
  let name = "";
  for (const char of agent.split("/", 1)[0] ?? "") {
    if (unprintable.test(char)) continue;
    if (byteLength(name + char) > fieldManagerBytesMax) break;
    name += char;
  }
  return name === "" ? "unknown" : name;
}

/** DeleteOptions of the body, completed by those of the query. */
export async function readDeleteOptions(call: Call): Promise<DeleteWishes> {
  const { exchange, target } = call;
  const format = bodyFormat(exchange.headers["content-type"]);
  const bytes = await exchange.body(limits.bodyBytesMax);
  const body = bytes.length === 0 ? {} : decodeOptions(bytes, format);
  const { query } = target;
  const grace = query.get("gracePeriodSeconds");
  if (grace !== undefined && !/^-?[0-9]{1,15}$/.test(grace)) {
    throw badRequest(`gracePeriodSeconds must be a number, not ${JSON.stringify(grace)}`);
  }
  const fromQuery = {
    ...(grace === undefined ? {} : { gracePeriodSeconds: Number(grace) }),
    ...(query.has("propagationPolicy") ? { propagationPolicy: query.get("propagationPolicy") } : {}),
    ...(query.has("orphanDependents") ? { orphanDependents: query.flag("orphanDependents") } : {}),
    ...(query.has("dryRun") ? { dryRun: query.all("dryRun") } : {}),
  };
  return parseDeleteOptions({ ...fromQuery, ...body });
}

function decodeOptions(bytes: Uint8Array, format: "json" | "yaml" | "protobuf"): Record<string, unknown> {
  const decoded =
    format === "protobuf"
      ? optionsFromProtobuf(bytes)
      : decodeJson(deleteOptionsSchema, parseText(bytes, format).value, { validation: "Ignore" });
  const [error] = decoded.errors;
  if (error !== undefined) throw badRequest(error);
  const { draft } = decoded;
  if (draft.kind !== "" && draft.kind !== "DeleteOptions") {
    throw badRequest(`decoded object cannot be converted to DeleteOptions: ${draft.kind}`);
  }
  return Object.fromEntries(
    Object.entries(draft).filter(([name]) => !["kind", "apiVersion", "metadata"].includes(name)),
  );
}

function optionsFromProtobuf(bytes: Uint8Array): ReturnType<typeof decodeProtobuf> {
  try {
    return decodeProtobuf(deleteOptionsSchema, bytes);
  } catch (error) {
    if (error instanceof ProtobufError) throw badRequest(error.message);
    throw error;
  }
}

interface Shown {
  readonly target: ReadTarget;
  readonly accepted: Accepted;
  readonly reply: WriteReply;
  readonly warnings: readonly string[];
  /** A Status of success does not repeat the code: of a DELETE Kubernetes leaves it out. */
  readonly isCodeless?: true;
}

function show(call: Call, shown: Shown): void {
  const { target, accepted, reply } = shown;
  const all = shown.warnings.length === 0 ? reply.warnings : [...shown.warnings, ...reply.warnings];
  const headers = warningHeaders(all);
  const { object, status, code } = reply;
  if (object === undefined) {
    // A later leader knows only that the write was done: its result is kept without a body.
    const { code: _, ...said } = status ?? success(code, detailsOf(target.kind, target.name));
    respondJson(call.exchange, shown.isCodeless === true ? said : { ...said, code }, { code, headers });
    return;
  }
  const { format, shape } = accepted;
  const body =
    reply.body !== undefined && format === "json" && shape.kind === "full"
      ? lineOf(reply.body)
      : inFormat(format, objectText(shapeContext(call, shownKind(target), accepted), object));
  respond(call.exchange, { code, contentType: contentTypeOf(format), body, headers });
}

/** With a line feed behind it, as every body has. */
function lineOf(json: Uint8Array): Uint8Array {
  const line = Buffer.allocUnsafe(json.length + 1);
  line.set(json);
  line[json.length] = 0x0a;
  return line;
}

/** Legacy `POST /namespaces/n/bindings`: the pod's name stands in the body. */
export async function serveLegacyBinding(call: Call, pods: Kind, namespace: string): Promise<void> {
  const { draft, warnings } = await readForm(call, bindingKind);
  const name = draft.metadata.name ?? "";
  if (!isObject(draft["target"])) {
    const errors = createFieldErrors();
    errors.required("target");
    throw statusInvalid(bindingKind, name, errors);
  }
  if (name === "") throw notFound(pods, name);
  const target: ReadTarget = { kind: pods, namespace, name, subresource: "binding" };
  const reply = await write(call, {
    ...writeOptions(call, "CreateOptions"),
    ...named(target),
    verb: "create",
    user: call.user,
    object: draft,
  });
  show(call, { target, accepted: acceptedOf(call), reply, warnings });
}
