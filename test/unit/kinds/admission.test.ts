import test from "ava";
import type { Transaction, WriteRequest } from "../../../src/actors/runtime/command.ts";
import type { Admission } from "../../../src/api/admission/admission.ts";
import { defaultTolerations } from "../../../src/api/admission/default-tolerations.ts";
import { priority } from "../../../src/api/admission/priority.ts";
import { podServiceAccount } from "../../../src/api/admission/pod-service-account.ts";
import { createServiceAllocation } from "../../../src/api/admission/service-allocation.ts";
import type { Rng } from "../../../src/env/env.ts";
import { kindById } from "../../../src/kinds/catalogue.ts";
import { decodeJson } from "../../../src/kinds/decode-json.ts";
import { applyDefaults } from "../../../src/kinds/defaults.ts";
import type { PodSpec, ServiceSpec } from "../../../src/kinds/generated/types.ts";
import { hotRecord, indexValues } from "../../../src/kinds/hot.ts";
import type { Draft, Kind, KubeObject } from "../../../src/kinds/kind.ts";
import { prepareUpdate } from "../../../src/kinds/prepare.ts";
import type { RowRef } from "../../../src/store/view.ts";
import { StatusError } from "../../../src/util/errors.ts";
import type { Json } from "../../../src/util/json.ts";

function kindOf(id: string): Kind {
  const kind = kindById(id);
  if (kind === undefined) throw new Error(`no kind ${id}`);
  return kind;
}

/** Rows in memory, and a random source that counts up: enough of a transaction for admission. */
class Rows {
  readonly objects: KubeObject[] = [];
  private drawn = 0;
  readonly random: Rng = {
    u32: () => (this.drawn += 1),
    below: (bound) => (this.drawn += 1) % bound,
    bytes: (length) => new Uint8Array(length),
    uuid: () => "00000000-0000-4000-8000-000000000000",
  };

  private ref(kind: Kind, object: KubeObject): RowRef {
    return {
      kind: kind.id,
      namespace: object.metadata.namespace ?? "",
      name: object.metadata.name,
      revision: 1,
      createRevision: 1,
      hot: hotRecord(kind, object),
      object: <O extends KubeObject>() => object as O,
      bytes: () => new Uint8Array(),
    };
  }

  private rows(id: string): readonly RowRef[] {
    const kind = kindOf(id);
    return this.objects.filter((object) => object.kind === kind.kind).map((object) => this.ref(kind, object));
  }

  get transaction(): Transaction {
    return {
      revision: 1,
      now: 0,
      random: this.random,
      get: (id, namespace, name) => this.rows(id).find((row) => row.namespace === namespace && row.name === name),
      list: (id) => this.rows(id),
      index: (id, index, value) =>
        this.rows(id).filter((row) => indexValues(kindOf(id), index, row.hot).includes(value)),
      put: () => {
        throw new Error("not here");
      },
      remove: () => 0,
      note: () => {},
    };
  }

  admit(admission: Admission, kind: Kind, draft: Draft, old?: KubeObject): void {
    const request: WriteRequest = {
      verb: old === undefined ? "create" : "update",
      kind: kind.id,
      namespace: "n",
      name: draft.metadata.name ?? "",
      user: { name: "test", groups: [] },
    };
    if (!admission.applies(kind, request)) return;
    admission.admit({ transaction: this.transaction, kind, request, draft, old });
  }
}

function draftOf(id: string, name: string, spec: Json): Draft {
  const kind = kindOf(id);
  const body = { apiVersion: "v1", kind: kind.kind, metadata: { name, namespace: "n" }, spec };
  const { draft, errors } = decodeJson(kind.schema, body, { validation: "Strict" });
  if (errors.length > 0) throw new Error(errors.join());
  applyDefaults(kind, draft);
  return draft;
}

const small = { clusterCidrs: ["10.0.0.0/28"], nodePorts: { from: 30_000, to: 30_100 } };

function createServices(ranges = small): {
  readonly create: (name: string, spec: Json) => ServiceSpec;
  readonly update: (name: string, spec: Json) => ServiceSpec;
  readonly refused: (run: () => unknown) => string;
} {
  const rows = new Rows();
  const admission = createServiceAllocation(ranges);
  const kind = kindOf("services");
  return {
    create: (name, spec) => {
      const draft = draftOf("services", name, spec);
      rows.admit(admission, kind, draft);
      rows.objects.push(draft as unknown as KubeObject);
      return draft["spec"] as ServiceSpec;
    },
    update: (name, spec) => {
      const old = rows.objects.find((object) => object.metadata.name === name);
      if (old === undefined) throw new Error(`no service ${name}`);
      const draft = draftOf("services", name, spec);
      prepareUpdate(kind, draft, old, { now: 0, user: "test" });
      rows.admit(admission, kind, draft, old);
      rows.objects[rows.objects.indexOf(old)] = draft as unknown as KubeObject;
      return draft["spec"] as ServiceSpec;
    },
    refused: (run) => {
      try {
        run();
      } catch (error) {
        if (error instanceof StatusError) return `${error.status.code} ${error.message}`;
        throw error;
      }
      return "accepted";
    },
  };
}

