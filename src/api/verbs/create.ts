import type { WriteReply } from "../../actors/runtime/command.ts";
import type { Draft, DraftMeta } from "../../kinds/kind.ts";
import type { Rng } from "../../env/env.ts";
import { apiVersionOf } from "../../kinds/catalogue.ts";
import { encodeManagers, type Managers } from "../apply/managers.ts";
import { limits } from "../limits.ts";
import { alreadyExists, generateNameConflict, plainRefusal } from "../../kinds/status-errors.ts";
import { formatTime } from "../../util/time-format.ts";
import { applyDefaults } from "../../kinds/defaults.ts";
import { generatedName, nameAlphabet, nameSuffixLength } from "../../kinds/metadata.ts";
import { prepareCreate } from "../../kinds/prepare.ts";
import { validateNew } from "../validate.ts";
import {
  admit,
  asObject,
  bodyOf,
  dropDoubledOwners,
  existing,
  replyObject,
  settleNamespace,
  warn,
  type Evaluation,
} from "./evaluation.ts";
import { fieldsOfNew, setManagedFields } from "./managed-fields.ts";

/**
 * POST, PUT on an absent object of the kinds that allow it, and apply on one; then `managers` says
 * who owns what.
 */
export function create(evaluation: Evaluation, managers?: Managers): WriteReply {
  const { kind, request, transaction } = evaluation;
  const draft = bodyOf(evaluation);
  settleNamespace(evaluation, draft);
  const meta = draft.metadata;
  if ((meta.resourceVersion ?? "") !== "" && request.verb === "create") {
    throw plainRefusal("resourceVersion should not be set on objects to be created");
  }
  const given = meta.managedFields;
  takeServerFields(evaluation, draft);
  draft.apiVersion = apiVersionOf(kind);
  draft.kind = kind.kind;
  chooseName(evaluation, meta);
  dropDoubledOwners(evaluation, draft);
  applyDefaults(kind, draft);
  setManagedFields(draft, managers === undefined ? fieldsOfNew(evaluation, draft, given) : encodeManagers(managers));
  prepareCreate(kind, draft, { now: transaction.now, user: request.user.name });
  admit(evaluation, draft, undefined);
  validateNew(kind, draft);
  const name = meta.name!;
  const present = existing(evaluation, name);
  if (present !== undefined) {
    throw alreadyExists(kind, name, present.hot.deleting);
  }
  warn(evaluation, draft, undefined);
  if (request.dryRun === true) return replyObject(evaluation, 201, asObject(draft), 0);
  const object = transaction.put(kind.id, draft, 0);
  return replyObject(evaluation, 201, object, Number(object.metadata.resourceVersion));
}

function takeServerFields(evaluation: Evaluation, draft: Draft): void {
  const { transaction } = evaluation;
  const meta = draft.metadata;
  for (const field of serverOwned) if (field in meta) delete meta[field];
  meta.uid = transaction.random.uuid();
  meta.creationTimestamp = formatTime(transaction.now);
}

const serverOwned: readonly (keyof DraftMeta)[] = [
  "uid",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "resourceVersion",
  "managedFields",
];

function chooseName(evaluation: Evaluation, meta: DraftMeta): void {
  const base = meta.generateName ?? "";
  if ((meta.name ?? "") !== "" || base === "") return;
  for (let attempt = 0; attempt < limits.generateNameTriesMax; attempt += 1) {
    meta.name = generateName(base, evaluation.transaction.random);
    if (existing(evaluation, meta.name) === undefined) return;
  }
  throw generateNameConflict(evaluation.kind, meta.name!);
}

/** The base cut to 58 characters, and five random ones. */
function generateName(base: string, random: Rng): string {
  let suffix = "";
  for (let position = 0; position < nameSuffixLength; position += 1) {
    suffix += nameAlphabet[random.below(nameAlphabet.length)]!;
  }
  return generatedName(base, suffix);
}
