import type { Kind, KindId, KubeObject } from "../../kinds/kind.ts";
import type { Lease } from "../../kinds/generated/types.ts";
import type { RowRef, View } from "../../store/view.ts";
import { formatMicroTime } from "../../util/time-format.ts";
import type { Millis } from "../../util/time.ts";
import { virtualRow } from "./virtual.ts";

/**
 * A node proves that it lives by its link, not by writing a row every ten seconds. Clients that ask
 * for its Lease (`kubectl describe node` does) get one made of what the link has told. A Lease that
 * somebody has stored under the same name is shown instead.
 */
export interface NodeLeases {
  /** Whether reads of this kind and namespace (empty: all) may show some. */
  covers(kind: KindId, namespace: string): boolean;
  /** The made ones that a read of this kind and namespace (empty: all) shows, in key order. */
  list(kind: KindId, namespace: string): readonly RowRef[];
  get(kind: KindId, namespace: string, name: string): RowRef | undefined;
}

export interface NodeLeaseOptions {
  readonly kind: Kind | undefined;
  /** Committed rows. */
  readonly view: View;
  /** When a node was last heard; undefined: not by this master. */
  readonly lastHeard: (node: string) => { readonly atMs: Millis } | undefined;
}

const leaseNamespace = "kube-node-lease";
/** What agents of Kubernetes claim; ours are heard every ten seconds. */
const durationSeconds = 40;

export function createNodeLeases({ kind, view, lastHeard }: NodeLeaseOptions): NodeLeases {
  const covers = (id: KindId, namespace: string): boolean =>
    id === kind?.id && (namespace === "" || namespace === leaseNamespace);
  const leaseOf = (lease: Kind, node: RowRef): RowRef | undefined => {
    if (view.get(lease.id, leaseNamespace, node.name) !== undefined) return undefined;
    return virtualRow(lease, leaseObject(node, { heard: lastHeard(node.name)?.atMs, revision: view.revision }));
  };
  return {
    covers,
    list(id, namespace) {
      if (kind === undefined || !covers(id, namespace)) return [];
      return view.list("nodes").flatMap((node) => leaseOf(kind, node) ?? []);
    },
    get(id, namespace, name) {
      if (kind === undefined || namespace !== leaseNamespace || !covers(id, namespace)) return undefined;
      const node = view.get("nodes", "", name);
      return node === undefined ? undefined : leaseOf(kind, node);
    },
  };
}

function leaseObject(
  node: RowRef,
  { heard, revision }: { readonly heard: Millis | undefined; readonly revision: number },
): KubeObject {
  const { name, hot } = node;
  const { creationTimestamp } = node.object().metadata;
  const lease: Lease = {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: {
      name,
      namespace: leaseNamespace,
      uid: uidFrom(hot.uid),
      resourceVersion: String(revision),
      creationTimestamp,
      ownerReferences: [{ apiVersion: "v1", kind: "Node", name, uid: hot.uid }],
    },
    spec: {
      holderIdentity: name,
      leaseDurationSeconds: durationSeconds,
      ...(heard === undefined ? {} : { renewTime: formatMicroTime(heard) }),
    },
  };
  return lease;
}

/** One uid for one node's lease, and never the node's own: its first group is read backwards, its version is 8. */
function uidFrom(nodeUid: string): string {
  const [first = "", ...rest] = nodeUid.split("-");
  const [second = "", third = "", ...behind] = rest;
  return [first.split("").toReversed().join(""), second, `8${third.slice(1)}`, ...behind].join("-");
}
