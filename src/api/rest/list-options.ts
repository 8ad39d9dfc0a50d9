import { createFieldErrors, statusInvalid } from "../../kinds/errors.ts";
import type { FieldErrors } from "../../kinds/field-errors.ts";
import { badRequest } from "../../kinds/status-errors.ts";
import type { Query } from "./target.ts";

/** Query parameters of list, watch and deletecollection, checked as Kubernetes checks them. */
export interface ListOptions {
  readonly labelSelector: string;
  readonly fieldSelector: string;
  readonly limit: number;
  readonly continueToken: string;
  readonly resourceVersion: string;
  readonly match: "" | "Exact" | "NotOlderThan";
  readonly bookmarks: boolean;
  /** Undefined: not said. */
  readonly sendInitialEvents: boolean | undefined;
  readonly timeoutSeconds: number | undefined;
}

const listOptions = { group: "meta.k8s.io", kind: "ListOptions" };

export function parseListOptions(query: Query, watch: boolean): ListOptions {
  const options: ListOptions = {
    labelSelector: query.get("labelSelector") ?? "",
    fieldSelector: query.get("fieldSelector") ?? "",
    limit: numberOf(query, "limit") ?? 0,
    continueToken: query.get("continue") ?? "",
    resourceVersion: query.get("resourceVersion") ?? "",
    match: (query.get("resourceVersionMatch") ?? "") as ListOptions["match"],
    bookmarks: query.flag("allowWatchBookmarks"),
    sendInitialEvents: query.has("sendInitialEvents") ? query.flag("sendInitialEvents") : undefined,
    timeoutSeconds: numberOf(query, "timeoutSeconds"),
  };
  const errors = createFieldErrors();
  if (watch) checkWatch(options, errors);
  else checkList(options, errors);
  if (errors.causes.length > 0) throw statusInvalid(listOptions, "", errors);
  if (options.limit < 0) throw badRequest("limit must not be negative");
  parseRevision(options.resourceVersion);
  return options;
}

function checkList(options: ListOptions, errors: FieldErrors): void {
  const { match, resourceVersion, continueToken } = options;
  const path = "resourceVersionMatch";
  if (match !== "") {
    if (resourceVersion === "") {
      errors.forbidden(path, `${path} is forbidden unless resourceVersion is provided`);
    }
    if (continueToken !== "") {
      errors.forbidden(path, `${path} is forbidden when continue is provided`);
    }
    if (match !== "Exact" && match !== "NotOlderThan") {
      errors.notSupported(path, match, ["", "Exact", "NotOlderThan"]);
    }
    if (match === "Exact" && resourceVersion === "0") {
      errors.forbidden(path, `${path} "exact" is forbidden for resourceVersion "0"`);
    }
  }
  if (options.sendInitialEvents !== undefined) {
    errors.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list");
  }
}

function checkWatch(options: ListOptions, errors: FieldErrors): void {
  const { match, sendInitialEvents, continueToken } = options;
  const path = "resourceVersionMatch";
  if (sendInitialEvents !== undefined && match !== "NotOlderThan") {
    errors.forbidden(path, `sendInitialEvents requires setting ${path} to NotOlderThan`);
  }
  if (match === "") return;
  if (sendInitialEvents === undefined) {
    errors.forbidden(path, `${path} is forbidden for watch unless sendInitialEvents is provided`);
  }
  if (match !== "NotOlderThan") errors.notSupported(path, match, ["NotOlderThan"]);
  if (continueToken !== "") {
    errors.forbidden(path, `${path} is forbidden when continue is provided`);
  }
}

function numberOf(query: Query, name: string): number | undefined {
  const text = query.get(name);
  if (text === undefined || text === "") return undefined;
  if (!/^-?[0-9]{1,15}$/.test(text)) {
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return Number(text);
}

/** 0 where the text is empty. Throws 400 for what is no revision. */
export function parseRevision(text: string): number {
  if (text === "") return 0;
  if (!/^[0-9]{1,15}$/.test(text)) {
    throw badRequest(`Invalid value: ${JSON.stringify(text)}: resourceVersion must be a number`);
  }
  return Number(text);
}
