import type { Crypto } from "../../env/env.ts";
import { apiVersionOf } from "../../kinds/catalogue.ts";
import { pathNotFound } from "../../kinds/status-errors.ts";
import { formatHttpDate } from "../../util/time-format.ts";
import type { Call } from "../rest/call.ts";
import type { Resource } from "../rest/resources.ts";
import { respond, type Headers } from "../rest/respond.ts";
import { encodeOpenApiV2 } from "./gnostic.ts";
import { openApiV2 } from "./v2.ts";
import { openApiV3 } from "./v3.ts";

/** Serves the OpenAPI documents; each is made when it is first asked for. */
export interface OpenApi {
  serve(call: Call): void;
}

export interface OpenApiOptions {
  readonly resources: readonly Resource[];
  readonly crypto: Crypto;
  readonly version: string;
}

interface Document {
  readonly body: Uint8Array;
  /** Of the content, in hexadecimal. */
  readonly hash: string;
  readonly contentType: string;
}

export function createOpenApi(options: OpenApiOptions): OpenApi {
  const { crypto, resources, version } = options;
  const groups = new Map<string, Resource[]>();
  for (const resource of resources) {
    const path = `${resource.group === "" ? "api" : "apis"}/${apiVersionOf(resource)}`;
    const list = groups.get(path);
    if (list === undefined) groups.set(path, [resource]);
    else list.push(resource);
  }
  const made = new Map<string, Document>();
  const document = (key: string, contentType: string, make: () => Uint8Array): Document => {
    const known = made.get(key);
    if (known !== undefined) return known;
    const body = make();
    const hash = Buffer.from(crypto.sha256(body)).toString("hex").toUpperCase();
    const fresh = { body, hash, contentType };
    made.set(key, fresh);
    return fresh;
  };
  const group = (path: string): Document =>
    document(path, json, () => Buffer.from(JSON.stringify(openApiV3(groups.get(path) ?? [], version))));
  const index = (): Document =>
    document("v3", json, () => {
      const paths = [...groups.keys()].map((path) => {
        return [path, { serverRelativeURL: addressOf(path, group(path)) }];
      });
      return Buffer.from(JSON.stringify({ paths: Object.fromEntries(paths) }));
    });
  const v2 = (accept: string): Document =>
    accept.includes("proto-openapi.spec.v2")
      ? document("v2 protobuf", protobuf, () => encodeOpenApiV2(openApiV2(resources, version)))
      : document("v2", json, () => Buffer.from(JSON.stringify(openApiV2(resources, version))));
  return {
    serve: (call) => {
      const [, family = "", ...rest] = call.target.steps;
      if (family === "v2" && rest.length === 0) {
        return send(call, v2(call.exchange.headers["accept"] ?? ""));
      }
      if (family !== "v3") throw pathNotFound();
      if (rest.length === 0) return send(call, index());
      const path = rest.join("/");
      if (!groups.has(path)) throw pathNotFound();
      const document = group(path);
      const asked = call.target.query.get("hash") ?? "";
      if (asked !== "" && asked !== document.hash) return redirect(call, addressOf(path, document));
      return send(call, document);
    },
  };
}

const json = "application/json";
const protobuf = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

function addressOf(path: string, { hash }: Document): string {
  return `/openapi/v3/${path}?hash=${hash}`;
}

/** The address names content that has changed since. */
function redirect({ exchange }: Call, location: string): void {
  const headers = { location, vary: "Accept" };
  respond(exchange, { code: 301, contentType: "text/html; charset=utf-8", body: new Uint8Array(), headers });
}

const yearMs = 365 * 86_400_000;

/** For caches that read no `max-age`. */
function inAYear({ door }: Call): string {
  return formatHttpDate(door.env.clock.wall() + yearMs);
}

function send(call: Call, document: Document): void {
  const { exchange, target } = call;
  const { body, hash, contentType } = document;
  const etag = `"${hash}"`;
  const isHashed = target.query.get("hash") === hash;
  const headers: Headers = {
    etag,
    vary: "Accept",
    // The address names the content, so that it never has to be asked for again.
    ...(isHashed ? { "cache-control": `public, immutable, max-age=${yearMs / 1_000}`, expires: inAYear(call) } : {}),
  };
  if ((exchange.headers["if-none-match"] ?? "").includes(etag)) {
    respond(exchange, { code: 304, contentType, body: new Uint8Array(), headers });
  } else {
    respond(exchange, { code: 200, contentType, body, headers });
  }
}
