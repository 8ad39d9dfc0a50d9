// Verbs on objects: words that name kinds, files that hold objects, and how objects are printed.
import test from "ava";
import { parse } from "yaml";
import { get } from "../../../src/cli/commands/get.ts";
import { kindOfWord, parseManifests, parseNamed } from "../../../src/cli/objects.ts";
import { nameOf, showObjects, withoutSecrets, type ShowOptions } from "../../../src/cli/show.ts";
import type { KubeObject } from "../../../src/kinds/kind.ts";
import { UserError } from "../../../src/util/errors.ts";

const secrets = kindOfWord("secret");
const metadata = {
  name: "s",
  namespace: "default",
  uid: "u",
  resourceVersion: "7",
  creationTimestamp: "2026-01-01T00:00:00Z",
};
const clear = "aHVudGVyMg==";
const sent = `{"stringData":{"password":"hunter2"}}`;
const secret = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: {
    ...metadata,
    annotations: { "kubectl.kubernetes.io/last-applied-configuration": sent, note: "n" },
    managedFields: [{ manager: "me" }],
  },
  type: "Opaque",
  data: { password: clear },
} as KubeObject;

function options(more: Partial<ShowOptions> = {}): ShowOptions {
  return {
    kind: secrets,
    output: "table",
    withNamespace: false,
    showSecrets: false,
    now: Date.parse("2026-01-01T00:10:00Z"),
    ...more,
  };
}

test("a kind is known by its plural, singular, short name, kind and group", (t) => {
  for (const word of ["deployments", "deployment", "deploy", "Deployment", "deployments.apps"]) {
    t.is(kindOfWord(word).id, "deployments.apps", word);
  }
  const error = t.throws(() => kindOfWord("podz"), { instanceOf: UserError, message: "there is no kind podz" });
  t.regex(error?.hint ?? "", /get pods/);
});

test("objects are named as KIND NAME … or as KIND/NAME …", (t) => {
  const named = (...words: string[]): unknown =>
    parseNamed(get, words).map(({ kind, names }) => [kind.id, ...names].join(" "));
  t.deepEqual(named("pods"), ["pods"]);
  t.deepEqual(named("po", "a", "b"), ["pods a b"]);
  t.deepEqual(named("pod/a", "deploy/b"), ["pods a", "deployments.apps b"]);
  t.throws(() => named(), { instanceOf: UserError });
  t.throws(() => named("pod/"), { instanceOf: UserError });
});

test("files hold documents, lists and nothing; what is no object is refused with its file", (t) => {
  const one = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
  const list = "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Pod, metadata: {name: p}}]\n";
  const found = parseManifests(`---\n${one}---\n# nothing\n---\n${list}`, "f.yaml");
  t.deepEqual(
    found.map(({ kind }) => kind),
    ["ConfigMap", "Pod"],
  );
  t.deepEqual(parseManifests("", "f.yaml"), []);
  for (const bad of ["a: [", "just text", "kind: Pod"]) {
    t.throws(() => parseManifests(bad, "f.yaml"), { instanceOf: UserError, message: "f.yaml holds no objects" });
  }
});

test("a Secret's values are printed in no format unless that was asked for", (t) => {
  for (const output of ["table", "json", "yaml", "name"] as const) {
    const text = showObjects([secret], options({ output }), true);
    t.false(text.includes(clear) || text.includes("hunter2"), output);
  }
  const shown = parse(showObjects([secret], options({ output: "yaml" }), true)) as Record<string, unknown>;
  t.deepEqual(shown["data"], { password: "<7 bytes>" });
  t.deepEqual((shown["metadata"] as Record<string, unknown>)["annotations"], { note: "n" });
  t.true(showObjects([secret], options({ output: "json", showSecrets: true }), true).includes(clear));
  t.is(withoutSecrets(kindOfWord("configmap"), secret), secret, "only sealed kinds are touched");
});

test("tables have the kind's columns; several objects are a List for programs", (t) => {
  t.is(
    showObjects([secret], options({ withNamespace: true }), false),
    "NAMESPACE   NAME   TYPE     DATA   AGE\ndefault     s      Opaque   1      10m",
  );
  t.is(nameOf(kindOfWord("deploy"), secret), "deployment.apps/s");
  const list = JSON.parse(showObjects([secret, secret], options({ output: "json" }), false)) as { items: unknown[] };
  t.is(list.items.length, 2);
  t.false(JSON.stringify(list).includes("managedFields"));
});

test("the wide form has the columns of every priority", (t) => {
  const service = {
    ...secret,
    spec: {
      type: "ClusterIP",
      clusterIP: "10.43.0.7",
      ports: [{ port: 80, protocol: "TCP" }],
      selector: { app: "web" },
    },
  } as KubeObject;
  const [header, row] = showObjects([service], options({ kind: kindOfWord("svc"), output: "wide" }), false).split("\n");
  t.regex(header!, /NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE +SELECTOR$/);
  t.regex(row!, /app=web$/);
});
