import type { User } from "../actors/runtime/command.ts";
import type { Attributes, Authorizer } from "../auth/auth-api.ts";
import { forbidden, forbiddenPath } from "../kinds/status-errors.ts";

/** Both doors refuse in the same words. Throws 403. */
export function requireAllowed(authorizer: Authorizer, user: User, attributes: Attributes): void {
  const { allowed, reason } = authorizer.authorize(user, attributes);
  if (allowed) return;
  const why = reason === "" ? "" : `: ${reason}`;
  const who = `User ${JSON.stringify(user.name)} cannot ${attributes.verb}`;
  if (!attributes.resource) {
    throw forbiddenPath(`${who} path ${JSON.stringify(attributes.path)}${why}`);
  }
  const { group, plural, subresource, namespace, name } = attributes;
  const resource = subresource === "" ? plural : `${plural}/${subresource}`;
  const where = namespace === "" ? "at the cluster scope" : `in the namespace "${namespace}"`;
  throw forbidden(
    { group, plural: resource },
    name,
    `${who} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(group)} ${where}${why}`,
  );
}