const port80 = { ports: [{ port: 80 }] };

test("a plain Service gets one address, one family and Kubernetes' defaults", (t) => {
  const { create } = createServices();
  t.like(create("a", port80), {
    type: "ClusterIP",
    clusterIP: "10.0.0.2",
    clusterIPs: ["10.0.0.2"],
    ipFamilies: ["IPv4"],
    ipFamilyPolicy: "SingleStack",
    sessionAffinity: "None",
    internalTrafficPolicy: "Cluster",
    ports: [{ port: 80, protocol: "TCP", targetPort: 80 }],
  });
});

test("a range of 16 holds 14 Services, and the next one is told that it is full", (t) => {
  const { create, refused } = createServices();
  const ips = Array.from({ length: 14 }, (_, index) => create(`s${index}`, port80).clusterIP);
  t.is(new Set(ips).size, 14);
  t.is(
    refused(() => create("more", port80)),
    '500 Internal error occurred: failed to allocate a serviceIP for Service "more": range is full',
  );
});

test("automatic addresses keep clear of the band for explicit wishes", (t) => {
  const { create } = createServices({ ...small, clusterCidrs: ["10.1.0.0/24"] });
  const last = Array.from({ length: 238 }, (_, index) => {
    const ip = create(`s${index}`, port80).clusterIP ?? "";
    return Number(ip.split(".")[3]);
  });
  t.true(Math.min(...last) >= 17);
  t.true(Number((create("band", port80).clusterIP ?? "").split(".")[3]) <= 16);
});

test("a wished address must lie in the range and be free", (t) => {
  const { create, refused } = createServices();
  create("a", { ...port80, clusterIP: "10.0.0.9" });
  t.is(
    refused(() => create("b", { ...port80, clusterIP: "10.0.0.9" })),
    '422 Service "b" is invalid: spec.clusterIPs: Invalid value: ["10.0.0.9"]: failed to allocate IP 10.0.0.9: provided IP is already allocated',
  );
  t.true(
    refused(() => create("c", { ...port80, clusterIP: "10.9.0.1" })).endsWith(
      "failed to allocate IP 10.9.0.1: the provided network does not match the current range",
    ),
  );
});

test("headless, selectorless and external names get no address", (t) => {
  const { create } = createServices();
  t.like(create("a", { clusterIP: "None" }), {
    clusterIPs: ["None"],
    ipFamilyPolicy: "RequireDualStack",
    ipFamilies: ["IPv4", "IPv6"],
  });
  t.like(create("b", { ...port80, clusterIP: "None", selector: { a: "b" } }), {
    clusterIPs: ["None"],
    ipFamilyPolicy: "SingleStack",
    ipFamilies: ["IPv4"],
  });
  const external = create("c", { type: "ExternalName", externalName: "a.b." });
  t.deepEqual(external, { type: "ExternalName", externalName: "a.b.", sessionAffinity: "None" });
});

test("dual stack is refused on one range where it is required, and ignored where it is preferred", (t) => {
  const { create, refused } = createServices();
  t.is(create("a", { ...port80, ipFamilyPolicy: "PreferDualStack" }).clusterIPs?.length, 1);
  t.is(
    refused(() => create("b", { ...port80, ipFamilyPolicy: "RequireDualStack" })),
    '422 Service "b" is invalid: spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
  );
  const dual = createServices({ ...small, clusterCidrs: ["10.0.0.0/28", "fd00::/112"] });
  t.is(dual.create("a", { ...port80, ipFamilyPolicy: "RequireDualStack" }).clusterIPs?.length, 2);
  t.is(dual.update("a", { ...port80, ipFamilyPolicy: "SingleStack" }).clusterIPs?.length, 1);
});

test("node ports are given, shared by TCP and UDP of one port, and never given twice", (t) => {
  const { create, refused } = createServices();
  const ports = [
    { name: "t", port: 53 },
    { name: "u", port: 53, protocol: "UDP" },
    { name: "x", port: 54 },
  ];
  const given = create("a", { type: "NodePort", ports }).ports?.map((item) => item.nodePort) ?? [];
  t.is(given[0], given[1]);
  t.not(given[0], given[2]);
  t.true(given.every((port) => port !== undefined && port >= 30_016));
  const wish = { type: "NodePort", ports: [{ port: 80, nodePort: 30_080 }] };
  create("b", wish);
  t.is(
    refused(() => create("c", wish)),
    '422 Service "c" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated',
  );
  t.is(
    refused(() => create("d", { type: "NodePort", ports: [{ port: 80, nodePort: 80 }] })),
    '422 Service "d" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-30100',
  );
});

