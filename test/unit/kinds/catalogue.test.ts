import test from "ava";
import { kindById, kindByResource, kindByType, kinds } from "../../../src/kinds/catalogue.ts";
import { decodeJson } from "../../../src/kinds/decode-json.ts";
import { applyDefaults } from "../../../src/kinds/defaults.ts";
import { hotRecord, indexValues } from "../../../src/kinds/hot.ts";
import type { Draft, Kind, KubeObject } from "../../../src/kinds/kind.ts";
import type { PodHot } from "../../../src/kinds/pod.ts";
import { prepareCreate, prepareUpdate } from "../../../src/kinds/prepare.ts";
import type { Json } from "../../../src/util/json.ts";

function kindOf(id: string): Kind {
  const kind = kindById(id);
  if (kind === undefined) throw new Error(`no kind ${id}`);
  return kind;
}

function create(id: string, body: Json): Draft {
  const kind = kindOf(id);
  const { draft, errors } = decodeJson(kind.schema, body, { validation: "Strict" });
  if (errors.length > 0) throw new Error(errors.join());
  applyDefaults(kind, draft);
  prepareCreate(kind, draft, { now: 0, user: "test" });
  return draft;
}

test("every kind is found by id, by resource and by type, and its row fits its columns", (t) => {
  for (const kind of kinds) {
    t.is(kindByResource(kind.group, kind.version, kind.plural), kind);
    const apiVersion = kind.group === "" ? kind.version : `${kind.group}/${kind.version}`;
    t.is(kindByType(apiVersion, kind.kind), kind);
    t.is(kind.id, kind.group === "" ? kind.plural : `${kind.plural}.${kind.group}`);
    const draft = create(kind.id, {
      apiVersion,
      kind: kind.kind,
      metadata: { name: "a", namespace: "n", creationTimestamp: "1970-01-01T00:00:00Z" },
    });
    const object = draft as unknown as KubeObject;
    t.is(kind.row(object, 5_000).cells.length, kind.columns.length, kind.id);
    t.is(hotRecord(kind, object).deleting, false);
  }
});

test("a pod gets Kubernetes' defaults and a hot record for planners", (t) => {
  const draft = create("pods", {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "a", namespace: "n", labels: { app: "web" } },
    spec: {
      nodeName: "one",
      containers: [
        {
          name: "c",
          image: "nginx",
          ports: [{ containerPort: 80, hostPort: 8080 }],
          resources: { limits: { cpu: "0.5", memory: "1Gi" } },
        },
      ],
    },
  });
  t.deepEqual(draft["spec"], {
    nodeName: "one",
    containers: [
      {
        name: "c",
        image: "nginx",
        ports: [{ containerPort: 80, hostPort: 8080, protocol: "TCP" }],
        resources: {
          limits: { cpu: "500m", memory: "1Gi" },
          requests: { cpu: "500m", memory: "1Gi" },
        },
        terminationMessagePath: "/dev/termination-log",
        terminationMessagePolicy: "File",
        imagePullPolicy: "Always",
      },
    ],
    restartPolicy: "Always",
    dnsPolicy: "ClusterFirst",
    schedulerName: "default-scheduler",
    terminationGracePeriodSeconds: 30,
    securityContext: {},
    enableServiceLinks: true,
  });
  t.deepEqual(draft["status"], { phase: "Pending", qosClass: "Guaranteed" });
  const pod = draft as unknown as KubeObject;
  const hot = hotRecord(kindOf("pods"), pod) as PodHot;
  t.deepEqual(hot.requests, {
    cpuMilli: 500,
    memoryBytes: 1_073_741_824,
    ephemeralBytes: 0,
    extended: {},
  });
  t.deepEqual(hot.hostPorts, [{ protocol: "TCP", hostIP: "", port: 8080 }]);
  t.deepEqual(indexValues(kindOf("pods"), "node", hot), ["one"]);
});

test("a new spec counts as a new generation; labels and status do not, annotations of a Deployment do", (t) => {
  const kind = kindOf("deployments.apps");
  const body = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "a", namespace: "n" },
    spec: {
      selector: { matchLabels: { app: "a" } },
      template: { metadata: { labels: { app: "a" } }, spec: { containers: [{ name: "c" }] } },
    },
  };
  const old = create(kind.id, body) as unknown as KubeObject;
  t.is(old.metadata.generation, 1);
  const generationAfter = (change: (draft: Draft) => void): number | undefined => {
    const draft = create(kind.id, body);
    change(draft);
    prepareUpdate(kind, draft, old, { now: 0, user: "test" });
    return draft.metadata.generation;
  };
  t.is(
    generationAfter(() => {}),
    1,
  );
  t.is(
    generationAfter((draft) => {
      draft.metadata.labels = { a: "b" };
      draft["status"] = { replicas: 3 };
    }),
    1,
  );
  t.is(
    generationAfter((draft) => {
      draft.metadata.annotations = { a: "b" };
    }),
    2,
  );
  t.is(
    generationAfter((draft) => {
      (draft["spec"] as { replicas: number }).replicas = 5;
    }),
    2,
  );
});
