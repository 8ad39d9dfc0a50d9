import type { WriteHost } from "../../actors/runtime/host-api.ts";
import type { TokenClaims, TokenIssuer } from "../../auth/auth-api.ts";
import type { Draft, Kind, KubeObject } from "../../kinds/kind.ts";
import type { CommittedStore } from "../../store/store-api.ts";
import { tokenRequestKind } from "../../kinds/subresources.ts";
import { badRequest, conflict, notFound } from "../../kinds/status-errors.ts";
import { isObject } from "../json-values.ts";
import { invalidOptions } from "../refusals.ts";
import { readForm } from "../rest/body.ts";
import type { Call } from "../rest/call.ts";
import { respondJson } from "../rest/respond.ts";

const defaultSeconds = 3_600;
const minSeconds = 600;
const maxSeconds = 2 ** 32;
const defaultAudiences = ["https://kubernetes.default.svc"];

/** What issuing a token needs; the REST door and the node links have it. */
export interface TokenDoor {
  readonly host: Pick<WriteHost, "readBarrier">;
  readonly store: CommittedStore;
  readonly tokenIssuer: TokenIssuer;
  readonly audiences?: readonly string[];
}

export interface TokenTarget {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
}

/** POST on a ServiceAccount's `/token`: signs a token, bound to a pod or node if one is named. */
export async function serveToken(call: Call, target: TokenTarget): Promise<void> {
  const { draft } = await readForm(call, tokenRequestKind);
  respondJson(call.exchange, await issueToken(call.door, target, draft), { code: 201 });
}

/** The answered TokenRequest. Throws 404, 409 and 422. */
export async function issueToken(door: TokenDoor, target: TokenTarget, draft: Draft): Promise<KubeObject> {
  const { kind, namespace, name } = target;
  const spec = isObject(draft["spec"]) ? draft["spec"] : {};
  await door.host.readBarrier();
  const account = door.store.committed.get(kind.id, namespace, name);
  if (account === undefined) throw notFound(kind, name);
  const expirationSeconds = expirationOf(spec["expirationSeconds"]);
  const audiences = audiencesOf(spec["audiences"], door.audiences ?? defaultAudiences);
  const issued = await door.tokenIssuer.issue({
    namespace,
    serviceAccount: { name, uid: account.hot.uid },
    ...boundObject(door.store, namespace, spec["boundObjectRef"]),
    audiences,
    expirationSeconds,
  });
  const answer = {
    kind: "TokenRequest",
    apiVersion: "authentication.k8s.io/v1",
    metadata: {
      name,
      namespace,
      uid: "",
      resourceVersion: "",
      creationTimestamp: account.object<KubeObject>().metadata.creationTimestamp,
    },
    spec: { ...spec, audiences, expirationSeconds },
    status: issued,
  };
  return answer;
}

/** The refusal names no account, as Kubernetes' does. */
function expirationOf(given: unknown): number {
  if (given === undefined || given === null) return defaultSeconds;
  const seconds = Number(given);
  const refuse = (detail: string): Error =>
    invalidOptions("TokenRequest.authentication.k8s.io", "", [
      {
        reason: "FieldValueInvalid",
        field: "spec.expirationSeconds",
        message: `Invalid value: ${JSON.stringify(given)}: ${detail}`,
      },
    ]);
  if (seconds < minSeconds) throw refuse("may not specify a duration less than 10 minutes");
  if (seconds > maxSeconds) throw refuse("may not specify a duration larger than 2^32 seconds");
  return seconds;
}

function audiencesOf(given: unknown, fallback: readonly string[]): readonly string[] {
  if (!Array.isArray(given) || given.length === 0) return fallback;
  return given.map(String);
}

/** The object whose end ends the token. Throws 404 and 409. */
function boundObject(store: CommittedStore, namespace: string, given: unknown): Pick<TokenClaims, "pod" | "node"> {
  if (!isObject(given)) return {};
  const { kind, uid } = given;
  const name = typeof given["name"] === "string" ? given["name"] : "";
  if (kind !== "Pod" && kind !== "Node") {
    throw badRequest(`cannot bind token to object of type ${JSON.stringify(kind)}`);
  }
  const plural = kind === "Pod" ? "pods" : "nodes";
  const row = store.committed.get(plural, kind === "Pod" ? namespace : "", name);
  const resource = { group: "", plural };
  if (row === undefined) throw notFound(resource, name);
  if (typeof uid === "string" && uid !== "" && uid !== row.hot.uid) {
    throw conflict(
      resource,
      row.name,
      `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  const reference = { name: row.name, uid: row.hot.uid };
  return kind === "Pod" ? { pod: reference } : { node: reference };
}
