/**
 * Namespace: empties a namespace that is being deleted, pods first (so that network policies and
 * the like outlive them), then all the rest in pages, and lets it go when nothing is left.
 */
import type { Namespace } from "../../kinds/generated/types.ts";
import type { RowRef, TimedView } from "../../store/view.ts";
import { jsonEqual } from "../../util/equal.ts";
import { nothing, type Controller, type ControllerWatch, type Plan } from "../runtime/controller.ts";
import { watchOwn } from "./common/keys.ts";
import { rowKinds, type ServedKind } from "./common/served-kinds.ts";
import { draftOf, remove, updateStatus, updateSubresource } from "./common/writes.ts";
import { planWritesMax } from "./limits.ts";
import { terminatingConditions, type Remains } from "./namespace/conditions.ts";

const kind = "namespaces";
const finalizer = "kubernetes";

export function createNamespaceController(kinds: readonly ServedKind[]): Controller {
  const namespaced = rowKinds(kinds).filter(({ scope }) => scope === "Namespaced");
  return {
    name: "namespace",
    source: "namespace-controller",
    about: "namespaces",
    watches: [watchOwn(kind), ...namespaced.map(watchContent)],
    writes: [kind, ...namespaced.map(({ id }) => id)],
    plan: (view, key) => plan(view, key, namespaced),
  };
}

/** What happens inside a namespace matters only while it ends. */
function watchContent({ id }: ServedKind): ControllerWatch {
  return {
    kind: id,
    keys: (view, previous, next) => {
      const { namespace } = (next ?? previous)!;
      return view.get(kind, "", namespace)?.hot.deleting === true ? [namespace] : [];
    },
  };
}

function plan(view: TimedView, key: string, kinds: readonly ServedKind[]): Plan {
  const row = view.get(kind, "", key);
  if (row === undefined || !row.hot.deleting) return nothing;
  const object = row.object<Namespace>();
  const { finalizers = [] } = object.spec;
  if (!finalizers.includes(finalizer)) return nothing;
  const contents = kinds
    .map((served): Remains => ({ served, rows: view.list(served.id, { namespace: key }) }))
    .filter(({ rows }) => rows.length > 0);
  const pods = contents.filter(({ served }) => served.id === "pods");
  const doomed = (pods.length > 0 ? pods : contents).flatMap(({ rows }) => rows.filter(isLive));
  if (doomed.length > 0) {
    const writes = doomed.slice(0, planWritesMax).map((each) => remove(each));
    return { writes, more: true };
  }
  if (contents.length > 0) {
    const status = {
      ...object.status,
      conditions: terminatingConditions(object.status?.conditions ?? [], contents, view.now),
    };
    return jsonEqual(status, object.status) ? nothing : { writes: [updateStatus(row, object, status)] };
  }
  const rest = finalizers.filter((each) => each !== finalizer);
  const spec = { ...object.spec, finalizers: rest };
  return { writes: [updateSubresource(row, "finalize", draftOf(object, { spec }))] };
}

function isLive(row: RowRef): boolean {
  return !row.hot.deleting;
}
