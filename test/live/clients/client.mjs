// @kubernetes/client-node, unmodified, against a live cluster: one line `ok STEP` for each step.
// `RESTART` names a command that kills the master; the informer must go on by itself.
import { strictEqual, deepStrictEqual, ok as holds } from "node:assert";
import { execFileSync } from "node:child_process";
import { connect, createServer } from "node:net";
import { PassThrough } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import * as k8s from "@kubernetes/client-node";

const config = new k8s.KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(k8s.CoreV1Api);
const apps = config.makeApiClient(k8s.AppsV1Api);
const coordination = config.makeApiClient(k8s.CoordinationV1Api);
const namespace = "js";
const image = "localhost/troupe/busybox:1";
const ok = (step) => process.stdout.write(`ok ${step}\n`);

async function until(what, check) {
  for (const deadline = Date.now() + 90_000; Date.now() < deadline; await delay(100)) if (await check()) return;
  throw new Error(`not within 90 s: ${what}`);
}

await core.createNamespace({ body: { metadata: { name: namespace } } });
const body = {
  metadata: { name: "web" },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: "web" } },
    template: {
      metadata: { labels: { app: "web" } },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [
          {
            name: "web",
            image,
            command: ["sh", "-c", "echo started; exec httpd -f -p 8080 -h /etc"],
            readinessProbe: { httpGet: { path: "/hostname", port: 8080 }, periodSeconds: 1 },
          },
        ],
      },
    },
  },
};
await apps.createNamespacedDeployment({ namespace, body });
let name = "";
await until("a pod is ready", async () => {
  const { items } = await core.listNamespacedPod({ namespace });
  const ready = items.find((pod) => pod.status?.conditions?.some((c) => c.type === "Ready" && c.status === "True"));
  name = ready?.metadata?.name ?? "";
  return name !== "";
});
ok("typed create and list");

// An informer over a master's death: no event is missed, and none is told twice.
const events = [];
const informer = k8s.makeInformer(config, `/api/v1/namespaces/${namespace}/configmaps`, () =>
  core.listNamespacedConfigMap({ namespace }),
);
const note = (verb) => (object) => {
  if (object.metadata.name.startsWith("i-")) events.push(`${verb} ${object.metadata.name}`);
};
informer.on("add", note("add"));
informer.on("update", note("update"));
informer.on("delete", note("delete"));
informer.on("error", () => setTimeout(() => informer.start(), 200));
await informer.start();
const make = (id) => core.createNamespacedConfigMap({ namespace, body: { metadata: { name: `i-${id}` } } });
await make(1);
await until("the first is seen", () => events.length === 1);
execFileSync("sh", ["-c", process.env.RESTART], { stdio: "inherit" });
await until("the master is back", () =>
  core.readNamespace({ name: namespace }).then(
    () => true,
    () => false,
  ),
);
await make(2);
await core.deleteNamespacedConfigMap({ namespace, name: "i-1" });
await until("all is seen", () => events.includes("add i-2") && events.includes("delete i-1"));
deepStrictEqual(
  events
    .filter((event) => event.startsWith("add") || event.startsWith("delete"))
    .toSorted((a, b) => a.localeCompare(b)),
  ["add i-1", "add i-2", "delete i-1"],
);
await informer.stop();
ok("an informer over a restart of the master");

// Leader election on a Lease: two candidates, one writes with the version that it read.
const lease = (holderIdentity, resourceVersion) => ({
  metadata: { name: "leader", namespace, resourceVersion },
  spec: { holderIdentity, leaseDurationSeconds: 2, renewTime: new k8s.V1MicroTime() },
});
await coordination.createNamespacedLease({ namespace, body: lease("a") });
const second = await coordination.createNamespacedLease({ namespace, body: lease("b") }).catch((error) => error);
strictEqual(second.code, 409);
strictEqual(JSON.parse(second.body).reason, "AlreadyExists");
const { metadata } = await coordination.readNamespacedLease({ namespace, name: "leader" });
const version = metadata.resourceVersion;
const renewed = await coordination.replaceNamespacedLease({ namespace, name: "leader", body: lease("a", version) });
strictEqual(renewed.spec.holderIdentity, "a");
const late = await coordination
  .replaceNamespacedLease({ namespace, name: "leader", body: lease("b", version) })
  .catch((error) => error);
strictEqual(late.code, 409);
ok("leader election on a Lease");

// Server-side apply.
const patchOptions = k8s.setHeaderOptions("Content-Type", k8s.PatchStrategy.ServerSideApply);
const apply = (fieldManager, replicas, force) =>
  apps.patchNamespacedDeployment(
    {
      namespace,
      name: "web",
      fieldManager,
      force,
      body: { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web" }, spec: { replicas } },
    },
    patchOptions,
  );
await apply("one", 1, true);
const conflict = await apply("two", 2, false).catch((error) => error);
strictEqual(conflict.code, 409);
holds(conflict.body.includes(".spec.replicas"), conflict.body);
strictEqual((await apply("two", 2, true)).spec.replicas, 2);
ok("server-side apply, its conflict and force");

const [out, err] = [new PassThrough(), new PassThrough()];
let said = "";
out.on("data", (bytes) => (said += bytes));
const status = await new Promise((resolve, reject) => {
  new k8s.Exec(config)
    .exec(namespace, name, "web", ["sh", "-c", "cat; exit 3"], out, err, PassThrough.from(["hi\n"]), false, resolve)
    .catch(reject);
});
strictEqual(status.details?.causes?.[0]?.message, "3", JSON.stringify(status));
await until("the output came", () => said === "hi\n");
ok("exec with standard input and an exit code");

const log = new PassThrough();
let logged = "";
log.on("data", (bytes) => (logged += bytes));
const following = await new k8s.Log(config).log(namespace, name, "web", log, { follow: true });
await until("the log came", () => logged === "started\n");
following.abort();
ok("logs, followed");

const forward = new k8s.PortForward(config);
const server = createServer((socket) => void forward.portForward(namespace, name, [8080], socket, null, socket));
await new Promise((settle) => server.listen(0, "127.0.0.1", settle));
const answer = await new Promise((resolve, reject) => {
  let text = "";
  const socket = connect(server.address().port, "127.0.0.1", () => socket.write("GET /hostname HTTP/1.0\r\n\r\n"));
  socket.on("data", (bytes) => {
    text += bytes;
    if (text.includes(name)) {
      resolve(text);
      socket.destroy();
    }
  });
  socket.on("error", reject);
  setTimeout(() => reject(new Error(`only "${text}" came`)), 90_000).unref();
});
holds(answer.includes("200 OK"));
server.close();
ok("port-forward");

const watched = [];
const request = await new k8s.Watch(config).watch(
  `/api/v1/namespaces/${namespace}/configmaps`,
  { allowWatchBookmarks: true, sendInitialEvents: true, resourceVersionMatch: "NotOlderThan" },
  (type, object) => watched.push([type, object.metadata.annotations?.["k8s.io/initial-events-end"]]),
  () => {},
);
await until("the list has ended", () => watched.some(([type, end]) => type === "BOOKMARK" && end === "true"));
request.abort();
ok("a watch that begins with the list");

await apps.deleteNamespacedDeployment({ namespace, name: "web", propagationPolicy: "Foreground" });
await until("all is deleted", async () => (await core.listNamespacedPod({ namespace })).items.length === 0);
ok("foreground deletion");
process.exit(0);
