/**
 * Objects as people and programs want to see them. Secrets show how long their values are, not what
 * they are, unless that was asked for.
 */
import { stringify } from "yaml";
import type { Kind, KubeObject } from "../kinds/kind.ts";
import { base64Length } from "../util/base64.ts";
import { table } from "./output.ts";

export type Output = "table" | "wide" | "json" | "yaml" | "name";
export const outputs: readonly Output[] = ["table", "wide", "json", "yaml", "name"];

/** Rows for people, not objects for programs. */
export const isTable = (output: Output): boolean => output === "table" || output === "wide";

export interface ShowOptions {
  readonly kind: Kind;
  readonly output: Output;
  readonly withNamespace: boolean;
  readonly showSecrets: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** `single`: one object was asked for by name. */
export function showObjects(objects: readonly KubeObject[], options: ShowOptions, single: boolean): string {
  const { output, kind, showSecrets } = options;
  if (output === "name") return objects.map((object) => nameOf(kind, object)).join("\n");
  if (isTable(output))
    return table(
      headerOf(options),
      objects.map((object) => rowOf(object, options)),
    );
  const shown = objects.map((object) => withoutManagers(showSecrets ? object : withoutSecrets(kind, object)));
  const value = single && shown.length === 1 ? shown[0] : { apiVersion: "v1", kind: "List", items: shown };
  return output === "json" ? JSON.stringify(value, undefined, 2) : stringify(value, { lineWidth: 0 }).trimEnd();
}

/** Who owns which field is for programs. */
function withoutManagers(object: KubeObject): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** `deployment.apps/hello`. */
export function nameOf({ singular, group }: Kind, { metadata }: KubeObject): string {
  return `${group === "" ? singular : `${singular}.${group}`}/${metadata.name}`;
}

/** Columns of a priority above 0 are for the wide form alone. */
const isShown = (priority: number, output: Output): boolean => priority === 0 || output === "wide";

export function headerOf({ kind, output, withNamespace }: ShowOptions): readonly string[] {
  const columns = kind.columns
    .filter(({ priority }) => isShown(priority, output))
    .map(({ name }) => name.toUpperCase());
  return withNamespace ? ["NAMESPACE", ...columns] : columns;
}

export function rowOf(object: KubeObject, { kind, output, withNamespace, now }: ShowOptions): readonly string[] {
  const { cells } = kind.row(object, now);
  const shown = kind.columns.flatMap(({ priority }, at) =>
    isShown(priority, output) ? [cells[at] == null ? "<none>" : String(cells[at])] : [],
  );
  return withNamespace ? [object.metadata.namespace ?? "", ...shown] : shown;
}

/** Where client-side apply keeps a whole copy of what was sent. */
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

/** Kinds that are sealed at rest are not printed either: each value becomes its length. */
export function withoutSecrets(kind: Kind, object: KubeObject): KubeObject {
  if (kind.sealed !== true) return object;
  const { data, stringData } = object as KubeObject & Record<"data" | "stringData", Record<string, string> | undefined>;
  const lengths = (values: Readonly<Record<string, string>>, length: (value: string) => number): object =>
    Object.fromEntries(Object.entries(values).map(([key, value]) => [key, `<${length(value)} bytes>`]));
  const { annotations, ...metadata } = object.metadata;
  const kept = Object.entries(annotations ?? {}).filter(([name]) => name !== lastApplied);
  return {
    ...object,
    metadata: { ...metadata, ...(kept.length === 0 ? {} : { annotations: Object.fromEntries(kept) }) },
    ...(data === undefined ? {} : { data: lengths(data, base64Length) }),
    ...(stringData === undefined ? {} : { stringData: lengths(stringData, (value) => Buffer.byteLength(value)) }),
  } as KubeObject;
}
