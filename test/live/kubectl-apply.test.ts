// Server-side apply as people use it: stock kubectls against a cluster of simulated nodes. Outputs are
// those that Kubernetes leads the same kubectl to print.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { createMachine, isRoot, kubectls, type Machine, type Ran } from "./support/machine.ts";

const newest = kubectls().at(-1);
// The oldest, the newest, and the first with WebSockets: what kubectl sends for an apply lies between.
const versions = kubectls().filter(({ version }) => ["1.27", "1.31", "1.33"].includes(version));
const serial = isRoot && newest !== undefined ? test.serial : test.serial.skip;
const name = `ka${process.pid % 10_000}`;
let machine: Machine | undefined;

test.before(async () => {
  if (!isRoot || newest === undefined) return;
  machine = createMachine({ kubectl: newest.path });
  const up = ["up", "--name", name, "--data-dir", join(machine.folder, "d"), "--runtime", "simulated"];
  const ran = await machine.troupe(...up);
  if (ran.code !== 0) throw new Error(ran.stderr);
});
test.after.always(async () => {
  await machine?.dispose();
});

/** kubectl of one version, in a namespace of its own. */
class Client {
  private readonly t: ExecutionContext;
  private readonly path: string;
  readonly namespace: string;

  constructor(t: ExecutionContext, version: { readonly version: string; readonly path: string }, purpose: string) {
    this.t = t;
    this.path = version.path;
    this.namespace = `${purpose}${version.version.replace(".", "")}`;
  }

  run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
    return machine!.run(this.path, ["-n", this.namespace, ...args], { timeoutMs: 60_000, env });
  }
  async says(expected: string, ...args: readonly string[]): Promise<void> {
    const ran = await this.run(args);
    this.t.deepEqual(
      { code: ran.code, out: ran.stdout.trimEnd(), err: ran.stderr },
      { code: 0, out: expected, err: "" },
    );
  }
  async refuses(expected: string, ...args: readonly string[]): Promise<void> {
    const ran = await this.run(args);
    this.t.not(ran.code, 0);
    this.t.true(ran.stderr.startsWith(expected), ran.stderr);
  }
  file(title: string, content: unknown): string {
    const path = join(machine!.folder, `${this.namespace}-${title}.json`);
    writeFileSync(path, JSON.stringify(content));
    return path;
  }
  /** `kubectl Apply`, `x Update scale`: who owns fields of the object, as `--show-managed-fields` shows it. */
  async managers(object: string): Promise<readonly string[]> {
    const each = "{.manager} {.operation} {.subresource}";
    const path = `jsonpath={range .metadata.managedFields[*]}${each}{"\\n"}{end}`;
    const ran = await this.run(["get", object, "--show-managed-fields", "-o", path]);
    return ran.stdout
      .trim()
      .split("\n")
      .map((line) => line.trim());
  }
}

const deployment = (replicas: number | undefined, labels: Readonly<Record<string, string>> = {}): unknown => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", labels },
  spec: {
    ...(replicas === undefined ? {} : { replicas }),
    selector: { matchLabels: { app: "web" } },
    template: {
      metadata: { labels: { app: "web" } },
      spec: { containers: [{ name: "c", image: "nginx:1", ports: [{ containerPort: 80 }] }] },
    },
  },
});
const settings = (data: Readonly<Record<string, string>>): unknown => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "settings" },
  data,
});

const advice = "\nPlease review the fields above--they currently have other managers.";

