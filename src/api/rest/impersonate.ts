/**
 * `kubectl --as`: who may impersonate acts as somebody else from here on. Asking for it without the
 * right is refused, never ignored: the answer would be that of another user.
 */
import type { User } from "../../actors/runtime/command.ts";
import type { Authorizer } from "../../auth/auth-api.ts";
import { badRequest } from "../../kinds/status-errors.ts";
import { requireAllowed } from "../authorize.ts";

type Headers = Readonly<Record<string, string>>;

const extraPrefix = "impersonate-extra-";
const accountPrefix = "system:serviceaccount:";
const authenticated = "system:authenticated";

/** The user to act as. Throws 403 without the verb `impersonate`, 400 for groups without a user. */
export function actingUser(user: User, headers: Headers, authorizer: Authorizer): User {
  let isAsked = false;
  for (const header in headers) isAsked ||= header.startsWith("impersonate-");
  if (!isAsked) return user;
  const asked = Object.keys(headers).filter((name) => name.startsWith("impersonate-"));
  const name = headers["impersonate-user"] ?? "";
  if (name === "") throw badRequest("groups, uid or extra cannot be impersonated without a user (Impersonate-User)");
  const account = accountOf(name);
  check(user, authorizer, account ?? { plural: "users", namespace: "", name });
  const groups = listOf(headers["impersonate-group"]);
  for (const group of groups) check(user, authorizer, { plural: "groups", namespace: "", name: group });
  const extra = asked
    .filter((header) => header.startsWith(extraPrefix))
    .map((header) => [decodeURIComponent(header.slice(extraPrefix.length)), listOf(headers[header])] as const);
  const uid = headers["impersonate-uid"];
  return {
    name,
    groups: [...new Set([...(groups.length > 0 ? groups : (account?.groups ?? [])), authenticated])],
    ...(uid === undefined ? {} : { uid }),
    ...(extra.length === 0 ? {} : { extra: Object.fromEntries(extra) }),
  };
}

interface Impersonated {
  readonly plural: "users" | "groups" | "serviceaccounts";
  readonly namespace: string;
  readonly name: string;
}

function check(user: User, authorizer: Authorizer, whom: Impersonated): void {
  const { plural, namespace, name } = whom;
  const attributes = { verb: "impersonate", group: "", version: "v1", plural, subresource: "", namespace, name };
  requireAllowed(authorizer, user, { resource: true, ...attributes });
}

/** `system:serviceaccount:ns:name` brings the groups that its tokens would. */
function accountOf(name: string): (Impersonated & { readonly groups: readonly string[] }) | undefined {
  const [namespace, account, ...rest] = name.startsWith(accountPrefix)
    ? name.slice(accountPrefix.length).split(":")
    : [];
  if (namespace === undefined || account === undefined || rest.length > 0) return undefined;
  const groups = ["system:serviceaccounts", `system:serviceaccounts:${namespace}`];
  return { plural: "serviceaccounts", namespace, name: account, groups };
}

/** Several headers of one name come joined by commas. */
function listOf(header: string | undefined): readonly string[] {
  return (header ?? "").split(",").flatMap((part) => (part.trim() === "" ? [] : [part.trim()]));
}
