import { configMap, deployment, pod, type Loose } from "../harness.ts";
import { CM, D, del, get, last, P, patch, post, put, type Case } from "./case.ts";

function at(revision: string, more: Loose = {}): Loose {
  return { ...configMap("a", more), metadata: { name: "a", resourceVersion: revision } };
}

export const updates: readonly Case[] = [
  {
    what: "a stale resourceVersion",
    steps: [
      post(CM, configMap("a"), 201),
      put(`${CM}/a`, at("1"), 409, {
        says: /^Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again$/,
        like: { reason: "Conflict", details: { name: "a", kind: "configmaps" } },
      }),
    ],
  },
  {
    what: "no resourceVersion",
    steps: [post(CM, configMap("a"), 201), put(`${CM}/a`, configMap("a", { k: "2" }), 200)],
  },
  {
    what: "the same content keeps the resourceVersion",
    steps: [post(CM, configMap("a"), 201), { ...put(`${CM}/a`, last, 200), like: last }],
  },
  {
    what: "a change of the spec counts as a generation, one of labels does not",
    steps: [
      post(D, deployment("a"), 201, { like: { metadata: { generation: 1 } } }),
      patch("merge", `${D}/a`, { metadata: { labels: { a: "b" } } }, 200, { like: { metadata: { generation: 1 } } }),
      patch("merge", `${D}/a`, { spec: { replicas: 3 } }, 200, { like: { metadata: { generation: 2 } } }),
      patch("merge", `${D}/a/status`, { status: { replicas: 3 } }, 200, { like: { metadata: { generation: 2 } } }),
    ],
  },
  {
    what: "PUT of the main resource leaves the status alone, PUT of the status the spec",
    steps: [
      post(D, deployment("a"), 201),
      put(`${D}/a`, { ...deployment("a"), status: { replicas: 7 } }, 200, { lacks: /"replicas":7/ }),
      put(
        `${D}/a/status`,
        { ...deployment("a", { replicas: 9 }), status: { observedGeneration: 1, replicas: 2 } },
        200,
        {
          like: { spec: { replicas: 1 }, status: { observedGeneration: 1, replicas: 2 } },
        },
      ),
    ],
  },
  {
    what: "another uid",
    steps: [
      post(CM, configMap("a"), 201),
      put(`${CM}/a`, { ...configMap("a"), metadata: { name: "a", uid: "00000000-0000-4000-8000-000000000000" } }, 409, {
        says: /Precondition failed: UID in precondition: 00000000-0000-4000-8000-000000000000, UID in object meta: /,
      }),
    ],
  },
  {
    what: "another name than the path's",
    steps: [
      post(CM, configMap("a"), 201),
      put(`${CM}/a`, configMap("b"), 400, {
        says: /^the name of the object \(b\) does not match the name on the URL \(a\)$/,
      }),
    ],
  },
  { what: "what is not there", steps: [put(`${CM}/a`, configMap("a"), 404, { says: /^configmaps "a" not found$/ })] },
  {
    what: "a finalizer for what is being deleted",
    steps: [
      post(CM, { ...configMap("a"), metadata: { name: "a", finalizers: ["x.io/a"] } }, 201),
      del(`${CM}/a`, 200),
      patch("merge", `${CM}/a`, { metadata: { finalizers: ["x.io/a", "x.io/b"] } }, 422, {
        says: /metadata\.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers \[\]string\{"x\.io\/b"\}/,
      }),
    ],
  },
  {
    what: "the scale",
    steps: [
      post(D, deployment("a"), 201),
      get(`${D}/a/scale`, 200, {
        like: { kind: "Scale", apiVersion: "autoscaling/v1", spec: { replicas: 1 }, status: { selector: "app=a" } },
      }),
      put(`${D}/a/scale`, { metadata: { name: "a" }, spec: { replicas: 4 } }, 200, { like: { spec: { replicas: 4 } } }),
      get(`${D}/a`, 200, { like: { metadata: { generation: 2 }, spec: { replicas: 4 } } }),
      put(`${D}/a/scale`, { metadata: { name: "a" }, spec: { replicas: -1 } }, 422, {
        says: /spec\.replicas: Invalid value: -1: must be greater than or equal to 0/,
      }),
    ],
  },
  {
    what: "a pod is bound once",
    steps: [
      post(P, pod("a"), 201),
      post(`${P}/a/binding`, { target: { kind: "Node", name: "m" } }, 201, { like: { status: "Success" } }),
      get(`${P}/a`, 200, { like: { spec: { nodeName: "m" } } }),
      post(`${P}/a/binding`, { target: { kind: "Node", name: "o" } }, 409, {
        says: /pod a is already assigned to node "m"/,
      }),
    ],
  },
  {
    what: "a pod's containers are not changed, its image is",
    steps: [
      post(P, pod("a"), 201),
      patch("json", `${P}/a`, [{ op: "replace", path: "/spec/containers/0/image", value: "j" }], 200),
      patch("json", `${P}/a`, [{ op: "add", path: "/spec/containers/0/args", value: ["x"] }], 422, {
        says: /spec: Forbidden: pod updates may not change fields other than/,
      }),
    ],
  },
];