for (const version of versions) {
  serial(`kubectl ${version.version}: apply --server-side, conflicts, force, diff and scale`, async (t) => {
    const client = new Client(t, version, "one");
    await client.says(`namespace/${client.namespace} created`, "create", "namespace", client.namespace);
    const two = client.file("two", deployment(2, { tier: "front" }));
    const three = client.file("three", deployment(3));
    const free = client.file("free", deployment(undefined));
    const apply = ["apply", "--server-side", "-f"];
    await client.says("deployment.apps/web serverside-applied", ...apply, two);
    const wanted = ["get", "deployment", "web", "-o", "jsonpath={.spec.replicas}"];
    await client.says("deployment.apps/web serverside-applied", ...apply, two);
    await client.refuses(
      `error: Apply failed with 1 conflict: conflict with "kubectl": .spec.replicas${advice}`,
      ...apply,
      three,
      "--field-manager",
      "other",
    );
    const forced = [...apply, three, "--field-manager", "other", "--force-conflicts"];
    await client.says("deployment.apps/web serverside-applied (server dry run)", ...forced, "--dry-run=server");
    await client.says("2", ...wanted);
    await client.says("deployment.apps/web serverside-applied", ...forced);
    await client.says("3", ...wanted);
    t.deepEqual((await client.managers("deployment/web")).slice(0, 2), ["kubectl Apply", "other Apply"]);

    const diff = await client.run(["diff", "--server-side", "--force-conflicts", "-f", two]);
    t.is(diff.code, 1);
    t.regex(diff.stdout, /^-  replicas: 3\n\+  replicas: 2$/m);

    await client.says("deployment.apps/web scaled", "scale", "deployment/web", "--replicas=5");
    const scaler = (await client.managers("deployment/web")).find((manager) => manager.endsWith("Update scale"));
    t.truthy(scaler);
    const by = scaler!.split(" ")[0]!;
    await client.refuses(
      `error: Apply failed with 1 conflict: conflict with "${by}" with subresource "scale" using apps/v1: .spec.replicas`,
      ...apply,
      three,
      "--field-manager",
      "other",
    );
    await client.says("deployment.apps/web serverside-applied", ...apply, free);
    await client.says(" 5", "get", "deployment", "web", "-o", "jsonpath={.metadata.labels.tier} {.spec.replicas}");
  });

  serial(`kubectl ${version.version}: from client-side apply to server-side apply and back`, async (t) => {
    const client = new Client(t, version, "up");
    await client.says(`namespace/${client.namespace} created`, "create", "namespace", client.namespace);
    const first = client.file("first", settings({ kept: "1", changed: "1", dropped: "1" }));
    const second = client.file("second", settings({ kept: "1", changed: "2" }));
    await client.says("configmap/settings created", "apply", "-f", first);
    t.deepEqual(await client.managers("configmap/settings"), ["kubectl-client-side-apply Update"]);
    await client.says("configmap/settings serverside-applied", "apply", "--server-side", "-f", second);
    const data = ["get", "configmap", "settings", "-o", "jsonpath={.data}"];
    await client.says('{"changed":"2","kept":"1"}', ...data);
    t.true((await client.managers("configmap/settings")).includes("kubectl Apply"));
    t.false((await client.managers("configmap/settings")).includes("kubectl-client-side-apply Update"));
    const last = await client.run(["apply", "view-last-applied", "configmap/settings", "-o", "json"]);
    t.deepEqual((JSON.parse(last.stdout) as { readonly data: unknown }).data, { kept: "1", changed: "2" });
    await client.says("configmap/settings configured", "apply", "-f", first);
    await client.says('{"changed":"1","dropped":"1","kept":"1"}', ...data);
  });

  serial(`kubectl ${version.version}: every kind can be applied, again without a write`, async (t) => {
    const client = new Client(t, version, "all");
    const { namespace } = client;
    const v1 = (kind: string, named: string, more: object): unknown => ({
      apiVersion: "v1",
      kind,
      metadata: { name: named, ...(kind === "Namespace" ? { labels: { a: "b" } } : { namespace }) },
      ...more,
    });
    const port = (title: string, protocol: string): object => ({ name: title, port: 53, protocol });
    const items = [
      v1("Namespace", namespace, {}),
      v1("Service", "dns", { spec: { selector: { app: "x" }, ports: [port("udp", "UDP"), port("tcp", "TCP")] } }),
      v1("Secret", "secret", { stringData: { a: "b" } }),
      v1("ServiceAccount", "robot", { imagePullSecrets: [{ name: "x" }] }),
      v1("ConfigMap", "settings", { data: { a: "b" }, binaryData: { b: "AAE=" } }),
      v1("Pod", "one", {
        spec: { tolerations: [{ key: "a", operator: "Exists" }], containers: [{ name: "c", image: "nginx:1" }] },
      }),
      { ...(deployment(1) as object), metadata: { name: "web", namespace } },
      {
        apiVersion: "coordination.k8s.io/v1",
        kind: "Lease",
        metadata: { name: "lock", namespace },
        spec: { holderIdentity: "me", renewTime: "2026-01-01T00:00:00.000000Z" },
      },
    ];
    const file = client.file("all", { apiVersion: "v1", kind: "List", items });
    const run = async (): Promise<string> => {
      const ran = await machine!.run(version.path, ["apply", "--server-side", "-f", file]);
      t.is(ran.stderr, "");
      return ran.stdout;
    };
    const specs = async (): Promise<string> =>
      (await client.run(["get", "-f", file, "-o", "jsonpath={.items[*].metadata['generation','managedFields']}"]))
        .stdout;
    const first = await run();
    t.is(first.trim().split("\n").length, items.length);
    const before = await specs();
    t.is(await run(), first);
    t.is(await specs(), before);
  });
}

serial("a configuration that does not fit, an editor, a status", async (t) => {
  const client = new Client(t, newest!, "edge");
  await client.says(`namespace/${client.namespace} created`, "create", "namespace", client.namespace);
  const bad = client.file("bad", { ...(settings({}) as object), dta: {} });
  await client.refuses(
    `Error from server: failed to create typed patch object (${client.namespace}/settings; /v1, Kind=ConfigMap): .dta: field not declared in schema`,
    "apply",
    "--server-side",
    "-f",
    bad,
  );
  const good = client.file("good", settings({ a: "1" }));
  await client.says("configmap/settings serverside-applied", "apply", "--server-side", "-f", good);
  const editor = join(machine!.folder, "editor");
  writeFileSync(editor, `#!/bin/sh\nexec sed -i 's/a: "1"/a: "7"/' "$1"\n`, { mode: 0o755 });
  const edited = await client.run(["edit", "configmap", "settings"], { KUBE_EDITOR: editor });
  t.is(edited.stdout, "configmap/settings edited\n");
  t.deepEqual(await client.managers("configmap/settings"), ["kubectl-edit Update"]);
  await client.refuses(
    'error: Apply failed with 1 conflict: conflict with "kubectl-edit" using v1: .data.a',
    "apply",
    "--server-side",
    "-f",
    good,
  );
  const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "one" } };
  const spec = { readinessGates: [{ conditionType: "a/b" }], containers: [{ name: "c", image: "nginx:1" }] };
  await client.says("pod/one serverside-applied", "apply", "--server-side", "-f", client.file("pod", { ...pod, spec }));
  const status = client.file("status", { ...pod, status: { conditions: [{ type: "a/b", status: "True" }] } });
  const subresource = ["apply", "--server-side", "--subresource=status", "--field-manager=gate", "-f", status];
  await client.says("pod/one serverside-applied", ...subresource);
  t.true((await client.managers("pod/one")).includes("gate Apply status"));
  const condition = 'jsonpath={.status.conditions[?(@.type=="a/b")].status}';
  await client.says("True", "get", "pod", "one", "-o", condition);
});