test("an update keeps what it does not name, and frees what the new type does not need", (t) => {
  const { create, update } = createServices();
  const before = create("a", { type: "NodePort", ports: [{ port: 80 }] });
  const same = update("a", { type: "NodePort", ports: [{ port: 81 }] });
  t.is(same.clusterIP, before.clusterIP);
  t.is(same.ports?.[0]?.nodePort, before.ports?.[0]?.nodePort);
  const inside = update("a", { ports: [{ port: 81, nodePort: same.ports?.[0]?.nodePort ?? 0 }] });
  t.is(inside.ports?.[0]?.nodePort, undefined);
  t.is(inside.clusterIP, before.clusterIP);
  const external = update("a", { type: "ExternalName", externalName: "x.y" });
  t.is(external.clusterIP, undefined);
  t.is(create("b", { ...port80, clusterIP: before.clusterIP ?? "" }).clusterIP, before.clusterIP);
});

test("a pod gets its account, the account's pull secrets and a token volume", (t) => {
  const rows = new Rows();
  rows.objects.push({
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "default", namespace: "n", uid: "u", resourceVersion: "1", creationTimestamp: "" },
    imagePullSecrets: [{ name: "pull" }],
  } as KubeObject);
  const draft = draftOf("pods", "a", { containers: [{ name: "c" }] });
  rows.admit(podServiceAccount, kindOf("pods"), draft);
  const spec = draft["spec"] as PodSpec;
  t.is(spec.serviceAccountName, "default");
  t.is(spec.serviceAccount, "default");
  t.deepEqual(spec.imagePullSecrets, [{ name: "pull" }]);
  const volume = spec.volumes?.[0];
  t.regex(volume?.name ?? "", /^kube-api-access-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  t.is(volume?.projected?.sources?.[0]?.serviceAccountToken?.expirationSeconds, 3_607);
  t.deepEqual(spec.containers[0]?.volumeMounts, [
    { name: volume?.name ?? "", readOnly: true, mountPath: "/var/run/secrets/kubernetes.io/serviceaccount" },
  ]);
  const without = draftOf("pods", "b", { automountServiceAccountToken: false, containers: [{ name: "c" }] });
  rows.admit(podServiceAccount, kindOf("pods"), without);
  t.is((without["spec"] as PodSpec).volumes, undefined);
  const stranger = draftOf("pods", "c", { serviceAccountName: "x", containers: [{ name: "c" }] });
  t.throws(() => rows.admit(podServiceAccount, kindOf("pods"), stranger), {
    message: 'pods "c" is forbidden: error looking up service account n/x: serviceaccount "x" not found',
  });
});

test("a pod bears a lost node for 300 seconds unless it says otherwise", (t) => {
  const rows = new Rows();
  const tolerationsOf = (tolerations: Json): PodSpec["tolerations"] => {
    const draft = draftOf("pods", "a", { containers: [{ name: "c" }], tolerations });
    rows.admit(defaultTolerations, kindOf("pods"), draft);
    return (draft["spec"] as PodSpec).tolerations;
  };
  t.deepEqual(tolerationsOf([]), [
    { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
    { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
  ]);
  t.is(tolerationsOf([{ operator: "Exists" }])?.length, 1);
});

test("a pod's priority is that of its class, written into it at creation, and stays", (t) => {
  const rows = new Rows();
  const settle = (spec: Record<string, Json>, old?: KubeObject): PodSpec => {
    const draft = draftOf("pods", "a", { containers: [{ name: "c" }], ...spec });
    rows.admit(priority, kindOf("pods"), draft, old);
    return draft["spec"] as PodSpec;
  };
  t.like(settle({}), { priority: 0, preemptionPolicy: "PreemptLowerPriority" });
  t.is(settle({ priorityClassName: "system-node-critical" }).priority, 2_000_001_000);
  t.is(settle({ priorityClassName: "nobody-knows" }).priority, 0);
  t.is(settle({ priority: 0, preemptionPolicy: "PreemptLowerPriority" }).priority, 0);
  t.throws(() => settle({ priority: 5 }), {
    message:
      'pods "a" is forbidden: the integer value of priority (5) must not be provided in pod spec; priority admission controller computed 0 from the given PriorityClass name',
  });
  t.throws(() => settle({ preemptionPolicy: "Never" }), {
    message:
      'pods "a" is forbidden: the string value of PreemptionPolicy (Never) must not be provided in pod spec; priority admission controller computed PreemptLowerPriority from the given PriorityClass name',
  });
  const old = { spec: { priority: 7, preemptionPolicy: "Never" } } as unknown as KubeObject;
  t.like(settle({}, old), { priority: 7, preemptionPolicy: "Never" });
  t.is(settle({ priority: 3 }, old).priority, 3, "validation is the one that refuses it");
});
