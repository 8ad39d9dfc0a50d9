import type { ActorDirectory, ActorView, ShownLetter } from "../../actors/runtime/actor.ts";
import type { HotRecord, Kind, KubeObject } from "../../kinds/kind.ts";
import type { RowRef } from "../../store/view.ts";
import { actorName } from "../../kinds/actor.ts";
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

function actorRow(kind: Kind, view: ActorView): RowRef {
  const name = view.name ?? actorName(view.path);
  const since = view.since > 0 ? formatTime(view.since) : undefined;
  const object = {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: {
      name,
      uid: view.path,
      resourceVersion: String(view.version),
      ...(since === undefined ? {} : { creationTimestamp: since }),
    },
    spec: {
      path: view.path,
      machine: view.machine,
      version: String(view.version),
      supervisor: view.supervisor,
    },
    status: {
      state: view.state,
      ...(since === undefined ? {} : { since }),
      restarts: view.restarts,
      mailbox: view.mailbox,
      status: view.status,
      ...(view.lastError === undefined ? {} : { lastError: view.lastError }),
      ...(view.slowTurns === undefined ? {} : { slowTurns: view.slowTurns }),
      ...(view.deadLetters === undefined ? {} : { deadLetters: view.deadLetters.map(letterOf) }),
    },
  };
  // No time of creation is known where no time is: the field is left out then.
  return virtualRow(kind, object as KubeObject);
}

function letterOf({ event, error, at }: ShownLetter): object {
  return { event, error, time: formatTime(at) };
}

/** An object that was made to be read, as a row: it has no revision of its own. */
export function virtualRow(kind: Kind, object: KubeObject): RowRef {
  const hot: HotRecord = {
    uid: object.metadata.uid,
    labels: {},
    controller: undefined,
    owners: [],
    deleting: false,
  };
  return {
    kind: kind.id,
    namespace: object.metadata.namespace ?? "",
    name: object.metadata.name,
    revision: 0,
    createRevision: 0,
    hot,
    object: <O extends KubeObject>() => object as O,
    bytes: () => Buffer.from(JSON.stringify(object)),
  };
}
