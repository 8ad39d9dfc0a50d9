/**
 * gRPC service definitions from the `.proto` files of the project. protobufjs compiles its codecs on
 * first use, so reflection costs what generated code does, without the generated code.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js";
import protobuf from "protobufjs";

/** The checkout's (or package's) root: `dist/src/env/real` lies four folders below it. */
const root = join(import.meta.dirname, "..", "..", "..", "..");

// int64 fields hold revisions and times, all below 2^53: plain numbers, not Long objects.
(protobuf.util as { Long: unknown }).Long = undefined;
protobuf.configure();

export function readProto(file: string): string {
  return readFileSync(join(root, "proto", file), "utf8");
}

/** `loadService("node.proto", "troupe.node.v1.NodeLink")`. */
export function loadService(file: string, fullName: string): ServiceDefinition {
  const parsed = protobuf.parse(readProto(file), new protobuf.Root(), { keepCase: false }).root;
  parsed.resolveAll();
  const service = parsed.lookupService(fullName);
  const methods: Record<string, MethodDefinition<object, object>> = {};
  for (const method of service.methodsArray) {
    const request = codec(method.resolvedRequestType!);
    const response = codec(method.resolvedResponseType!);
    methods[method.name] = {
      path: `/${fullName}/${method.name}`,
      requestStream: method.requestStream === true,
      responseStream: method.responseStream === true,
      requestSerialize: request.encode,
      requestDeserialize: request.decode,
      responseSerialize: response.encode,
      responseDeserialize: response.decode,
    };
  }
  return methods;
}

interface Codec {
  readonly encode: (value: object) => Buffer;
  readonly decode: (bytes: Buffer) => object;
}

function codec(type: protobuf.Type): Codec {
  return {
    encode: (value) => Buffer.from(type.encode(value).finish()),
    decode: (bytes) => type.decode(bytes),
  };
}
