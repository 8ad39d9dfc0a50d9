// Stock kubectl at home: the commands of daily work, with 1.31, 1.32 and 1.33, answer as they do
// against Kubernetes. Every command's output is compared, and its stderr must be empty unless said.
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import {
  createMachine,
  isRoot,
  kubectls,
  root,
  sizeOfTerminal,
  until,
  type Machine,
  type Ran,
} from "./support/machine.ts";

const versions = kubectls().filter(({ version }) => ["1.31", "1.32", "1.33"].includes(version));
const newest = versions.at(-1);
const canRun = isRoot && newest !== undefined;
if (isRoot && versions.length < 3) console.log(`kubectl here: ${versions.map(({ version }) => version).join(", ")}`);
const serial = canRun ? test.serial : test.serial.skip;

const image = "localhost/troupe/busybox:1";
const name = `kc${process.pid % 10_000}`;
let machine: Machine;

test.before(async () => {
  if (!canRun) return;
  machine = createMachine({ kubectl: newest.path });
  const ran = await machine.troupe("up", "--name", name, "--data-dir", join(machine.folder, "d"));
  if (ran.code !== 0) throw new Error(ran.stderr);
});
test.after.always(async () => {
  if (canRun) await machine.dispose();
});

/** kubectl of one version in a namespace of its own. */
class Client {
  readonly t: ExecutionContext;
  readonly path: string;
  readonly namespace: string;

  constructor(t: ExecutionContext, version: { readonly version: string; readonly path: string }, namespace: string) {
    this.t = t;
    this.path = version.path;
    this.namespace = namespace;
  }

  raw(args: readonly string[], options: { readonly input?: string; readonly env?: Record<string, string> } = {}) {
    return machine.run(this.path, ["-n", this.namespace, ...args], options);
  }

  /** Succeeds, says nothing on stderr, and says what is expected on stdout. */
  async says(expected: string | RegExp, ...args: readonly string[]): Promise<string> {
    const ran = await this.raw(args);
    this.check(args, ran, 0);
    this.t.is(ran.stderr, "", args.join(" "));
    this.compare(args, ran.stdout, expected);
    return ran.stdout;
  }

  /** Says so in the end: of what follows from a change, and is told when it is done. */
  async shows(expected: RegExp, ...args: readonly string[]): Promise<void> {
    await until(`kubectl ${args.join(" ")} shows ${String(expected)}`, async () => {
      const { stdout, stderr } = await this.raw(args);
      if (!expected.test(stdout)) throw new Error(stdout + stderr);
      return true;
    });
  }

  /** Fails with this on stderr. */
  async refuses(expected: string | RegExp, ...args: readonly string[]): Promise<void> {
    const ran = await this.raw(args);
    this.t.not(ran.code, 0, args.join(" "));
    this.compare(args, ran.stderr, expected);
  }

  check(args: readonly string[], ran: Ran, code: number): void {
    this.t.is(ran.code, code, `kubectl ${args.join(" ")}: ${ran.stderr}${ran.stdout}`);
  }

  private compare(args: readonly string[], text: string, expected: string | RegExp): void {
    const what = `kubectl ${args.join(" ")}`;
    if (typeof expected === "string") this.t.is(text.trimEnd(), expected, what);
    else this.t.regex(text, expected, what);
  }
}

async function clientOf(t: ExecutionContext, version: (typeof versions)[number], purpose: string): Promise<Client> {
  const namespace = `${purpose}${version.version.replace(".", "")}`;
  const client = new Client(t, version, namespace);
  await client.says(`namespace/${namespace} created`, "create", "namespace", namespace);
  return client;
}

const counting = [
  "sh",
  "-c",
  "trap 'exit 0' TERM; i=0; while true; do echo line $i; i=$((i+1)); sleep 0.2 & wait; done",
];

