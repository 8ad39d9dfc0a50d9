import type { Json, JsonObject } from "../../util/json.ts";
import { isList, isObject } from "../json-values.ts";

/**
 * OpenAPI 2 as protobuf: the message `openapi.v2.Document` of gnostic, which kubectl up to 1.28
 * reads. Only what `v2.ts` makes is known here. Vendor extensions carry YAML text; JSON is YAML.
 */
export function encodeOpenApiV2(document: JsonObject): Uint8Array {
  const info = objectAt(document, "info");
  return join([
    text(1, document["swagger"]),
    part(2, [text(1, info["title"]), text(2, info["version"])]),
    part(
      8,
      members(objectAt(document, "paths")).map(([path, item]) => part(2, [text(1, path), part(2, pathItem(item))])),
    ),
    part(9, members(objectAt(document, "definitions")).map(namedSchema)),
  ]);
}

type Piece = Uint8Array;

const encoder = new TextEncoder();

function varint(value: number): Piece {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

function join(pieces: readonly Piece[]): Piece {
  return Buffer.concat(pieces);
}

const nothing = new Uint8Array();

/** A length-delimited field; present even when empty, because presence says something. */
function bytesField(number: number, bytes: Piece): Piece {
  return join([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

function part(number: number, pieces: readonly Piece[]): Piece {
  return bytesField(number, join(pieces));
}

function text(number: number, value: Json | undefined): Piece {
  return typeof value === "string" && value !== "" ? bytesField(number, encoder.encode(value)) : nothing;
}

function flag(number: number, value: Json | undefined): Piece {
  return value === true ? join([varint(number * 8), varint(1)]) : nothing;
}

function texts(number: number, value: Json | undefined): Piece {
  return isList(value) ? join(value.map((item) => text(number, item))) : nothing;
}

function objectAt(object: JsonObject, name: string): JsonObject {
  const value = object[name];
  return isObject(value) ? value : {};
}

function members(object: JsonObject): readonly (readonly [string, JsonObject])[] {
  return Object.entries(object).flatMap(([name, value]) => (isObject(value) ? [[name, value]] : []));
}

const methods = [
  ["get", 2],
  ["put", 3],
  ["post", 4],
  ["delete", 5],
  ["patch", 8],
] as const;

function pathItem(item: JsonObject): readonly Piece[] {
  const operations = methods.flatMap(([method, number]) => {
    const operation = item[method];
    return isObject(operation) ? [part(number, operationPieces(operation))] : [];
  });
  return [...operations, parameters(9, item["parameters"])];
}

function operationPieces(operation: JsonObject): readonly Piece[] {
  return [
    text(3, operation["description"]),
    text(5, operation["operationId"]),
    texts(6, operation["produces"]),
    texts(7, operation["consumes"]),
    parameters(8, operation["parameters"]),
    part(
      9,
      members(objectAt(operation, "responses")).map(([code, response]) =>
        part(1, [text(1, code), part(2, [part(1, responsePieces(response))])]),
      ),
    ),
    extensions(13, operation),
  ];
}

function responsePieces(response: JsonObject): readonly Piece[] {
  const schema = response["schema"];
  return [text(1, response["description"]), isObject(schema) ? part(2, [part(1, schemaPieces(schema))]) : nothing];
}

function parameters(number: number, value: Json | undefined): Piece {
  if (!isList(value)) return nothing;
  return join(value.filter(isObject).map((parameter) => part(number, [part(1, [parameterPiece(parameter)])])));
}

function parameterPiece(parameter: JsonObject): Piece {
  const { name, description, required, type } = parameter;
  const place = parameter["in"];
  if (place === "body") {
    return part(1, [
      text(1, description),
      text(2, name),
      text(3, place),
      flag(4, required),
      part(5, schemaPieces(objectAt(parameter, "schema"))),
    ]);
  }
  const common = [flag(1, required), text(2, place), text(3, description), text(4, name)];
  return place === "path"
    ? part(2, [part(4, [...common, text(5, type)])])
    : part(2, [part(3, [...common, text(6, type)])]);
}

function namedSchema([name, schema]: readonly [string, JsonObject]): Piece {
  return part(1, [text(1, name), part(2, schemaPieces(schema))]);
}

function schemaPieces(schema: JsonObject): readonly Piece[] {
  const { items, additionalProperties, properties, type } = schema;
  const fallback = schema["default"];
  return [
    text(1, schema["$ref"]),
    text(2, schema["format"]),
    text(4, schema["description"]),
    fallback === undefined ? nothing : part(5, [text(2, JSON.stringify(fallback))]),
    texts(19, schema["required"]),
    isObject(additionalProperties) ? part(21, [part(1, schemaPieces(additionalProperties))]) : nothing,
    type === undefined ? nothing : part(22, [text(1, type)]),
    isObject(items) ? part(23, [part(1, schemaPieces(items))]) : nothing,
    isObject(properties) ? part(25, members(properties).map(namedSchema)) : nothing,
    extensions(31, schema),
  ];
}

function extensions(number: number, object: JsonObject): Piece {
  return join(
    Object.entries(object)
      .filter(([name]) => name.startsWith("x-"))
      .map(([name, value]) => part(number, [text(1, name), part(2, [text(2, JSON.stringify(value))])])),
  );
}
