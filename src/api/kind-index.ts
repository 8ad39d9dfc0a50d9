import { apiVersionOf } from "../kinds/catalogue.ts";
import type { Kind, KindId } from "../kinds/kind.ts";

/** The catalogue, by the names that requests use. */
export interface KindIndex {
  readonly all: readonly Kind[];
  byId(id: KindId): Kind | undefined;
  byResource(group: string, version: string, plural: string): Kind | undefined;
  byKind(apiVersion: string, kind: string): Kind | undefined;
}

export function indexKinds(kinds: readonly Kind[]): KindIndex {
  const ids = new Map(kinds.map((kind) => [kind.id, kind]));
  const plurals = new Map<string, readonly Kind[]>();
  for (const kind of kinds) plurals.set(kind.plural, [...(plurals.get(kind.plural) ?? []), kind]);
  const names = new Map(kinds.map((kind) => [`${apiVersionOf(kind)} ${kind.kind}`, kind]));
  return {
    all: kinds,
    byId: (id) => ids.get(id),
    byResource(group, version, plural) {
      for (const kind of plurals.get(plural) ?? []) if (kind.group === group && kind.version === version) return kind;
      return undefined;
    },
    byKind: (apiVersion, kind) => names.get(`${apiVersion} ${kind}`),
  };
}

/** `Deployment.apps`: how a 422 names the kind. */
export function qualifiedKind(kind: { readonly group: string; readonly kind: string }): string {
  return kind.group === "" ? kind.kind : `${kind.kind}.${kind.group}`;
}