serial("nodes are cordoned, tainted and drained", async (t) => {
  const k = await clientOf(t, newest!, "node");
  await k.says("node/n1 cordoned", "cordon", "n1");
  await k.says(/^n1 +Ready,SchedulingDisabled +<none> /m, "get", "nodes");
  await k.says("node/n1 already cordoned", "cordon", "n1");
  await k.says("node/n1 uncordoned", "uncordon", "n1");
  await k.says("node/n1 tainted", "taint", "node", "n1", "a=b:NoSchedule");
  await k.says("pod/late created", "run", "late", `--image=${image}`, "--command", "--", "sleep", "600");
  await k.shows(/untolerated taint/, "describe", "pod", "late");
  await k.says(/^late +0\/1 +Pending +0 +\w+$/m, "get", "pod", "late");
  await k.says("node/n1 untainted", "taint", "node", "n1", "a-");
  await k.says("pod/late condition met", "wait", "pod/late", "--for=condition=Ready", "--timeout=60s");
  const refused = await k.raw(["drain", "n1"]);
  t.regex(refused.stderr, /declare no controller \(use --force to override\): \w+\/late/);
  const drained = await k.raw(["drain", "n1", "--force", "--grace-period=1", "--timeout=60s"]);
  await k.says("node/n1 uncordoned", "uncordon", "n1");
  t.regex(drained.stdout, /^node\/n1 already cordoned\nevicting pod \w+\/late\npod\/late evicted\nnode\/n1 drained\n$/);
  await k.shows(
    /Taints: +<none>\nUnschedulable: +false\n[^]*Non-terminated Pods: +\(0 in total\)/,
    "describe",
    "node",
    "n1",
  );
});

// The versions at once: their commands mostly wait for the cluster, and do not disturb each other.
serial("objects are created, shown, changed and deleted; workloads are rolled out and talked to", async (t) => {
  const flows = versions.flatMap((version) => [objects(t, version), workload(t, version)]);
  await Promise.all([...flows, failsWithReasons(t)]);
});

async function objects(t: ExecutionContext, version: (typeof versions)[number]): Promise<void> {
  const k = await clientOf(t, version, "o");
  await createsAndShows(k);
  await changes(k);
  await refusesWrongInput(k);
  await k.says('configmap "conf" deleted\nsecret "sec" deleted', "delete", "cm/conf", "secret/sec");
  await k.refuses('Error from server (NotFound): configmaps "conf" not found', "delete", "cm", "conf");
  await k.says("", "delete", "cm", "conf", "--ignore-not-found");
  const deleted = await k.raw(["delete", "namespace", k.namespace]);
  t.is(deleted.stdout, `namespace "${k.namespace}" deleted\n`);
  await k.refuses(`Error from server (NotFound): namespaces "${k.namespace}" not found`, "get", "ns", k.namespace);
}

async function workload(t: ExecutionContext, version: (typeof versions)[number]): Promise<void> {
  const k = await clientOf(t, version, "w");
  const create = ["create", "deployment", "web", `--image=${image}`, "--replicas=2", "--", ...counting];
  await k.says("deployment.apps/web created", ...create);
  await k.says(/deployment "web" successfully rolled out\n$/, "rollout", "status", "deploy/web", "--timeout=60s");
  await showsWorkload(k);
  await talksToPods(k);
  await rollsOut(k);
}

