import type { ActorDirectory, ActorView } from "../../actors/runtime/actor.ts";
import type { HotRecord, Kind, KubeObject } from "../../kinds/kind.ts";
import type { RowRef } from "../../store/view.ts";
import { formatTime } from "../../util/time-format.ts";
import { apiVersionOf } from "../../kinds/catalogue.ts";

/** Kinds without rows: their objects are made when they are read. */
export interface Virtual {
  list(kind: Kind): readonly RowRef[];
  get(kind: Kind, name: string): RowRef | undefined;
}

/** `actors.troupe.dev`: who runs, in which state, under which supervisor. */
export function createVirtual(actors: ActorDirectory): Virtual {
  return {
    list: (kind) =>
      actors
        .list()
        .map((view) => actorRow(kind, view))
        .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    get: (kind, name) => {
      const view = actors.get(name);
      return view === undefined ? undefined : actorRow(kind, view);
    },
  };
}

/** `/ctl/deployment#3` as `ctl.deployment`: the name under which the directory finds it. */
function actorName(path: string): string {
  return path
    .replaceAll(/#[^/]*/g, "")
    .split("/")
    .filter((step) => step !== "")
    .join(".")
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]+/g, "-");
}

function actorRow(kind: Kind, view: ActorView): RowRef {
  const name = actorName(view.path);
  const object: KubeObject & { readonly spec: unknown; readonly status: unknown } = {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: {
      name,
      uid: view.path,
      resourceVersion: String(view.version),
      creationTimestamp: formatTime(view.since),
    },
    spec: {
      path: view.path,
      machine: view.machine,
      version: String(view.version),
      supervisor: view.supervisor,
    },
    status: {
      state: view.state,
      since: formatTime(view.since),
      restarts: view.restarts,
      mailbox: view.mailbox,
      status: view.status,
      ...(view.lastError === undefined ? {} : { lastError: view.lastError }),
    },
  };
  return rowOf(kind, object);
}

function rowOf(kind: Kind, object: KubeObject): RowRef {
  const hot: HotRecord = {
    uid: object.metadata.uid,
    labels: {},
    controller: undefined,
    owners: [],
    deleting: false,
  };
  return {
    kind: kind.id,
    namespace: "",
    name: object.metadata.name,
    revision: 0,
    createRevision: 0,
    hot,
    object: <O extends KubeObject>() => object as O,
    bytes: () => Buffer.from(JSON.stringify(object)),
  };
}
