// Rolling updates of real containers under client loops through the ClusterIP: no request is lost,
// without sleep hooks; undo brings the old version back; a bad image stops the rollout and says why.
import { join } from "node:path";
import test from "ava";
import { killLoads, startLoad } from "./support/load.ts";
import { createMachine, canDrive, root, until, type Machine } from "./support/machine.ts";

const live = canDrive ? test.serial : test.serial.skip;
const name = `ro${process.pid % 10_000}`;
const rollouts = 4;
let machine: Machine;
let url: string;

test.before(async (t) => {
  if (!canDrive) return;
  machine = createMachine();
  const ran = await machine.troupe("up", "--name", name, "--data-dir", join(machine.folder, "d"));
  t.is(ran.code, 0, ran.stderr);
  await machine.kubectl("apply", "-f", join(root, "examples/hello"));
  await machine.kubectl("rollout", "status", "deployment/hello", "--timeout=60s");
  url = `http://${await machine.kubectl("get", "service", "hello", "-o", "jsonpath={.spec.clusterIP}")}/`;
  // From here on no request is lost; until here nobody has said that the node knows of the Service.
  await until("the Service answers", async () => (await answer()) !== "");
});

async function answer(): Promise<string> {
  return (await machine.run("busybox", ["wget", "-q", "-O", "-", url], { timeoutMs: 10_000 })).stdout;
}

test.after.always(async () => {
  killLoads();
  if (canDrive) await machine.dispose();
});

/** A pod that asks through the ClusterIP, one request after the other; a line for each that fails. */
async function startClientPod(): Promise<void> {
  const script = `trap 'exit 0' TERM; while :; do timeout 5 wget -q -O /dev/null ${url} && n=$((n+1)) || echo "lost $(date +%T)"; echo $n > /tmp/n.new; mv /tmp/n.new /tmp/n; done`;
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "client" },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: "client", image: "localhost/troupe/busybox:1", command: ["/bin/sh", "-c", script] }],
    },
  };
  const ran = await machine.run("kubectl", ["apply", "-f", "-"], { input: JSON.stringify(pod) });
  if (ran.code !== 0) throw new Error(ran.stderr);
  await machine.kubectl("wait", "--for=condition=Ready", "pod/client", "--timeout=60s");
}

live("rollouts of three pods to three new ones lose no request of clients on the node and in a pod", async (t) => {
  await startClientPod();
  const load = await startLoad(machine, url, 6);
  for (let round = 1; round <= rollouts; round += 1) {
    await machine.kubectl("set", "env", "deployment/hello", `GREETING=round-${round}`);
    await machine.kubectl("rollout", "status", "deployment/hello", "--timeout=60s");
  }
  const { failures, answered, bodies } = await load.stop();
  t.deepEqual(failures, []);
  t.true(answered > 200, `${answered} requests`);
  for (let round = 1; round <= rollouts; round += 1) {
    t.true(
      Object.keys(bodies).some((body) => body.startsWith(`round-${round} from hello-`)),
      `round ${round}`,
    );
  }
  t.is(await machine.kubectl("logs", "client"), "");
  const asked = Number(await machine.kubectl("exec", "client", "--", "cat", "/tmp/n"));
  t.true(asked > 50, `${asked} requests from the pod`);
});

live("rollout undo brings the version before back, without losing a request", async (t) => {
  const load = await startLoad(machine, url, 4);
  await machine.kubectl("rollout", "undo", "deployment/hello");
  await machine.kubectl("rollout", "status", "deployment/hello", "--timeout=60s");
  const { failures } = await load.stop();
  t.deepEqual(failures, []);
  const env = "jsonpath={.spec.template.spec.containers[0].env[0].value}";
  t.is(await machine.kubectl("get", "deployment", "hello", "-o", env), `round-${rollouts - 1}`);
  // A pod that is on its way out may answer a little longer.
  await until("the version before answers", async () =>
    (await answer()).startsWith(`round-${rollouts - 1} from hello-`),
  );
});

live("a bad image stops the rollout and says why, and what serves goes on serving", async (t) => {
  const load = await startLoad(machine, url, 4);
  await machine.kubectl("patch", "deployment", "hello", "-p", '{"spec":{"progressDeadlineSeconds":4}}');
  // The first reason is shown for a second: who only looks now and then may miss it.
  const watching = machine.start("kubectl", ["get", "pods", "-l", "app=hello", "-w"]);
  t.teardown(() => watching.kill("SIGKILL"));
  let shown = "";
  watching.stdout!.on("data", (text: Buffer) => (shown += text.toString()));
  await until("the watch has begun", async () => shown.includes("hello-"));
  await machine.kubectl("set", "image", "deployment/hello", "web=localhost/troupe/none:1");
  const status = await machine.run("kubectl", ["rollout", "status", "deployment/hello", "--timeout=60s"]);
  t.is(status.code, 1);
  t.regex(status.stderr, /deployment "hello" exceeded its progress deadline/);
  const progressing = 'jsonpath={.status.conditions[?(@.type=="Progressing")].reason}';
  t.is(await machine.kubectl("get", "deployment", "hello", "-o", progressing), "ProgressDeadlineExceeded");
  t.is(await machine.kubectl("get", "deployment", "hello", "-o", "jsonpath={.status.availableReplicas}"), "3");
  for (const reason of [/ErrImagePull/, /ImagePullBackOff/]) {
    await until(`the pod shows ${String(reason)}`, async () => reason.test(shown));
  }
  t.regex(await machine.kubectl("events"), /Failed to pull image "localhost\/troupe\/none:1"/);
  await machine.kubectl("rollout", "undo", "deployment/hello");
  await machine.kubectl("rollout", "status", "deployment/hello", "--timeout=60s");
  t.deepEqual((await load.stop()).failures, []);
});
