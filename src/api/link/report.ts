/**
 * A write that a node reports: decoded and authorised as the REST door does it, evaluated by the
 * ordinary pipeline, answered as code and body.
 */
import type { User, WriteRequest } from "../../actors/runtime/command.ts";
import type { WriteHost } from "../../actors/runtime/host-api.ts";
import type { Authorizer, TokenIssuer } from "../../auth/auth-api.ts";
import type { Log } from "../../env/env.ts";
import type { Draft, Kind } from "../../kinds/kind.ts";
import { serviceUnavailable } from "../../kinds/status-errors.ts";
import { tokenRequestKind } from "../../kinds/subresources.ts";
import type { CommittedStore } from "../../store/store-api.ts";
import type { Json } from "../../util/json.ts";
import { requireAllowed } from "../authorize.ts";
import { decodeForm, type Form } from "../form.ts";
import { statusOf } from "../rest/respond.ts";
import { issueToken } from "../subresources/token.ts";
import { linkLimits } from "./limits.ts";
import type { Report, ReportResult } from "./messages.ts";

export interface ReportDoor {
  readonly env: { readonly log: Log };
  readonly store: CommittedStore;
  readonly host: WriteHost;
  readonly kinds: ReadonlyMap<string, Kind>;
  readonly authorizer: Authorizer;
  readonly tokenIssuer: TokenIssuer;
  readonly audiences: readonly string[];
}

/** `user`: whom the node's certificate names. Never rejects. */
export async function answerReport(door: ReportDoor, user: User, report: Report): Promise<ReportResult> {
  const answer = (code: number, body: unknown): ReportResult => ({ id: report.id, code, body: JSON.stringify(body) });
  try {
    const { request, kind } = parse(door, user, report);
    if (request.subresource === "token") {
      return answer(201, await issueToken(door, { ...request, kind }, decodeBody(tokenRequestKind, request.object)));
    }
    const reply = await door.host.write(request, { class: "node", deadlineMs: linkLimits.reportDeadlineMs });
    return answer(reply.code, reply.object ?? reply.status ?? {});
  } catch (error) {
    const status = statusOf(error);
    if (status.code === 500) door.env.log("error", "link.report", { node: user.name, error });
    return answer(status.code, status);
  }
}

function parse(
  { kinds, authorizer }: ReportDoor,
  user: User,
  report: Report,
): { readonly request: WriteRequest; readonly kind: Kind } {
  const said: Omit<WriteRequest, "user"> = { ...(JSON.parse(report.request) as WriteRequest), tracking: "sparse" };
  const kind = kinds.get(said.kind);
  if (kind === undefined) throw serviceUnavailable(`this master does not know the kind ${said.kind}`);
  const { verb, namespace, name, subresource = "" } = said;
  const { group, version, plural } = kind;
  requireAllowed(authorizer, user, { resource: true, verb, group, version, plural, subresource, namespace, name });
  if (said.object === undefined || said.subresource === "token") return { request: { ...said, user }, kind };
  const object = subresource === "status" ? statusPart(said.object) : said.object;
  return { request: { ...said, user, object: decodeBody(kind, object) }, kind };
}

/** A status write leaves the rest of the object alone, so that is not looked at. */
function statusPart({ apiVersion, kind, metadata, status }: Draft): Draft {
  return { apiVersion, kind, metadata, ...(status === undefined ? {} : { status }) };
}

/** Type-checks and canonicalises what a node sent, as the REST door does. Throws StatusError 400. */
function decodeBody(form: Form, value: unknown): Draft {
  return decodeForm(form, value as Json, { validation: "Ignore" }).draft;
}
