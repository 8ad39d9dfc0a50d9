// Three masters and two nodes with containers on one machine: each node in a network namespace of its own with a
// containerd of its own. Pods reach each other across the nodes, by address, by Service and by name; down leaves nothing.
import { join } from "node:path";
import test from "ava";
import { canDrive, createMachine, kubectls, until, waiting, type Machine } from "./support/machine.ts";
import { networkOf } from "./support/network.ts";
import { leftOvers } from "./support/processes.ts";

const live = canDrive ? test.serial : test.serial.skip;
const name = `tn${process.pid % 10_000}`;
let machine: Machine;
let data: string;
let before: readonly string[];

const pod = (node: string): object => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: `web-${node}`, labels: { app: "web" } },
  spec: {
    nodeName: node,
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: "web",
        image: "localhost/troupe/busybox:1",
        command: ["sh", "-c", `mkdir /w; echo ${node} > /w/index.html; httpd -p 8080 -h /w; ${waiting}`],
        readinessProbe: { httpGet: { path: "/", port: 8080 }, periodSeconds: 1 },
      },
    ],
  },
});

const service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web" },
  spec: { selector: { app: "web" }, ports: [{ port: 80, targetPort: 8080 }] },
};

test.before(async (t) => {
  if (!canDrive) return;
  machine = createMachine();
  data = join(machine.folder, "d");
  before = await networkOf(machine);
  const wanted = ["--masters", "3", "--nodes", "2", "--wait", "110s"];
  const ran = await machine.troupe("up", "--name", name, "--data-dir", data, ...wanted);
  t.is(ran.code, 0, ran.stderr);
});
test.after.always(async () => {
  if (canDrive) await machine.dispose();
});

live("a pod on each node: they fetch from each other by address, through the Service and by its name", async (t) => {
  const items = [pod("n1"), pod("n2"), service];
  const applied = await machine.run(kubectls().at(-1)?.path ?? "kubectl", ["apply", "-f", "-"], {
    input: JSON.stringify({ apiVersion: "v1", kind: "List", items }),
  });
  t.is(applied.code, 0, applied.stderr);
  for (const node of ["n1", "n2"]) {
    await machine.kubectl("wait", "--for=condition=Ready", `pod/web-${node}`, "--timeout=60s");
  }
  for (const [from, to] of [
    ["n1", "n2"],
    ["n2", "n1"],
  ] as const) {
    const address = await machine.kubectl("get", "pod", `web-${to}`, "-o", "jsonpath={.status.podIP}");
    const fetch = ["wget", "-q", "-O", "-"];
    const direct = await machine.kubectl("exec", `web-${from}`, "--", ...fetch, `http://${address}:8080/`);
    t.is(direct.trim(), to);
    const seen = new Set<string>();
    await until(`${from} reaches both pods through the Service`, async () => {
      seen.add((await machine.kubectl("exec", `web-${from}`, "--", ...fetch, "http://web.default/")).trim());
      return seen.size === 2;
    });
  }
});

live("down --purge leaves no process, mount, link or table of either node", async (t) => {
  const ran = await machine.troupe("down", "--name", name, "--purge");
  t.is(ran.code, 0, ran.stderr);
  t.deepEqual(leftOvers(data, name), []);
  t.deepEqual(await networkOf(machine), before);
});
