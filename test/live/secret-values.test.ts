// A Secret's value is where it was asked for, and nowhere else: not in any answer of the command line, nor in
// logs at debug level, metrics, Events, errors, actors, or on the disk.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { canDrive, createMachine, until, waiting, type Machine, type Ran } from "./support/machine.ts";

const live = canDrive ? test.serial : test.serial.skip;
const name = `sv${process.pid % 10_000}`;
let machine: Machine;
let dataDir: string;

/** Of letters that no escaping changes; what is looked for is the text and its base64, whatever stands around it. */
const value = "SquirrelQuay7351Lantern";
const forms: readonly string[] = [
  value,
  Buffer.from(value).toString("base64").replace(/=+$/, ""),
  Buffer.from(value).toString("hex"),
  encodeURIComponent(value),
];

const leaks = (text: string): boolean => forms.some((form) => text.includes(form));

test.before(async () => {
  if (!canDrive) return;
  machine = createMachine();
  dataDir = join(machine.folder, "d");
  const up = ["up", "--name", name, "--data-dir", dataDir];
  const ran = await machine.run(process.execPath, [join(import.meta.dirname, "../../../bin/troupe"), ...up], {
    env: { TROUPE_VERBOSE: "1" },
    timeoutMs: 240_000,
  });
  if (ran.code !== 0) throw new Error(ran.stderr);
});
test.after.always(async () => {
  if (canDrive) await machine.dispose();
});

const container = {
  name: "app",
  image: "localhost/troupe/busybox:1",
  env: [
    { name: "WORD", valueFrom: { secretKeyRef: { name: "s", key: "word" } } },
    { name: "AGAIN", value: "is-$(WORD)" },
  ],
  envFrom: [{ secretRef: { name: "s" } }],
  volumeMounts: [{ name: "v", mountPath: "/v" }],
};

function pod(podName: string, change: object, spec: object = {}): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: podName },
    spec: {
      terminationGracePeriodSeconds: 0,
      ...spec,
      containers: [{ ...container, ...change }],
      volumes: [{ name: "v", secret: { secretName: "s" } }],
    },
  };
}

const secret = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "s" },
  type: "Opaque",
  stringData: { word: value },
};

async function kubectl(input: object, ...args: readonly string[]): Promise<Ran> {
  return machine.run("kubectl", [...args, "-f", "-"], { input: JSON.stringify(input) });
}

/** What is driven into errors, with the value in reach of whoever words them. */
async function driveErrors(): Promise<readonly Ran[]> {
  const pods = [
    pod("reads", { command: ["/bin/sh", "-c", `test "$AGAIN" = "is-$(cat /v/word)" && touch /tmp/ok; ${waiting}`] }),
    pod("fails", { command: ["/bin/sh", "-c", "echo leaving; exit 3"] }),
    pod("absent", { command: ["/no/such/$(WORD)"] }),
    ...["/bin/false", "/no/such"].map((command, at) =>
      pod(`probed${at}`, {
        command: ["/bin/sh", "-c", waiting],
        livenessProbe: { exec: { command: [command] }, periodSeconds: 1, failureThreshold: 1 },
      }),
    ),
    pod("unpulled", { image: "localhost/none/such:1" }),
    pod("keyless", { env: [{ name: "X", valueFrom: { secretKeyRef: { name: "s", key: "other" } } }] }),
    pod("unmounted", {}, { nodeSelector: { none: "such" } }),
  ];
  const ran: Ran[] = [];
  for (const each of pods) ran.push(await kubectl(each, "apply"));
  const bad = (change: object): object => ({ ...secret, ...change });
  ran.push(
    await kubectl(bad({ metadata: { name: "s" }, type: "kubernetes.io/tls" }), "replace"),
    await kubectl(bad({ metadata: { name: "t" }, stringData: { "bad key": value } }), "apply"),
    await kubectl(bad({ metadata: { name: "t" }, data: { k: `${value}!` } }), "apply"),
    await kubectl(
      bad({
        metadata: { name: "t" },
        type: "kubernetes.io/dockerconfigjson",
        stringData: { ".dockerconfigjson": value },
      }),
      "create",
    ),
    await kubectl(secret, "create"),
  );
  return ran;
}

