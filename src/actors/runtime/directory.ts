import type { ActorDirectory, ActorView } from "./actor.ts";

/** Everyone who runs actors adds a source; the API lists them as `actors.troupe.dev`. */
export interface OpenDirectory extends ActorDirectory {
  add(source: () => readonly ActorView[]): void;
}

/**
 * The name that the API uses: the path's segments joined by dots, lower case, without uid:
 * `/ctl/deployment` → `ctl.deployment`, `/obj/pods/default/web#123` → `obj.pods.default.web`.
 */
export function actorName(path: string): string {
  return path
    .replace(/#[^/]*/g, "")
    .split("/")
    .filter((segment) => segment !== "")
    .join(".")
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, "-");
}

export function createDirectory(): OpenDirectory {
  const sources: (() => readonly ActorView[])[] = [];
  const list = (): readonly ActorView[] => {
    const views = sources.flatMap((source) => source());
    return views.toSorted((left, right) => (left.path < right.path ? -1 : 1));
  };
  return {
    add: (source) => void sources.push(source),
    list,
    get: (name) => list().find((view) => actorName(view.path) === name),
  };
}
