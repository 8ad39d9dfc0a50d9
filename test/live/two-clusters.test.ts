// Two clusters on one machine: the first in its network, the second in a namespace behind a bridge.
// Each runs pods and answers on its NodePorts; taking one down leaves the other alone.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { createMachine, canDrive, until, waiting, type Machine } from "./support/machine.ts";

const live = canDrive ? test.serial : test.serial.skip;
let machine: Machine;
const id = process.pid % 10_000;
const names = [`ca${id}`, `cb${id}`] as const;

interface Facts {
  readonly network: string;
  readonly address: string;
  readonly podCidr: string;
  readonly serviceCidr: string;
}

const dataDir = (name: string): string => join(machine.folder, name);
const facts = (name: string): Facts => JSON.parse(readFileSync(join(dataDir(name), "cluster.json"), "utf8")) as Facts;
const kubectl = (name: string, ...args: readonly string[]): Promise<string> =>
  machine.kubectl("--context", `troupe-${name}`, ...args);

/** A pod that answers with its cluster's name, behind the same NodePort in both. */
const manifest = (name: string): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "List",
    items: [
      {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: "web", labels: { app: "web" } },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: "web",
              image: "localhost/troupe/busybox:1",
              command: ["sh", "-c", `mkdir /w; echo ${name} > /w/index.html; httpd -p 8080 -h /w; ${waiting}`],
              readinessProbe: { httpGet: { path: "/", port: 8080 }, periodSeconds: 1 },
            },
          ],
        },
      },
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "site" },
        spec: { type: "NodePort", selector: { app: "web" }, ports: [{ port: 80, targetPort: 8080, nodePort: 30_081 }] },
      },
    ],
  });

async function fetched(...args: readonly string[]): Promise<string> {
  const ran = await machine.run("busybox", ["wget", "-q", "-O", "-", ...args], { timeoutMs: 10_000 });
  return ran.stdout.trim();
}

test.before(() => {
  if (canDrive) machine = createMachine();
});
test.after.always(async () => {
  if (canDrive) await machine.dispose();
});

live("both come up at the same time, with ranges and networks of their own", async (t) => {
  const ups = await Promise.all(names.map((name) => machine.troupe("up", "--name", name, "--data-dir", dataDir(name))));
  for (const ran of ups) t.is(ran.code, 0, ran.stderr);
  const both = names.map(facts);
  t.deepEqual(both.map(({ network }) => network).toSorted(), ["host", "namespace"]);
  t.is(new Set(both.flatMap(({ podCidr, serviceCidr }) => [podCidr, serviceCidr])).size, 4);
});

live("a pod runs in each, answers exec and, on the same NodePort, the machine", async (t) => {
  for (const name of names) await apply(name);
  for (const name of names) {
    await kubectl(name, "wait", "--for=condition=Ready", "pod/web", "--timeout=60s");
    t.is((await kubectl(name, "exec", "web", "--", "cat", "/w/index.html")).trim(), name);
    const port = `http://${facts(name).address}:30081/`;
    await until(`${port} answers`, async () => (await fetched(port)) === name);
    await until(`${name} answers by its Service's name`, async () => {
      const inside = await kubectl(name, "exec", "web", "--", "wget", "-q", "-O", "-", "http://site/");
      return inside.trim() === name;
    });
  }
});

live("a pod of each reaches its own master through the Service kubernetes", async (t) => {
  for (const name of names) {
    const script = "nc -w 20 kubernetes.default 443 </dev/null && echo open";
    t.is((await kubectl(name, "exec", "web", "--", "sh", "-c", script)).trim(), "open");
  }
});

live("down of one leaves the other serving, and nothing of itself", async (t) => {
  const inside = names.find((name) => facts(name).network === "namespace")!;
  const outside = names.find((name) => name !== inside)!;
  const kept = `http://${facts(outside).address}:30081/`;
  const ran = await machine.troupe("down", "--name", inside);
  t.is(ran.code, 0, ran.stderr);
  t.is(await fetched(kept), outside);
  t.is((await machine.troupe("status", "--name", outside)).code, 0);
  t.notRegex((await machine.run("ip", ["netns"])).stdout, new RegExp(`troupe-${inside}-`));
  t.notRegex((await machine.run("ip", ["-o", "link"])).stdout, / t[bv]\d/);
  t.notRegex((await machine.run("nft", ["list", "tables"])).stdout, new RegExp(inside));

  const again = await machine.troupe("up", "--name", inside);
  t.is(again.code, 0, again.stderr);
  t.is((await machine.troupe("down", "--name", outside)).code, 0);
  const port = `http://${facts(inside).address}:30081/`;
  await until(`${port} answers after its cluster came back`, async () => (await fetched(port)) === inside);
});

async function apply(name: string): Promise<void> {
  const ran = await machine.run("kubectl", ["--context", `troupe-${name}`, "apply", "-f", "-"], {
    input: manifest(name),
  });
  if (ran.code !== 0) throw new Error(ran.stderr);
}
