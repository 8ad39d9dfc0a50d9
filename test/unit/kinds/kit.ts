import { kindById } from "../../../src/kinds/catalogue.ts";
import { decodeJson } from "../../../src/kinds/decode-json.ts";
import { applyDefaults } from "../../../src/kinds/defaults.ts";
import { createFieldErrors, statusInvalid } from "../../../src/kinds/errors.ts";
import type { FieldErrors } from "../../../src/kinds/field-errors.ts";
import type { Draft, Kind, KubeObject } from "../../../src/kinds/kind.ts";
import { prepareCreate, prepareStatus, prepareUpdate } from "../../../src/kinds/prepare.ts";
import { validateCreate, validateStatus, validateUpdate } from "../../../src/kinds/validate.ts";
import type { Json, JsonObject } from "../../../src/util/json.ts";

/** What the tests of kinds share: bodies through decoding, defaults and rules, as the verbs do it. */

/** Places of `src/kinds/` (`pod-validate.ts:36`) that have reported an error to these helpers. */
export const reached: Set<string> = new Set();

/** Field errors that note which rule speaks. */
function recorded(): FieldErrors {
  return new Proxy(createFieldErrors(), {
    get(errors, name) {
      const member: unknown = Reflect.get(errors, name);
      if (typeof member !== "function") return member;
      const place = /src\/kinds\/((?!errors\.ts)[\w-]+\.ts:\d+)/.exec(new Error().stack ?? "")?.[1];
      if (place !== undefined) reached.add(place);
      return member;
    },
  });
}

const context = { now: 0, user: "test" };

export function kindOf(id: string): Kind {
  const kind = kindById(id);
  if (kind === undefined) throw new Error(`no kind ${id}`);
  return kind;
}

export function decode(id: string, body: JsonObject): Draft {
  const kind = kindOf(id);
  const whole = { apiVersion: "v1", kind: kind.kind, ...body };
  const { draft, unknown, errors } = decodeJson(kind.schema, whole as Json, { validation: "Strict" });
  if (errors.length + unknown.length > 0) throw new Error([...errors, ...unknown].join());
  if (kind.scope === "Namespaced") draft.metadata.namespace ??= "n";
  const meta = (body["metadata"] ?? {}) as JsonObject;
  if (!Object.hasOwn(meta, "name")) draft.metadata.name = "a";
  applyDefaults(kind, draft);
  return draft;
}

export function create(id: string, body: JsonObject): Draft {
  const draft = decode(id, body);
  prepareCreate(kindOf(id), draft, context);
  return draft;
}

/** `path: message` of everything that is wrong with a new object. */
export function problems(id: string, body: JsonObject): readonly string[] {
  const errors = recorded();
  validateCreate(kindOf(id), create(id, body), errors);
  return errors.causes.map((cause) => `${cause.field}: ${cause.message}`);
}

/** The whole message of the 422 for a new object. */
export function refusal(id: string, body: JsonObject): string {
  const kind = kindOf(id);
  const draft = create(id, body);
  const errors = recorded();
  validateCreate(kind, draft, errors);
  return statusInvalid(kind, draft.metadata.name ?? "", errors).message;
}

export interface Change {
  readonly draft: Draft;
  readonly problems: readonly string[];
}

/** A PUT of `body` over what `before` became. */
export function update(id: string, before: JsonObject, body: JsonObject, revision = "7"): Change {
  const kind = kindOf(id);
  const old = create(id, before) as unknown as KubeObject;
  const draft = decode(id, body);
  prepareUpdate(kind, draft, old, context);
  if (revision !== "") draft.metadata.resourceVersion = revision;
  const errors = recorded();
  validateUpdate(kind, draft, old, errors);
  return { draft, problems: errors.causes.map((cause) => `${cause.field}: ${cause.message}`) };
}

/** A PUT of `/status`; `known` is the status that stood before. */
export function writeStatus(id: string, before: JsonObject, body: JsonObject, known?: JsonObject): Change {
  const kind = kindOf(id);
  const base = create(id, before);
  if (known !== undefined) base["status"] = known;
  const old = base as unknown as KubeObject;
  const draft = decode(id, body);
  prepareStatus(kind, draft, old, context);
  const errors = recorded();
  validateStatus(kind, draft, old, errors);
  return { draft, problems: errors.causes.map((cause) => `${cause.field}: ${cause.message}`) };
}