async function createsAndShows(k: Client): Promise<void> {
  const { t, namespace } = k;
  await k.says("configmap/conf created", "create", "configmap", "conf", "--from-literal=a=1", "--from-literal=b=two");
  await k.says("secret/sec created", "create", "secret", "generic", "sec", "--from-literal=pw=hunter2");
  await k.says("serviceaccount/robot created", "create", "serviceaccount", "robot");
  await k.says(/^[\w-]+\.[\w-]+\.[\w-]+$/, "create", "token", "robot");
  await k.says("service/s1 created", "create", "service", "clusterip", "s1", "--tcp=80:8080");
  await k.says("service/s2 created", "create", "service", "nodeport", "s2", "--tcp=80");
  await k.says("service/s3 created", "create", "service", "externalname", "s3", "--external-name=example.com");
  await k.says(
    /^NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE\ns1 +ClusterIP +10\.43\.\S+ +<none> +80\/TCP +\w+\ns2 +NodePort +10\.43\.\S+ +<none> +80:3\d{4}\/TCP +\w+\ns3 +ExternalName +<none> +example\.com +<none> +\w+\n$/,
    "get",
    "services",
  );
  await k.says(/^NAME +TYPE +DATA +AGE\nsec +Opaque +1 +\w+\n$/, "get", "secrets");
  await k.says(
    /Data\n====\n(a:\n----\n1\n\n|b:\n----\ntwo\n\n){2}\n(BinaryData\n====\n)?\nEvents: +<none>\n$/,
    "describe",
    "cm",
    "conf",
  );
  await k.says(/Type: +Opaque\n\nData\n====\npw: +7 bytes\n$/, "describe", "secret", "sec");
  await k.says("1", "get", "cm", "conf", "-o", "jsonpath={.data.a}");
  await k.says("configmap/conf", "get", "cm", "conf", "-o", "name");
  await k.says("N      A\nconf   1", "get", "cm", "conf", "-o", "custom-columns=N:.metadata.name,A:.data.a");
  await k.says(
    /^apiVersion: v1\ndata:\n {2}a: "1"\n {2}b: two\nkind: ConfigMap\nmetadata:\n/,
    "get",
    "cm",
    "conf",
    "-o",
    "yaml",
  );
  const list = JSON.parse(await k.says(/./, "get", "cm", "-o", "json")) as { readonly kind: string };
  t.is(list.kind, "List");
  await k.says(new RegExp(`^${namespace} +conf +2 +\\w+$`, "m"), "get", "cm", "-A");
  await k.says(/^conf /m, "get", "cm", "--field-selector=metadata.name=conf", "--no-headers");
  const empty = await k.raw(["get", "pods"]);
  t.is(empty.stderr, `No resources found in ${namespace} namespace.\n`);
  await k.says("yes", "auth", "can-i", "create", "pods");
  await k.says(
    /^ATTRIBUTE +VALUE\nUsername +troupe-admin\nGroups +\[system:masters system:authenticated\]\n$/,
    "auth",
    "whoami",
  );
  await k.says(/^deployments +deploy +apps\/v1 +true +Deployment$/m, "api-resources");
  await k.says(/^apps\/v1$/m, "api-versions");
  await k.says(/^KIND: +Pod\nVERSION: +v1\n\nFIELD: image <string>\n/, "explain", "pod.spec.containers.image");
  await k.says(/Server Version: v1\.\d+\.\d+\+troupe/, "version");
  await k.says("ok", "get", "--raw", "/readyz");
}

async function changes(k: Client): Promise<void> {
  const { t } = k;
  const file = join(machine.folder, `${k.namespace}.yaml`);
  const write = (value: string): void =>
    writeFileSync(file, `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\ndata: {k: "${value}"}\n`);
  write("1");
  await k.says("configmap/app created", "apply", "-f", file);
  await k.says("configmap/app unchanged", "apply", "-f", file);
  write("2");
  await k.says("configmap/app configured (server dry run)", "apply", "-f", file, "--dry-run=server");
  const differs = await k.raw(["diff", "-f", file]);
  k.check(["diff"], differs, 1);
  t.regex(differs.stdout, /^- {2}k: "1"\n\+ {2}k: "2"$/m);
  await k.says("configmap/app configured", "apply", "-f", file);
  await k.says("", "diff", "-f", file);
  await k.says("configmap/app replaced", "replace", "-f", file);
  await k.refuses(
    /^Error from server \(AlreadyExists\): error when creating .*: configmaps "app" already exists\n$/,
    "create",
    "-f",
    file,
  );

  const editor = join(machine.folder, `${k.namespace}.sh`);
  writeFileSync(editor, "#!/bin/sh\nsed -i s/two/zwei/ $1\n");
  chmodSync(editor, 0o755);
  const edited = await k.raw(["edit", "cm", "conf"], { env: { EDITOR: editor } });
  t.is(edited.stdout, "configmap/conf edited\n", edited.stderr);
  t.is((await k.raw(["edit", "cm", "conf"], { env: { EDITOR: "true" } })).stderr, "Edit cancelled, no changes made.\n");
  const patch = (type: string, body: string): readonly string[] => [
    "patch",
    "cm",
    "conf",
    `--type=${type}`,
    "-p",
    body,
  ];
  await k.says("configmap/conf patched", ...patch("strategic", '{"data":{"c":"3"}}'));
  await k.says("configmap/conf patched (no change)", ...patch("strategic", '{"data":{"c":"3"}}'));
  await k.says("configmap/conf patched", ...patch("merge", '{"data":{"c":null}}'));
  await k.says("configmap/conf patched", ...patch("json", '[{"op":"replace","path":"/data/a","value":"9"}]'));
  await k.refuses(
    /^The request is invalid: the server rejected our request due to an error in our request/,
    ...patch("json", '[{"op":"remove","path":"/data/none"}]'),
  );
  await k.says('{"a":"9","b":"zwei"}', "get", "cm", "conf", "-o", "jsonpath={.data}");
  await k.says("configmap/conf labeled", "label", "cm", "conf", "tier=front");
  await k.says("configmap/conf not labeled", "label", "cm", "conf", "tier=front");
  await k.refuses(/'tier' already has a value \(front\), and --overwrite is false/, "label", "cm", "conf", "tier=x");
  await k.says(/^conf .*tier=front$/m, "get", "cm", "-l", "tier in (front, back)", "--show-labels");
  await k.says("configmap/conf unlabeled", "label", "cm", "conf", "tier-");
  await k.says("configmap/conf annotated", "annotate", "cm", "conf", "note=hello there");
}

