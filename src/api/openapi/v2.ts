import type { JsonObject, MutableJsonObject } from "../../util/json.ts";
import type { Resource } from "../rest/resources.ts";
import { definitionsOf, dialects } from "./definitions.ts";
import { answerText, pathItems, type Operation, type Parameter } from "./operations.ts";

/** The OpenAPI 2 (Swagger) document of everything. */
export function openApiV2(resources: readonly Resource[], version: string): JsonObject {
  return {
    swagger: "2.0",
    info: { title: "Troupe", version },
    paths: pathItems(resources, { operation: operationOf, parameter: parameterOf }),
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
  const { body, answer, code, bodyTypes } = operation;
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
        description: answerText(operation),
        ...(answer === undefined ? {} : { schema: reference(answer) }),
      },
    },
  };
}
