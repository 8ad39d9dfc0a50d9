/** Objects as a test hands them over: one, several, or the text of a manifest file. */
import type { Manifest } from "./cluster-api.ts";

/** Throws what is wrong with the text: SyntaxError. */
export async function manifestsOf(objects: Manifest | readonly Manifest[] | string): Promise<readonly Manifest[]> {
  if (typeof objects !== "string") return [objects].flat() as readonly Manifest[];
  // Most tests bring objects, and the parser costs each of them as much as a small cluster.
  const { parseAllDocuments } = await import("yaml");
  return parseAllDocuments(objects).flatMap((document): readonly Manifest[] => {
    const [problem] = document.errors;
    if (problem !== undefined) throw new SyntaxError(problem.message);
    const value: unknown = document.toJS();
    return value === null ? [] : itemsOf(value);
  });
}

function itemsOf(value: unknown): readonly Manifest[] {
  if (isList(value)) return value.items.flatMap(itemsOf);
  if (!isManifest(value)) throw new SyntaxError("an object of a manifest says its apiVersion, kind and metadata.name");
  return [value];
}

function isList(value: unknown): value is { readonly items: readonly unknown[] } {
  const { kind, items } = (value ?? {}) as Record<string, unknown>;
  return typeof kind === "string" && kind.endsWith("List") && Array.isArray(items);
}

function isManifest(value: unknown): value is Manifest {
  const { apiVersion, kind, metadata } = (value ?? {}) as Record<string, unknown>;
  const { name } = (metadata ?? {}) as Record<string, unknown>;
  return typeof apiVersion === "string" && typeof kind === "string" && typeof name === "string";
}
