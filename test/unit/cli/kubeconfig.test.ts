// The user's kubeconfig is theirs: we add one context and take it away, and nothing else changes.
import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import test from "ava";
import { parse } from "yaml";
import { addContext, kubeconfigPath, removeContext, withContext, withoutContext } from "../../../src/cli/kubeconfig.ts";

const entry = {
  name: "troupe-dev",
  server: "https://127.0.0.1:6443",
  authority: "AUTHORITY",
  certificate: "CERTIFICATE",
  key: "KEY",
};

const theirs = `# my clusters
apiVersion: v1
kind: Config
clusters:
  # at work
  - name: work
    cluster:
      server: https://work.example:443 # behind the VPN
contexts:
  - name: work
    context: {cluster: work, user: me}
users:
  - name: me
    user:
      token: abc
current-context: work
preferences: {}
`;

interface Named {
  readonly name: string;
}
interface Config {
  readonly clusters: readonly Named[];
  readonly contexts: readonly Named[];
  readonly users: readonly (Named & { readonly user: Readonly<Record<string, string>> })[];
  readonly "current-context": string;
}
const read = (text: string): Config => parse(text) as Config;

test("a new file has our cluster, user and context, and the context is current", (t) => {
  const config = read(withContext(undefined, entry));
  t.is(config["current-context"], "troupe-dev");
  for (const list of [config.clusters, config.contexts, config.users]) {
    t.deepEqual(
      list.map(({ name }) => name),
      ["troupe-dev"],
    );
  }
  t.is(config.users[0]!.user["client-key-data"], Buffer.from("KEY").toString("base64"));
});

test("an empty file, and one with empty or absent lists, is filled", (t) => {
  for (const text of ["", "\n", "apiVersion: v1\nclusters: []\nusers: null\n"]) {
    t.is(read(withContext(text, entry)).clusters.length, 1, JSON.stringify(text));
  }
});

test("other entries, comments and the way they are written stay", (t) => {
  const text = withContext(theirs, entry);
  for (const line of theirs.split("\n").filter((each) => !each.startsWith("current-context"))) {
    t.true(text.includes(line.trim().replace("{cluster: work, user: me}", "")), line);
  }
  t.deepEqual(
    read(text).contexts.map(({ name }) => name),
    ["work", "troupe-dev"],
  );
  t.is(read(text)["current-context"], "troupe-dev");
});

test("adding it again replaces it", (t) => {
  const once = withContext(theirs, entry);
  t.is(withContext(once, entry), once);
  const moved = read(withContext(once, { ...entry, server: "https://127.0.0.1:7000" }));
  t.is(moved.clusters.length, 2);
});

test("taking it away leaves theirs; the current context is cleared only if it was ours", (t) => {
  const text = withoutContext(withContext(theirs, entry), "troupe-dev");
  t.deepEqual({ ...read(text), "current-context": "work" }, read(theirs));
  t.is(read(text)["current-context"], "");
  t.true(text.includes("# at work") && text.includes("# behind the VPN") && text.includes("# my clusters"));
  const switched = withContext(theirs, entry).replace("current-context: troupe-dev", "current-context: work");
  t.is(read(withoutContext(switched, "troupe-dev"))["current-context"], "work");
});

test("a file that is no kubeconfig is refused, not overwritten", (t) => {
  for (const text of ["- a\n- b\n", "a: [b\n", "just words"]) {
    t.throws(() => withContext(text, entry), { message: /kubeconfig cannot be read/ }, text);
  }
});

test("of several files in KUBECONFIG the first that exists is written, else the last; without it ~/.kube/config", (t) => {
  const path = (value: string, ...existing: readonly string[]): string =>
    kubeconfigPath({ KUBECONFIG: value }, (file) => existing.includes(file));
  t.is(path("/a"), "/a");
  t.is(path("/a:/b", "/b"), "/b");
  t.is(path("/a:/b", "/a", "/b"), "/a");
  t.is(path(":/a:/b:"), "/b");
  t.regex(path(""), /\/\.kube\/config$/);
});

test("contexts that are added and taken away at the same time are all added and all taken away", async (t) => {
  const folder = mkdtempSync("/tmp/kc-");
  t.teardown(() => rmSync(folder, { recursive: true }));
  const [path, link] = [join(folder, "config"), join(folder, "link")];
  symlinkSync(folder, link);
  const names = Array.from({ length: 6 }, (_, at) => `troupe-${at}`);
  await Promise.all(
    names.map((name, at) => addContext(at % 2 === 0 ? path : join(link, "config"), { ...entry, name })),
  );
  const contexts = (): readonly string[] =>
    read(readFileSync(path, "utf8"))
      .contexts.map(({ name }) => name)
      .toSorted();
  t.deepEqual(contexts(), names);
  await Promise.all(names.slice(1).map((name) => removeContext(path, name)));
  t.deepEqual(contexts(), ["troupe-0"]);
});

test("the file is made if it is missing, is its owner's alone, and a link to it stays a link", async (t) => {
  const folder = mkdtempSync("/tmp/kc-");
  t.teardown(() => rmSync(folder, { recursive: true }));
  const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);
  const made = join(folder, "deep", "config");
  await addContext(made, entry);
  t.is(mode(made), "600");

  const [real, link] = [join(folder, "real"), join(folder, "link")];
  writeFileSync(real, theirs);
  chmodSync(real, 0o644);
  symlinkSync(real, link);
  await addContext(link, entry);
  t.is(readlinkSync(link), real);
  t.is(mode(real), "600");
  await removeContext(link, entry.name);
  t.is(read(readFileSync(real, "utf8")).clusters.length, 1);
  await removeContext(join(folder, "none"), entry.name);
});