/** Everything that the command line and the API say unasked. */
async function everythingSaid(): Promise<readonly (readonly [what: string, text: string])[]> {
  const troupe = [
    ["status", "--name", name],
    ["status", "--name", name, "-o", "json"],
    ["actors", "tree", "--name", name],
    ["actors", "tree", "--name", name, "-o", "json"],
    ["actors", "explain", "/obj/secrets/default/s", "--name", name],
    ["actors", "explain", "/obj/pods/default/reads", "--name", name],
    ...["table", "yaml", "json", "name"].flatMap((form) => [
      ["get", "secrets", "-o", form],
      ["get", "pods", "-o", form],
      ["get", "events", "-o", form],
      ["get", "secret", "s", "-o", form],
    ]),
    ["logs", "fails"],
    ["secrets", "rotate-key", "--name", name],
  ];
  const asked = [
    ["describe", "pods"],
    ["describe", "secret", "s"],
    ["describe", "nodes"],
    ["get", "events", "-A", "-o", "yaml"],
    ["get", "pods", "-A", "-o", "yaml"],
    ["get", "nodes", "-o", "yaml"],
    ["get", "secrets"],
    ["get", "--raw", "/metrics"],
    ["get", "--raw", "/readyz?verbose"],
    ["get", "--raw", "/apis/actors.troupe.dev/v1/actors"],
  ];
  const said: (readonly [string, string])[] = [];
  for (const args of troupe) {
    let [stdout, stderr] = ["", ""];
    // A container that was started this moment has not said anything yet.
    await until(`${args.join(" ")} says something`, async () => {
      ({ stdout, stderr } = await machine.troupe(...args));
      return stdout + stderr !== "";
    });
    said.push([`troupe ${args.join(" ")}`, `${stdout}\n${stderr}`]);
  }
  for (const args of asked) {
    const { stdout, stderr } = await machine.run("kubectl", args);
    said.push([`kubectl ${args.join(" ")}`, `${stdout}\n${stderr}`]);
  }
  return said;
}

live("a Secret's value goes where pods ask for it, and is said nowhere unasked", async (t) => {
  t.timeout(400_000);
  const file = join(machine.folder, "s.json");
  writeFileSync(file, JSON.stringify(secret));
  const applied = await machine.troupe("apply", "-f", file);
  t.is(applied.code, 0, applied.stderr);
  t.false(leaks(applied.stdout + applied.stderr));
  const refused = await driveErrors();
  t.true(
    refused.slice(-5, -1).every(({ code }) => code !== 0),
    JSON.stringify(refused.slice(-5)),
  );
  await until(
    "a pod has read the value from variable and volume",
    async () => {
      return (await machine.run("kubectl", ["exec", "reads", "--", "test", "-e", "/tmp/ok"])).code === 0;
    },
    120_000,
  );
  await until(
    "the others have failed",
    async () => {
      const events = await machine.kubectl("get", "events", "-o", "jsonpath={.items[*].reason}");
      return ["Failed", "BackOff", "Unhealthy"].every((reason) => events.includes(reason));
    },
    120_000,
  );
  for (const [at, { stdout, stderr }] of refused.entries()) t.false(leaks(stdout + stderr), `refusal ${at}: ${stderr}`);
  for (const [what, text] of await everythingSaid()) {
    t.true(text.length > 1, what);
    t.false(leaks(text), `${what}: ${text.slice(0, 2_000)}`);
  }
  // The search finds what there is to find.
  const shown = await machine.troupe("get", "secret", "s", "-o", "json", "--show-secrets");
  t.true(leaks(shown.stdout));

  const words = forms.flatMap((form) => ["-e", form]);
  const found = await machine.run("grep", ["-rlaF", ...words, dataDir], { timeoutMs: 90_000 });
  const files = found.stdout.split("\n").filter((line) => line !== "");
  // containerd keeps what a container is started with, and writes down why one did not start; a mounted
  // volume is memory.
  const asked = /\/n1\/(?:root|state|memory)\/|\/n1\/log\/containerd\.log$/;
  t.deepEqual(
    files.filter((path) => !asked.test(path)),
    [],
  );
  t.true(files.length > 0, "the running container's volume is found");
});