async function refusesWrongInput(k: Client): Promise<void> {
  const file = join(machine.folder, `${k.namespace}-bad.yaml`);
  const deployment = (more: string): void =>
    writeFileSync(
      file,
      `apiVersion: apps/v1
kind: Deployment
metadata: {name: bad}
spec:
  ${more}
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: c}}
    spec: {containers: [{name: x, image: i, ports: [{containerPort: 99999}]}]}
`,
    );
  deployment("replicas: 1");
  await k.refuses(
    /^The Deployment "bad" is invalid: \n\* spec\.template\.metadata\.labels: Invalid value: \{"a":"c"\}: `selector` does not match template `labels`\n\* spec\.template\.spec\.containers\[0\]\.ports\[0\]\.containerPort: Invalid value: 99999: must be between 1 and 65535, inclusive\n$/,
    "apply",
    "-f",
    file,
  );
  deployment("replicaz: 1");
  await k.refuses(/strict decoding error: unknown field "spec\.replicaz"/, "apply", "-f", file);
  await k.refuses('error: the server doesn\'t have a resource type "nonesuch"', "get", "nonesuch");
  await k.refuses('Error from server (NotFound): pods "nonesuch" not found', "get", "pod", "nonesuch");
  await k.refuses(/field label not supported: bad\n$/, "get", "pods", "--field-selector=bad=1");
  await k.refuses("error: Metrics API not available", "top", "pods");
  await k.refuses(/^Error from server \(Forbidden\): namespaces "default" is forbidden/m, "delete", "ns", "default");
}

async function showsWorkload(k: Client): Promise<void> {
  await k.says(/^NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +2\/2 +2 +2 +\w+\n$/, "get", "deploy");
  await k.says(/^web .* busybox +localhost\/troupe\/busybox:1 +app=web$/m, "get", "deploy", "-o", "wide");
  await k.says(
    /^NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES\n(web-\S+ +1\/1 +Running +0 +\w+ +10\.42\.\S+ +n1 +<none> +<none>\n){2}$/,
    "get",
    "pods",
    "-o",
    "wide",
  );
  await k.shows(
    /Replicas: +2 desired \| 2 updated \| 2 total \| 2 available \| 0 unavailable\n[^]*Scaled up replica set web-\S+ from 0 to 2\n$/,
    "describe",
    "deploy",
    "web",
  );
  const events =
    /Events:\n +Type.*\n +-.*\n +Normal +Scheduled .*\n +Normal +Pulled .*\n +Normal +Created .*\n +Normal +Started .*\n/;
  await k.shows(events, "describe", "pods", "-l", "app=web");
  await k.shows(
    /^\S+ +Normal +ScalingReplicaSet +Deployment\/web +Scaled up replica set/m,
    "events",
    "--for=deployment/web",
  );
  await k.shows(/^\S+ +Normal +SuccessfulCreate +replicaset\/web-/m, "get", "events");
  await k.says("service/web exposed", "expose", "deployment", "web", "--port=80", "--target-port=8080");
  await k.shows(/Endpoints: +10\.42\.\S+:8080,10\.42\.\S+:8080\n/, "describe", "service", "web");
}

