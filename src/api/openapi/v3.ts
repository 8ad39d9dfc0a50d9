import type { Json, MutableJson, MutableJsonObject } from "../../util/json.ts";
import type { Resource } from "../rest/resources.ts";
import { definitionsOf, dialects } from "./definitions.ts";
import { answerText, pathItems, type Operation, type Parameter } from "./operations.ts";

/** The OpenAPI 3 document of one group and version. */
export function openApiV3(resources: readonly Resource[], version: string): Json {
  return {
    openapi: "3.0.0",
    info: { title: "Troupe", version },
    paths: pathItems(resources, { operation: operationOf, parameter: parameterOf }),
    components: { schemas: definitionsOf(resources, dialects.v3) },
  };
}

function parameterOf(parameter: Parameter): MutableJsonObject {
  const { name, type, description } = parameter;
  return {
    name,
    in: parameter.in,
    description,
    ...(parameter.in === "path" ? { required: true } : {}),
    schema: { type, uniqueItems: true },
  };
}

function content(types: readonly string[], name: string): MutableJsonObject {
  const schema = (): MutableJson => ({ $ref: `${dialects.v3.prefix}${name}` });
  return Object.fromEntries(types.map((type) => [type, { schema: schema() }]));
}

function operationOf(operation: Operation): MutableJsonObject {
  const { body, answer, code } = operation;
  return {
    description: operation.description,
    operationId: operation.operationId,
    ...(operation.parameters.length === 0 ? {} : { parameters: operation.parameters.map(parameterOf) }),
    ...(body === undefined ? {} : { requestBody: { content: content(operation.bodyTypes, body), required: true } }),
    responses: {
      [String(code)]: {
        description: answerText(operation),
        ...(answer === undefined ? {} : { content: content(["application/json"], answer) }),
      },
      "401": { description: "Unauthorized" },
    },
  };
}
