import { configMap, deployment, pod } from "../harness.ts";
import { CM, D, del, get, last, P, patch, post, type Case } from "./case.ts";

const bound = pod("a", { nodeName: "m" });

export const deletions: readonly Case[] = [
  {
    what: "a ConfigMap is gone, and its uid is told",
    steps: [
      post(CM, configMap("a"), 201),
      del(`${CM}/a`, 200, undefined, {
        like: { kind: "Status", status: "Success", details: { name: "a", kind: "configmaps" } },
        says: /"uid":"[0-9a-f-]{36}"/,
      }),
      get(`${CM}/a`, 404),
    ],
  },
  {
    what: "a pod on a node stays for its grace",
    steps: [
      post(P, bound, 201),
      del(`${P}/a`, 200, undefined, {
        like: { kind: "Pod", metadata: { deletionGracePeriodSeconds: 30 } },
        says: /"deletionTimestamp":"2026-01-01T00:00:3/,
      }),
      get(`${P}/a`, 200),
    ],
  },
  {
    what: "without grace it is gone",
    steps: [post(P, bound, 201), del(`${P}/a?gracePeriodSeconds=0`, 200), get(`${P}/a`, 404)],
  },
  {
    what: "grace may stand in the body",
    steps: [post(P, bound, 201), del(`${P}/a`, 200, { gracePeriodSeconds: 0 }), get(`${P}/a`, 404)],
  },
  {
    what: "a finalizer holds it, the last one removed lets it go",
    steps: [
      post(CM, { ...configMap("a"), metadata: { name: "a", finalizers: ["x.io/a"] } }, 201),
      del(`${CM}/a`, 200, undefined, {
        like: { kind: "ConfigMap", metadata: { finalizers: ["x.io/a"] } },
        says: /"deletionTimestamp"/,
      }),
      get(`${CM}/a`, 200),
      patch("merge", `${CM}/a`, { metadata: { finalizers: null } }, 200),
      get(`${CM}/a`, 404),
    ],
  },
  {
    what: "another uid as precondition",
    steps: [
      post(CM, configMap("a"), 201),
      del(
        `${CM}/a`,
        409,
        { preconditions: { uid: "00000000-0000-4000-8000-000000000000" } },
        {
          says: /the UID in the precondition \(00000000-0000-4000-8000-000000000000\) does not match the UID in record \([0-9a-f-]{36}\)\. The object might have been deleted and then recreated$/,
        },
      ),
      get(`${CM}/a`, 200),
    ],
  },
  {
    what: "another resourceVersion as precondition",
    steps: [
      post(CM, configMap("a"), 201),
      del(
        `${CM}/a`,
        409,
        { preconditions: { resourceVersion: "1" } },
        {
          says: /the ResourceVersion in the precondition \(1\) does not match the ResourceVersion in record \(\d+\)\. The object might have been modified$/,
        },
      ),
    ],
  },
  {
    what: "orphaning waits for the collector",
    steps: [
      post(D, deployment("a"), 201),
      del(`${D}/a?propagationPolicy=Orphan`, 200, undefined, { like: { metadata: { finalizers: ["orphan"] } } }),
    ],
  },
  {
    what: "so does deleting in the foreground",
    steps: [
      post(D, deployment("a"), 201),
      del(
        `${D}/a`,
        200,
        { propagationPolicy: "Foreground" },
        { like: { metadata: { finalizers: ["foregroundDeletion"] } } },
      ),
    ],
  },
  {
    what: "both ways of saying a policy",
    steps: [
      post(D, deployment("a"), 201),
      del(
        `${D}/a`,
        422,
        { propagationPolicy: "Orphan", orphanDependents: true },
        {
          says: /propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set/,
        },
      ),
    ],
  },
  {
    what: "a policy that nobody knows",
    steps: [
      post(D, deployment("a"), 201),
      del(`${D}/a?propagationPolicy=x`, 422, undefined, { says: /propagationPolicy: Unsupported value: "x"/ }),
    ],
  },
  {
    what: "a collection by its selector",
    steps: [
      post(CM, { ...configMap("a"), metadata: { name: "a", labels: { l: "1" } } }, 201),
      post(CM, configMap("b"), 201),
      del(`${CM}?labelSelector=l%3D1`, 200),
      get(`${CM}/a`, 404),
      get(`${CM}/b`, 200),
    ],
  },
  {
    what: "a dry run deletes nothing",
    steps: [post(CM, configMap("a"), 201), del(`${CM}/a?dryRun=All`, 200), get(`${CM}/a`, 200)],
  },
  { what: "what is not there", steps: [del(`${CM}/a`, 404, undefined, { says: /^configmaps "a" not found$/ })] },
  {
    what: "an eviction",
    steps: [
      post(P, bound, 201),
      post(`${P}/a/eviction`, { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: "a" } }, 201, {
        like: { status: "Success" },
      }),
      get(`${P}/a`, 200, { says: /"deletionTimestamp"/ }),
    ],
  },
  {
    what: "the same name again is another object",
    steps: [
      post(CM, configMap("a"), 201),
      {
        ...del(`${CM}/a`, 200),
        body: (earlier: readonly never[]) => ({ preconditions: { uid: last(earlier).metadata.uid } }),
      },
      post(CM, configMap("a"), 201),
    ],
  },
];
