import type { Kind, KindId } from "../../kinds/kind.ts";

/** The supervision tree of a master; its parts name their places below these. */
export const rootPath = "/";
export const leaderPath = "/leader";
export const objectsPath = "/leader/objects";
export const timersPath = "/leader/timers";
export const controllersPath = "/ctl";
export const schedulerPath = "/sched";

/** Path of an object actor: `/obj/apps/deployments/default/web#<uid>`; cluster scope is `-`. */
export function objectPath(
  kind: Kind,
  row: { readonly namespace: string; readonly name: string },
  uid: string,
): string {
  const group = kind.group === "" ? "core" : kind.group;
  const namespace = row.namespace === "" ? "-" : row.namespace;
  return `/obj/${group}/${kind.plural}/${namespace}/${row.name}#${uid}`;
}

/** A version of a machine that is left out of use. */
export function breakerPath({ machine, version }: { readonly machine: string; readonly version: number }): string {
  return `${objectsPath}/${machine}-v${version}`;
}

export interface ObjectAddress {
  readonly kind: KindId;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** The row that an object actor's path names; undefined for other actors. */
export function addressOf(path: string): ObjectAddress | undefined {
  const match = /^\/obj\/([^/]+)\/([^/]+)\/([^/]+)\/([^#]+)#(.*)$/.exec(path);
  if (match === null) return undefined;
  const [, group = "", plural = "", namespace = "", name = "", uid = ""] = match;
  return {
    kind: group === "core" ? plural : `${plural}.${group}`,
    namespace: namespace === "-" ? "" : namespace,
    name,
    uid,
  };
}
