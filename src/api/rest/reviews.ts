import type { Attributes } from "../../auth/auth-api.ts";
import { createFieldErrors, statusInvalid } from "../../kinds/errors.ts";
import { badRequest } from "../../kinds/status-errors.ts";
import { methodNotRouted } from "../refusals.ts";
import type { Json } from "../../util/json.ts";
import { formatTime } from "../../util/time-format.ts";
import { isObject } from "../json-values.ts";
import { readForm } from "./body.ts";
import type { Call } from "./call.ts";
import { respondJson } from "./respond.ts";
import type { Resource } from "./resources.ts";

/** Questions of a user about itself: who am I, may I, what may I. Answered, never stored. */
export async function serveReview(call: Call, resource: Resource, verb: string): Promise<void> {
  if (verb !== "create") throw methodNotRouted();
  const { draft } = await readForm(call, resource);
  const spec = isObject(draft["spec"]) ? draft["spec"] : {};
  checkSpec(resource, spec);
  const { creationTimestamp: _, ...metadata } = draft.metadata;
  respondJson(
    call.exchange,
    {
      kind: resource.kind,
      apiVersion: `${resource.group}/${resource.version}`,
      metadata: { ...metadata, creationTimestamp: formatTime(call.door.env.clock.wall()) },
      ...(resource.kind === "SelfSubjectReview" ? {} : { spec }),
      status: statusOfReview(call, resource.kind, spec),
    },
    { code: 201 },
  );
}

/** Throws 422, and 400 for rules of no namespace. */
function checkSpec(resource: Resource, spec: Readonly<Record<string, unknown>>): void {
  if (resource.kind === "SelfSubjectRulesReview" && (spec["namespace"] ?? "") === "") {
    throw badRequest("no namespace on request");
  }
  if (resource.kind !== "SelfSubjectAccessReview") return;
  const errors = createFieldErrors();
  const paths = spec["nonResourceAttributes"];
  const asksResource = isObject(spec["resourceAttributes"]);
  if (asksResource && isObject(paths)) {
    const detail = "cannot be specified in combination with resourceAttributes";
    errors.invalid("spec.nonResourceAttributes", paths as Json, detail);
  }
  if (!asksResource && !isObject(paths)) {
    const detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
    errors.invalid("spec.resourceAttributes", null, detail);
  }
  if (errors.causes.length > 0) throw statusInvalid(resource, "", errors);
}

function statusOfReview(call: Call, kind: string, spec: Readonly<Record<string, unknown>>): unknown {
  switch (kind) {
    case "SelfSubjectReview":
      return { userInfo: userInfo(call) };
    case "SelfSubjectAccessReview": {
      const { allowed, reason } = call.door.authorizer.authorize(call.user, attributesOf(spec));
      return { allowed, ...(reason === "" ? {} : { reason }) };
    }
    default:
      return rulesOf(call);
  }
}

function userInfo(call: Call): unknown {
  const { name, uid, groups, extra } = call.user;
  return {
    username: name,
    ...(uid === undefined ? {} : { uid }),
    groups,
    ...(extra === undefined ? {} : { extra }),
  };
}

function attributesOf(spec: Readonly<Record<string, unknown>>): Attributes {
  const text = (from: Readonly<Record<string, unknown>>, name: string): string =>
    typeof from[name] === "string" ? from[name] : "";
  const paths = spec["nonResourceAttributes"];
  if (isObject(paths)) {
    return { resource: false, verb: text(paths, "verb"), path: text(paths, "path") };
  }
  const asked = isObject(spec["resourceAttributes"]) ? spec["resourceAttributes"] : {};
  return {
    resource: true,
    verb: text(asked, "verb"),
    group: text(asked, "group"),
    version: text(asked, "version"),
    plural: text(asked, "resource"),
    subresource: text(asked, "subresource"),
    namespace: text(asked, "namespace"),
    name: text(asked, "name"),
  };
}

const anything: Attributes = {
  resource: true,
  verb: "*",
  group: "*",
  version: "*",
  plural: "*",
  subresource: "",
  namespace: "",
  name: "",
};

/** Rules as lists come with RBAC; until then only "everything" or "nothing but reviews" is known. */
function rulesOf(call: Call): unknown {
  const { allowed } = call.door.authorizer.authorize(call.user, anything);
  const mayCreate = (group: string, ...resources: readonly string[]): object => {
    return { verbs: ["create"], apiGroups: [group], resources };
  };
  const reviews = [
    mayCreate("authorization.k8s.io", "selfsubjectaccessreviews", "selfsubjectrulesreviews"),
    mayCreate("authentication.k8s.io", "selfsubjectreviews"),
  ];
  const paths = ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*"];
  return {
    resourceRules: allowed ? [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }, ...reviews] : reviews,
    nonResourceRules: allowed
      ? [{ verbs: ["*"], nonResourceURLs: ["*"] }]
      : [{ verbs: ["get"], nonResourceURLs: [...paths, "/readyz", "/version", "/version/"] }],
    incomplete: !allowed,
    ...(allowed ? {} : { evaluationError: "rules beyond these are not listed" }),
  };
}
