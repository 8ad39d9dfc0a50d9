/** Every namespace has a ConfigMap with the certificate that pods verify the API with. Edits are undone. */
import type { ConfigMap } from "../../kinds/generated/types.ts";
import { jsonEqual } from "../../util/equal.ts";
import { nothing, type Controller } from "../runtime/controller.ts";
import { watchInNamespace, watchOwn } from "./common/keys.ts";
import { create, draftOf, update } from "./common/writes.ts";

const kind = "configmaps";
const name = "kube-root-ca.crt";
const descriptionAnnotation = "kubernetes.io/description";
const description =
  "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints " +
  "such as the internal service IP or kubernetes.default.svc. " +
  "No other usage is guaranteed across distributions of Kubernetes clusters.";

/** `certificate`: PEM of the authorities; asked at every plan, and when `onChange` tells that they changed. */
export function createRootCa(certificate: () => string, onChange?: (run: () => void) => () => void): Controller {
  return {
    ...(onChange === undefined ? {} : { follow: (again) => onChange(() => again()) }),
    name: "root-ca",
    source: "root-ca-cert-publisher",
    about: "namespaces",
    watches: [watchOwn("namespaces"), watchInNamespace(kind, name)],
    writes: [kind],
    plan: (view, namespace) => {
      const row = view.get("namespaces", "", namespace);
      if (row === undefined || row.hot.deleting) return nothing;
      const data = { "ca.crt": certificate() };
      const old = view.get(kind, namespace, name);
      if (old === undefined) {
        const metadata = { name, namespace, annotations: { [descriptionAnnotation]: description } };
        return { writes: [create(kind, { apiVersion: "v1", kind: "ConfigMap", metadata, data })] };
      }
      const stored = old.object<ConfigMap>();
      const annotations = { ...stored.metadata.annotations, [descriptionAnnotation]: description };
      const isSame =
        jsonEqual(stored.data ?? {}, data) && stored.metadata.annotations?.[descriptionAnnotation] === description;
      return isSame || old.hot.deleting
        ? nothing
        : { writes: [update(old, draftOf(stored, { data, binaryData: undefined }, { annotations }))] };
    },
  };
}