async function talksToPods(k: Client): Promise<void> {
  const { t } = k;
  const pod = (
    await k.says(/^web-/, "get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].metadata.name}")
  ).trim();
  await k.shows(/^line \d+\nline \d+\n$/, "logs", pod, "--tail=2");
  await k.says(/^\d{4}-\d\d-\d\dT\S+Z line \d+$/m, "logs", pod, "-c", "busybox", "--timestamps", "--since=10s");
  await k.shows(/^(\[pod\/web-\S+\/busybox\] line \d+\n){2}$/, "logs", "-l", "app=web", "--prefix", "--tail=1");
  await k.refuses(`error: container nope is not valid for pod ${pod}`, "logs", pod, "-c", "nope");
  t.regex(await heard(k, ["logs", "-f", pod, "--tail=1"], 3), /^(line \d+\n){3}/);
  t.regex(await heard(k, ["attach", pod], 3), /^(line \d+\n){3}/);

  const failed = await k.raw(["exec", pod, "--", "sh", "-c", "echo out; echo err >&2; exit 7"]);
  t.deepEqual(failed, { code: 7, stdout: "out\n", stderr: "err\ncommand terminated with exit code 7\n" });
  const fed = await k.raw(["exec", "-i", pod, "--", "wc", "-c"], { input: "x".repeat(1_000_000) });
  t.deepEqual(fed, { code: 0, stdout: "1000000\n", stderr: "" });
  const command = `${k.path} -n ${k.namespace} exec -it ${pod} -- sh -c '${sizeOfTerminal("33 99")}'`;
  const terminal = await machine.run("script", ["-qec", `stty rows 33 cols 99; ${command}`, "/dev/null"]);
  t.regex(terminal.stdout, /\/dev\/pts\/\d+\r\n[^]*33 99\r\n$/);
  await k.refuses(/executable file not found in \$PATH/, "exec", pod, "--", "nonesuch");

  const file = join(machine.folder, `${k.namespace}.txt`);
  writeFileSync(file, "copied\n");
  await k.says("", "cp", file, `${pod}:/tmp/there`);
  k.check(["cp"], await k.raw(["cp", `${pod}:/tmp/there`, `${file}.back`]), 0);
  t.is(readFileSync(`${file}.back`, "utf8"), "copied\n");
  await forwards(k, pod);
}

/** The first lines of a command that goes on. */
async function heard(k: Client, args: readonly string[], lines: number): Promise<string> {
  const { said, stop } = start(k, args);
  try {
    await until(`${args.join(" ")} says ${lines} lines`, async () => said().split("\n").length > lines);
    return said();
  } finally {
    stop();
  }
}

/** A command that goes on until it is stopped. */
function start(k: Client, args: readonly string[]): { readonly said: () => string; readonly stop: () => void } {
  const child = machine.start(k.path, ["-n", k.namespace, ...args]);
  let text = "";
  child.stdout?.on("data", (bytes: Buffer) => (text += bytes.toString()));
  return { said: () => text, stop: () => void child.kill("SIGKILL") };
}

async function forwards(k: Client, pod: string): Promise<void> {
  const { t } = k;
  const serve = "mkdir -p /tmp/w; echo served > /tmp/w/index.html; httpd -p 8080 -h /tmp/w";
  await k.says("", "exec", pod, "--", "sh", "-c", serve);
  const child = machine.start(k.path, ["-n", k.namespace, "port-forward", pod, ":8080"]);
  try {
    let text = "";
    child.stdout?.on("data", (bytes: Buffer) => (text += bytes.toString()));
    child.stderr?.on("data", (bytes: Buffer) => (text += bytes.toString()));
    await until("a forwarded port", async () => /127\.0\.0\.1:\d+ -> 8080/.test(text));
    const url = `http://127.0.0.1:${/127\.0\.0\.1:(\d+)/.exec(text)?.[1]}/`;
    const get = (): Promise<Ran> => machine.run("busybox", ["wget", "-q", "-O", "-", url]);
    for (const ran of await Promise.all([get(), get(), get(), get()])) t.is(ran.stdout, "served\n", text);
    t.is((await get()).stdout, "served\n", text);
  } finally {
    child.kill("SIGKILL");
  }
}

