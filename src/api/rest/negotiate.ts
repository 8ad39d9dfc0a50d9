import { notAcceptable, unsupportedMediaType } from "../../kinds/status-errors.ts";

/** What a client wants to get: the first entry of `Accept` that this server can serve. */
export interface Accepted {
  readonly format: "json" | "yaml";
  readonly shape: Shape;
}

export type Shape =
  | { readonly kind: "full" }
  | { readonly kind: "table"; readonly version: "v1" | "v1beta1" }
  | { readonly kind: "partial"; readonly version: "v1" | "v1beta1" }
  | { readonly kind: "discovery"; readonly version: "v2" | "v2beta1" };

const servedTypes: readonly string[] = ["application/json", "application/yaml"];

interface Entry {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

/** Media types with parameters, best first; entries of one quality keep their order. */
export function parseAccept(header: string): readonly Entry[] {
  return header
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => {
      const [type = "", ...rest] = part.split(";").map((piece) => piece.trim());
      const parameters = new Map(
        rest.map((piece) => {
          const at = piece.indexOf("=");
          return [piece.slice(0, at < 0 ? undefined : at), at < 0 ? "" : piece.slice(at + 1)];
        }),
      );
      const quality = Number(parameters.get("q") ?? "1");
      return { type: type.toLowerCase(), parameters, quality: Number.isNaN(quality) ? 0 : quality };
    })
    .filter((entry) => entry.quality > 0)
    .toSorted((a, b) => b.quality - a.quality);
}

const plainJson: Accepted = { format: "json", shape: { kind: "full" } };

/** `shapes`: what may be asked for beside the object itself. Throws 406. */
export function negotiate(
  accept: string | undefined,
  shapes: readonly ("table" | "partial" | "discovery")[],
): Accepted {
  if (accept === undefined || accept === "" || accept === "application/json" || accept.trim() === "") return plainJson;
  for (const entry of parseAccept(accept)) {
    const format = formatOf(entry.type);
    if (format === undefined) continue;
    if (!entry.parameters.has("as")) return { format, shape: { kind: "full" } };
    const shape = shapeOf(entry);
    if (shape !== undefined && shape.kind !== "full" && shapes.includes(shape.kind)) {
      return { format, shape };
    }
  }
  throw notAcceptable(servedTypes);
}

function formatOf(type: string): "json" | "yaml" | undefined {
  switch (type) {
    case "*/*":
    case "application/*":
    case "application/json":
      return "json";
    case "application/yaml":
      return "yaml";
    default:
      return undefined;
  }
}

function shapeOf(entry: Entry): Shape | undefined {
  const as = entry.parameters.get("as");
  const group = entry.parameters.get("g");
  const version = entry.parameters.get("v");
  if (group === "meta.k8s.io" && (version === "v1" || version === "v1beta1")) {
    if (as === "Table") return { kind: "table", version };
    if (as === "PartialObjectMetadata" || as === "PartialObjectMetadataList") {
      return { kind: "partial", version };
    }
  }
  if (group === "apidiscovery.k8s.io" && as === "APIGroupDiscoveryList") {
    if (version === "v2" || version === "v2beta1") return { kind: "discovery", version };
  }
  return undefined;
}

export type BodyFormat = "json" | "yaml" | "protobuf";

/** Format of a body; an absent Content-Type means JSON. Throws 415. */
export function bodyFormat(contentType: string | undefined): BodyFormat {
  switch (mediaType(contentType)) {
    case "":
    case "application/json":
      return "json";
    case "application/yaml":
    case "application/x-yaml":
    case "text/yaml":
      return "yaml";
    case "application/vnd.kubernetes.protobuf":
      return "protobuf";
    default:
      throw unsupportedMediaType([...servedTypes, "application/vnd.kubernetes.protobuf"]);
  }
}

export function mediaType(contentType: string | undefined): string {
  if (contentType === undefined || contentType === "application/json") return contentType ?? "";
  return contentType.split(";")[0]!.trim().toLowerCase();
}
