import { age } from "../util/duration.ts";
import type { Millis } from "../util/time.ts";
import type { Column, KubeObject } from "./kind.ts";

/** Columns and cells that many kinds share. */

export const nameColumn: Column = {
  name: "Name",
  type: "string",
  format: "name",
  priority: 0,
  description: "Name of the object, unique among its kind in its namespace.",
};

export const ageColumn: Column = {
  name: "Age",
  type: "string",
  priority: 0,
  description: "Time since the object was created.",
};

export function column(
  name: string,
  description: string,
  options: { readonly type?: Column["type"]; readonly wide?: true } = {},
): Column {
  return {
    name,
    type: options.type ?? "string",
    priority: options.wide === true ? 1 : 0,
    description,
  };
}

export const templateColumns: readonly Column[] = [
  column("Containers", "Names of the containers in the pod template.", { wide: true }),
  column("Images", "Images of the containers in the pod template.", { wide: true }),
  column("Selector", "Labels by which pods belong to the object.", { wide: true }),
];

export function ageOf(object: KubeObject, now: Millis): string {
  return age(object.metadata.creationTimestamp, now);
}
