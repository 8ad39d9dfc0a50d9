import type { JsonObject, MutableJsonObject } from "../../util/json.ts";
import type { Resource } from "../rest/resources.ts";
import { definitionsOf, dialects } from "./definitions.ts";
import { pathsOf, type Operation, type Parameter } from "./operations.ts";

/** The OpenAPI 2 (Swagger) document of everything. */
export function openApiV2(resources: readonly Resource[], version: string): JsonObject {
  const paths: MutableJsonObject = {};
  for (const { path, parameters, operations } of resources.flatMap(pathsOf)) {
    const item: MutableJsonObject = {};
    for (const operation of operations) item[operation.method] = operationOf(operation);
    if (parameters.length > 0) item["parameters"] = parameters.map(parameterOf);
    paths[path] = item;
  }
  return {
    swagger: "2.0",
    info: { title: "Troupe", version },
    paths,
    definitions: definitionsOf(resources, dialects.v2),
  };
}

function parameterOf(parameter: Parameter): MutableJsonObject {
  const { name, type, description } = parameter;
  return {
    name,
    in: parameter.in,
    description,
    type,
    ...(parameter.in === "path" ? { required: true } : {}),
  };
}

function operationOf(operation: Operation): MutableJsonObject {
  const { body, answer, kind, code, bodyTypes } = operation;
  const reference = (name: string): MutableJsonObject => ({ $ref: `${dialects.v2.prefix}${name}` });
  const parameters = operation.parameters.map(parameterOf);
  if (body !== undefined) {
    parameters.unshift({ name: "body", in: "body", required: true, schema: reference(body) });
  }
  return {
    description: operation.description,
    operationId: operation.operationId,
    consumes: [...bodyTypes],
    produces: ["application/json"],
    ...(parameters.length === 0 ? {} : { parameters }),
    responses: {
      [String(code)]: {
        description: code === 201 ? "Created" : "OK",
        ...(answer === undefined ? {} : { schema: reference(answer) }),
      },
    },
    "x-kubernetes-action": operation.action,
    "x-kubernetes-group-version-kind": { group: kind.group, version: kind.version, kind: kind.kind },
  };
}