async function rollsOut(k: Client): Promise<void> {
  const status = (): Promise<string> =>
    k.says(/deployment "web" successfully rolled out\n$/, "rollout", "status", "deploy/web", "--timeout=60s");
  await k.says("deployment.apps/web scaled", "scale", "deploy/web", "--replicas=1");
  await k.refuses(
    "error: Expected replicas to be 5, was 1",
    "scale",
    "deploy/web",
    "--replicas=2",
    "--current-replicas=5",
  );
  await k.says("deployment.apps/web env updated", "set", "env", "deploy/web", "COLOR=red");
  await k.says("# Deployment web, container busybox\nCOLOR=red", "set", "env", "deploy/web", "--list");
  await status();
  await k.says(
    "deployment.apps/web resource requirements updated",
    "set",
    "resources",
    "deploy/web",
    "--requests=cpu=1m",
  );
  // Two changes at once are one revision.
  await k.shows(/^3 +<none>$/m, "rollout", "history", "deploy/web");
  await k.says("deployment.apps/web image updated", "set", "image", "deploy/web", "busybox=localhost/none:1");
  await k.shows(
    /^deployment\.apps\/web \nREVISION +CHANGE-CAUSE\n1 +<none>\n2 +<none>\n3 +<none>\n4 +<none>\n/,
    "rollout",
    "history",
    "deploy/web",
  );
  await k.says(/with revision #2\n[^]*COLOR:\tred\n/, "rollout", "history", "deploy/web", "--revision=2");
  await k.refuses(/timed out waiting for the condition\n$/, "rollout", "status", "deploy/web", "--timeout=4s");
  await k.says("deployment.apps/web rolled back", "rollout", "undo", "deploy/web");
  await status();
  await k.refuses(
    "error: unable to find specified revision 99 in history",
    "rollout",
    "undo",
    "deploy/web",
    "--to-revision=99",
  );
  await k.says("deployment.apps/web paused", "rollout", "pause", "deploy/web");
  await k.refuses('error: deployments.apps "web" is already paused', "rollout", "pause", "deploy/web");
  await k.says("deployment.apps/web resumed", "rollout", "resume", "deploy/web");
  await k.says("deployment.apps/web restarted", "rollout", "restart", "deploy/web");
  await status();
  await k.says('deployment.apps "web" deleted', "delete", "deploy", "web");
  await k.says(/^$|condition met/, "wait", "pods", "-l", "app=web", "--for=delete", "--timeout=60s");
}

async function failsWithReasons(t: ExecutionContext): Promise<void> {
  const k = await clientOf(t, newest!, "f");
  const run = (pod: string, ...more: readonly string[]): Promise<string> =>
    k.says(`pod/${pod} created`, "run", pod, ...more);
  await run("pull", "--image=localhost/none:2");
  await run("crash", `--image=${image}`, "--command", "--", "sh", "-c", "echo crashed; exit 3");
  await run("once", `--image=${image}`, "--restart=Never", "--command", "--", "sh", "-c", "echo hi; exit 3");
  const shows = (what: RegExp): Promise<void> =>
    until(`${what}`, async () => what.test((await k.raw(["get", "pods"])).stdout));
  await shows(/^pull +0\/1 +ImagePullBackOff +0 /m);
  await shows(/^crash +0\/1 +CrashLoopBackOff +[1-9] \(\w+ ago\) /m);
  await shows(/^once +0\/1 +Error +0 /m);
  const waits = 'container "pull" in pod "pull" is waiting to start: trying and failing to pull image';
  await k.refuses(new RegExp(`^Error from server \\(BadRequest\\): ${waits}|image can't be pulled`), "logs", "pull");
  await k.refuses(
    'error: Internal error occurred: unable to upgrade connection: container not found ("pull")',
    "exec",
    "pull",
    "--",
    "true",
  );
  await k.says("crashed", "logs", "crash", "--previous");
  await k.says("hi", "logs", "once");
  await k.refuses(
    'Error from server (BadRequest): previous terminated container "once" in pod "once" not found',
    "logs",
    "once",
    "-p",
  );
  await k.shows(/^ +Warning +Failed .*Error: ErrImagePull\n/m, "describe", "pod", "pull");
  const quick = ["run", "quick", "--rm", "-i", `--image=${image}`, "--restart=Never", "--", "echo", "soon"];
  t.regex((await k.raw(quick)).stdout, /^(soon\n)?pod "quick" deleted/);
  const forced = await k.raw(["delete", "pod", "pull", "crash", "once", "--force", "--grace-period=0"]);
  t.regex(forced.stderr, /^Warning: Immediate deletion does not wait/);
  t.regex(forced.stdout, /^pod "pull" force deleted\npod "crash" force deleted\npod "once" force deleted\n/);
}

serial("a watch shows each change as a row", async (t) => {
  const k = await clientOf(t, newest!, "watch");
  // It comes by itself, and not in between.
  await k.shows(/^kube-root-ca\.crt /m, "get", "cm");
  await k.says("configmap/here created", "create", "cm", "here");
  const { said, stop } = start(k, ["get", "cm", "-w"]);
  t.teardown(stop);
  // From what was listed on, the watch misses nothing.
  await until("what is there is listed", async () => /^here .*\n/m.test(said()));
  await k.says("configmap/seen created", "create", "cm", "seen");
  await k.says("configmap/seen patched", "patch", "cm", "seen", "-p", '{"data":{"a":"b"}}');
  await k.says('configmap "seen" deleted', "delete", "cm", "seen");
  await until("three changes are shown", async () => /^(?:seen .*\n){3}/m.test(said()));
  t.regex(said(), /^NAME +DATA +AGE\n[^]*^seen +0 +\w+\nseen +1 +\w+\nseen +1 +\w+\n/m);
});

serial("proxy passes the API on", async (t) => {
  const k = await clientOf(t, newest!, "proxy");
  const child = machine.start(k.path, ["proxy", "--port=0"]);
  try {
    let text = "";
    child.stdout?.on("data", (bytes: Buffer) => (text += bytes.toString()));
    await until("the proxy serves", async () => /Starting to serve on \S+:\d+/.test(text));
    const url = `http://127.0.0.1:${/:(\d+)/.exec(text)?.[1]}/api/v1/namespaces/default`;
    const ran = await machine.run("busybox", ["wget", "-q", "-O", "-", url]);
    t.is((JSON.parse(ran.stdout) as { readonly kind: string }).kind, "Namespace");
  } finally {
    child.kill("SIGKILL");
  }
});

for (const version of versions) {
  serial(`kubectl ${version.version} asks for nothing twice`, async (t) => {
    const k = await clientOf(t, version, "v");
    const asks = async (...args: readonly string[]): Promise<readonly string[]> => {
      const ran = await k.raw(["-v=6", ...args]);
      k.check(args, ran, 0);
      // 1.33 names verb, url and status; those before print one line.
      const lines = [
        ...ran.stderr.matchAll(/(?:verb="| )([A-Z]+)(?:" url="| )https:\/\/[^/]+([^ "?]*)\S*(?: status="| )(\d+)/g),
      ];
      return lines.map(([, verb, path, code]) => `${verb} ${path} ${code}`);
    };
    const base = `/api/v1/namespaces/${k.namespace}`;
    const made = await asks("create", "configmap", "c", "--from-literal=a=b");
    t.deepEqual(made, [`POST ${base}/configmaps 201`]);
    t.deepEqual(await asks("get", "configmaps"), [`GET ${base}/configmaps 200`]);
    t.deepEqual(await asks("delete", "configmap", "c"), [
      `DELETE ${base}/configmaps/c 200`,
      `GET ${base}/configmaps/c 404`,
    ]);
    const applied = await asks("apply", "-f", join(root, "examples/hello/service.yaml"), "--dry-run=server");
    t.deepEqual(applied, [
      "GET /openapi/v3 200",
      "GET /openapi/v3/api/v1 200",
      `GET ${base}/services/hello 404`,
      `GET /api/v1/namespaces/${k.namespace} 200`,
      `POST ${base}/services 201`,
    ]);
    t.false(
      applied.some((line) => / (4[^0]\d|40[^4]|5\d\d)$/.test(line)),
      applied.join("\n"),
    );
    t.deepEqual(await asks("explain", "service"), ["GET /openapi/v3 200", "GET /openapi/v3/api/v1 200"]);
  });
}
