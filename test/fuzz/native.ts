import type { User } from "../../src/actors/runtime/command.ts";
import type { Operation, Ref, StreamCalls, UnaryCalls } from "../../src/api/grpc/messages.ts";
import { subresourcesOf } from "../../src/api/rest/resources.ts";
import type { Rng } from "../../src/env/env.ts";
import { loadService } from "../../src/env/real/proto.ts";
import { kinds } from "../../src/kinds/catalogue.ts";
import type { Kind } from "../../src/kinds/kind.ts";
import { broken, names, namespaces, objectOf, patchOf } from "./bodies.ts";
import { drawUser, queryValue } from "./requests.ts";
import { hostileTexts, hostileValue, oneIn, pick } from "./values.ts";

/**
 * One message of the native door, drawn from a stream: every call, nearly valid ones most of the time, as
 * the bytes of a frame; one in ten is no message at all.
 */
export interface NativeRequest {
  readonly method: keyof UnaryCalls | keyof StreamCalls | "Calls";
  readonly bytes: Uint8Array;
  readonly user: Pick<User, "name" | "groups"> | "anonymous";
}

type Method = NativeRequest["method"];
type Loose = Record<string, unknown>;

const service = loadService("api.proto", "troupe.v1.Api");

const methods: readonly Method[] = [
  ...(["Calls", "Calls", "Calls", "Create", "Create", "Apply", "Patch", "Replace", "Transact", "Transact"] as const),
  ...(["Get", "Delete", "DeleteCollection", "List", "Watch", "Actors", "History", "Logs"] as const),
];

export function drawNative(rng: Rng): NativeRequest {
  const method = pick(rng, methods);
  const user = drawUser(rng);
  const bytes = service[method]!.requestSerialize(messageOf(rng, method));
  return { method, user, bytes: oneIn(rng, 10) ? hostileFrame(rng, bytes) : bytes };
}

function messageOf(rng: Rng, method: Method): Loose {
  const kind = pick(rng, kinds);
  switch (method) {
    case "Calls":
      return callOf(rng);
    case "Transact":
      return transactOf(rng);
    case "Get":
      return { ref: refOf(rng, kind, "named"), resourceVersion: said(rng, "resourceVersion") };
    case "List":
      return {
        ref: refOf(rng, kind, "all"),
        ...selectors(rng),
        ...revisions(rng),
        limit: count(rng),
        pageSize: count(rng),
      };
    case "Watch":
      return {
        ref: refOf(rng, kind, oneIn(rng, 3) ? "named" : "all"),
        ...selectors(rng),
        ...revisions(rng),
        bookmarks: oneIn(rng, 2),
        ...(oneIn(rng, 4) ? { sendInitialEvents: oneIn(rng, 2) } : {}),
        ...(oneIn(rng, 2) ? { timeoutSeconds: count(rng) } : {}),
      };
    case "DeleteCollection":
      return { ref: refOf(rng, kind, "all"), ...selectors(rng), options: deleteOptions(rng) };
    case "Actors":
      return { prefix: pick(rng, ["", "default/", "pods/", ...hostileTexts]) };
    case "History":
      return { ref: refOf(rng, kind, "named") };
    case "Logs":
      return {
        ref: refOf(rng, kind, "named"),
        container: pick(rng, ["", "a", ...hostileTexts]),
        follow: oneIn(rng, 2),
        previous: oneIn(rng, 4),
        ...(oneIn(rng, 3) ? { tailLines: count(rng) } : {}),
        ...(oneIn(rng, 3) ? { limitBytes: count(rng) } : {}),
        ...(oneIn(rng, 4) ? { sinceTime: pick(rng, ["2026-01-01T00:00:00Z", ...hostileTexts]) } : {}),
      };
    default:
      return operationOf(rng, method.toLowerCase() as keyof Operation);
  }
}

const operations: readonly (keyof Operation)[] = ["create", "create", "replace", "apply", "patch", "delete"];

function callOf(rng: Rng): Loose {
  const id = oneIn(rng, 20) ? pick(rng, [-1, 4_294_967_295, 2 ** 52]) : rng.below(1_000);
  if (oneIn(rng, 8)) return { id, get: messageOf(rng, "Get") };
  if (oneIn(rng, 12)) return { id, transact: transactOf(rng) };
  if (oneIn(rng, 30)) return { id };
  const name = pick(rng, operations);
  return { id, [name]: operationOf(rng, name) };
}

function transactOf(rng: Rng): Loose {
  const length = oneIn(rng, 40) ? 129 : rng.below(5);
  const list = Array.from({ length }, (): Loose => {
    const name = pick(rng, operations);
    return oneIn(rng, 40) ? {} : { [name]: operationOf(rng, name) };
  });
  return { operations: list, dryRun: oneIn(rng, 6) };
}

