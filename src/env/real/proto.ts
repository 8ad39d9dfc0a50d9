/**
 * gRPC service definitions from the `.proto` files of the project. protobufjs compiles its codecs on
 * first use, so reflection costs what generated code does, without the generated code.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js";
import type * as Protobuf from "protobufjs";
import { protobuf } from "../packages.ts";

let configured: typeof Protobuf | undefined;

function library(): typeof Protobuf {
  if (configured !== undefined) return configured;
  configured = protobuf();
  // int64 fields hold revisions and times, all below 2^53: plain numbers, not Long objects.
  (configured.util as { Long: unknown }).Long = undefined;
  configured.configure();
  return configured;
}

function readProto(file: string): string {
  // By the package's own name: this code lies elsewhere in the bundle than among the sources.
  const root = dirname(createRequire(import.meta.url).resolve("troupe/package.json"));
  return readFileSync(join(root, "proto", file), "utf8");
}

/** `loadService("node.proto", "troupe.node.v1.NodeLink")`. */
export function loadService(file: string, fullName: string): ServiceDefinition {
  return definitionOf(parseProto(file).lookupService(fullName));
}

/** One `.proto` file with a service, and its description for the reflection service. */
export interface ProtoService {
  /** `troupe.v1.Api`. */
  readonly name: string;
  readonly definition: ServiceDefinition;
  /** Full names of the service, its methods, and all types of the file. */
  readonly symbols: readonly string[];
  /** A serialised FileDescriptorProto, and the name that it gives itself. Made when it is asked for. */
  readonly describe: () => Promise<{ readonly name: string; readonly bytes: Uint8Array }>;
}

/** `loadProtoService("api.proto", "troupe.v1.Api")`. */
export function loadProtoService(file: string, fullName: string): ProtoService {
  const root = parseProto(file);
  const service = root.lookupService(fullName);
  const types: string[] = [];
  walk(root, (found) => types.push(found.fullName.slice(1)));
  let described: ReturnType<typeof describe> | undefined;
  return {
    name: fullName,
    definition: definitionOf(service),
    symbols: [fullName, ...service.methodsArray.map(({ name }) => `${fullName}.${name}`), ...types],
    describe: () => (described ??= describe(file)),
  };
}

function parseProto(file: string, keepCase = false): Protobuf.Root {
  const { parse, Root } = library();
  const parsed = parse(readProto(file), new Root(), { keepCase }).root;
  parsed.resolveAll();
  return parsed;
}

function walk(within: Protobuf.NamespaceBase, visit: (found: Protobuf.Type | Protobuf.Enum) => void): void {
  const { Enum, Namespace, Type } = library();
  for (const nested of within.nestedArray) {
    if (nested instanceof Type || nested instanceof Enum) visit(nested);
    if (nested instanceof Namespace) walk(nested, visit);
  }
}

/** Descriptors name fields as the file does, so it is parsed once more, with its own spelling. */
async function describe(file: string): Promise<{ readonly name: string; readonly bytes: Uint8Array }> {
  // Teaches the library `toDescriptor`.
  await import("protobufjs/ext/descriptor.js");
  const root = parseProto(file, true);
  const set = root.toDescriptor("proto3");
  const [described] = set.file ?? [];
  if (described === undefined) throw new Error(`${file} describes nothing`);
  for (const message of described.messageType ?? []) qualify(root, described.package ?? "", message);
  const bytes = set.$type.root.lookupType("google.protobuf.FileDescriptorProto").encode(described).finish();
  return { name: described.name ?? file, bytes };
}

interface MessageDescriptor {
  readonly name?: string | null;
  readonly field?: { typeName?: string | null }[] | null;
  readonly nestedType?: MessageDescriptor[] | null;
}

/** Readers of descriptors want full names of types; the library writes those of the source. */
function qualify(root: Protobuf.Root, scope: string, message: MessageDescriptor): void {
  const name = `${scope}.${message.name ?? ""}`;
  const type = root.lookupType(name);
  for (const field of message.field ?? []) {
    const { typeName } = field;
    if (typeName == null || typeName === "" || typeName.startsWith(".")) continue;
    field.typeName = type.lookupTypeOrEnum(typeName).fullName;
  }
  for (const nested of message.nestedType ?? []) qualify(root, name, nested);
}

function definitionOf(service: Protobuf.Service): ServiceDefinition {
  const fullName = service.fullName.slice(1);
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

function codec(type: Protobuf.Type): Codec {
  return {
    encode(value) {
      const bytes = type.encode(value).finish();
      return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes);
    },
    decode: (bytes) => type.decode(bytes),
  };
}
