/** Every namespace has a ServiceAccount `default`, which pods use that name none. */
import { nothing, type Controller } from "../runtime/controller.ts";
import { watchInNamespace, watchOwn } from "./common/keys.ts";
import { create } from "./common/writes.ts";

const kind = "serviceaccounts";
const name = "default";

export const serviceaccount: Controller = {
  name: "serviceaccount",
  source: "service-account-controller",
  about: "namespaces",
  watches: [watchOwn("namespaces"), watchInNamespace(kind, name)],
  writes: [kind],
  plan: (view, namespace) => {
    const row = view.get("namespaces", "", namespace);
    if (row === undefined || row.hot.deleting) return nothing;
    if (view.get(kind, namespace, name) !== undefined) return nothing;
    const object = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace } };
    return { writes: [create(kind, object)] };
  },
};