function operationOf(rng: Rng, name: keyof Operation): Loose {
  const kind = pick(rng, kinds);
  const ref = refOf(rng, kind, name === "create" && !oneIn(rng, 6) ? "all" : "named");
  const object = objectOf(rng, kind, ref.name || pick(rng, names), ref.namespace);
  const options = oneIn(rng, 8) ? undefined : writeOptions(rng, name === "apply");
  const json = { bytes: Buffer.from(JSON.stringify(oneIn(rng, 40) ? hostileValue(rng) : object)), contentType: "" };
  switch (name) {
    case "delete":
      return { ref, ...(oneIn(rng, 2) ? { options: deleteOptions(rng) } : {}) };
    case "patch": {
      const { bytes, contentType } = patchOf(rng, object);
      const type = ["json-patch", "merge-patch", "strategic-merge-patch"].findIndex((each) =>
        contentType.includes(`/${each}`),
      );
      return { ref, type: oneIn(rng, 20) ? pick(rng, [0, 4, -1, 2_147_483_647]) : type + 1, patch: bytes, options };
    }
    case "apply":
      return { ref, object: broken(rng, json).bytes, options, force: oneIn(rng, 2) };
    default:
      return { ref, object: broken(rng, json).bytes, options };
  }
}

function refOf(rng: Rng, kind: Kind, what: "named" | "all"): Readonly<Required<Ref>> {
  const odd = (text: string): string => (oneIn(rng, 40) ? pick(rng, hostileTexts) : text);
  const subresources = subresourcesOf(kind).map(({ name }) => name);
  const isPart = what === "named" && subresources.length > 0 && oneIn(rng, 5);
  return {
    group: odd(kind.group),
    version: oneIn(rng, 2) ? "" : odd(kind.version),
    resource: odd(kind.plural),
    namespace: kind.scope === "Namespaced" ? odd(pick(rng, namespaces)) : odd(""),
    name: what === "named" ? odd(pick(rng, names)) : odd(""),
    subresource: isPart ? pick(rng, subresources) : odd(""),
  };
}

const said = (rng: Rng, option: string): string => (oneIn(rng, 3) ? queryValue(rng, option) : "");
const count = (rng: Rng): number => pick(rng, [0, 0, 1, 2, 500, -1, 2_147_483_647, -2_147_483_648]);

function selectors(rng: Rng): Loose {
  return { labelSelector: said(rng, "labelSelector"), fieldSelector: said(rng, "fieldSelector") };
}

function revisions(rng: Rng): Loose {
  return {
    resourceVersion: said(rng, "resourceVersion"),
    resourceVersionMatch: oneIn(rng, 6) ? queryValue(rng, "resourceVersionMatch") : "",
    ...(oneIn(rng, 8) ? { continue: queryValue(rng, "continue") } : {}),
  };
}

function writeOptions(rng: Rng, isApply: boolean): Loose {
  return {
    fieldManager: isApply && !oneIn(rng, 10) ? pick(rng, ["m", "other"]) : said(rng, "fieldManager"),
    fieldValidation: said(rng, "fieldValidation"),
    dryRun: oneIn(rng, 8),
  };
}

function deleteOptions(rng: Rng): Loose {
  return {
    ...(oneIn(rng, 2) ? { gracePeriodSeconds: count(rng) } : {}),
    propagationPolicy: said(rng, "propagationPolicy"),
    uid: oneIn(rng, 10) ? pick(rng, hostileTexts) : "",
    resourceVersion: oneIn(rng, 10) ? pick(rng, hostileTexts) : "",
    dryRun: oneIn(rng, 6),
  };
}

/** Cut, flipped, doubled, random, with lengths that lie, numbers that never end, and groups in groups. */
function hostileFrame(rng: Rng, bytes: Uint8Array): Uint8Array {
  const flipped = Uint8Array.from(bytes);
  switch (rng.below(8)) {
    case 0:
      return bytes.subarray(0, rng.below(bytes.length + 1));
    case 1:
    case 2:
      for (let left = 1 + rng.below(6); left > 0 && flipped.length > 0; left -= 1) {
        flipped[rng.below(flipped.length)] = rng.below(256);
      }
      return flipped;
    case 3:
      return Buffer.concat([bytes, bytes]);
    case 4:
      return rng.bytes(rng.below(200));
    case 5:
      // A field of four gibibytes.
      return Buffer.concat([bytes, Buffer.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f)]);
    case 6:
      return Buffer.concat([bytes, Buffer.of(0x10), Buffer.alloc(20, 0xff)]);
    default:
      // Starts of groups, none of which ends.
      return Buffer.concat([bytes, Buffer.alloc(rng.below(20_000), 0x7b)]);
  }
}
