// `troupe/testing` and `troupe/client` as a user of the package gets them: the bundle.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import test from "ava";
import * as client from "troupe/client";
import * as testing from "troupe/testing";
import * as clientSources from "../../src/client/main.ts";
import { codeCacheOf, scriptOf } from "../../src/env/real/bundle.ts";
import * as sources from "../../src/testing/main.ts";
import { kubectls, root } from "./support/machine.ts";

const run = promisify(execFile);
const manifest = join(root, "examples", "testing", "manifests", "shop.yaml");

for (const { version, path } of kubectls().filter((each) => ["1.27", "1.31", "1.33"].includes(each.version))) {
  test.serial(`kubectl ${version} works on a virtual cluster`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "troupe-testing-"));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const script = () => ({ log: ["at your service"], exec: () => ({ stdout: "done\n", exitCode: 0 }) });
    await using cluster = await testing.createCluster({ nodes: 2, script });
    await using endpoint = await cluster.listen({ speed: 10 });
    const KUBECONFIG = join(folder, "config");
    writeFileSync(KUBECONFIG, endpoint.kubeconfig);
    const kubectl = async (...args: readonly string[]): Promise<string> => {
      const env = { ...process.env, KUBECONFIG, HOME: folder };
      const { stdout, stderr } = await run(path, ["-n", "shop", ...args], { env, timeout: 90_000 });
      t.is(
        stderr.replace(/^(?:Found \d+ pods, using|Defaulted container|Warning: deleting cluster-scoped) .*\n/gm, ""),
        "",
      );
      return stdout;
    };
    t.regex(await kubectl("apply", "-f", manifest), /deployment.apps\/front created/);
    t.regex(await kubectl("rollout", "status", "deployment/front"), /successfully rolled out/);
    t.is((await kubectl("get", "pods", "-o", "name")).trim().split("\n").length, 3);
    t.regex(await kubectl("logs", "deployment/front"), /at your service/);
    t.is(await kubectl("exec", "deployment/front", "--", "anything"), "done\n");
    t.regex(await kubectl("delete", "namespace", "shop", "--wait"), /deleted/);
    t.is(cluster.get("Namespace", "shop"), undefined);
    t.is(cluster.list("Pod", { namespace: "shop" }).length, 0);
  });
}

test("the bundle offers what the sources offer", (t) => {
  t.false(Object.is(testing.createCluster, sources.createCluster));
  t.deepEqual(Object.keys(testing), Object.keys(sources));
  t.deepEqual(Object.keys(client), Object.keys(clientSources));
  t.is(client.StatusError, testing.StatusError);
  t.is(client.TransientError, testing.TransientError);
});

test("a seed writes the same history in the bundle as in the sources", async (t) => {
  const historyOf = async ({ createCluster }: Pick<typeof sources, "createCluster">): Promise<string> => {
    await using cluster = await createCluster({ masters: 3, nodes: 2, seed: 4 });
    await cluster.apply(readFileSync(manifest, "utf8"));
    await cluster.settled();
    return `${cluster.digest} ${createHash("sha256").update(cluster.logBytes).digest("hex")}`;
  };
  t.is(await historyOf(testing), await historyOf(sources));
});

test("a typed client and a snapshot work in the bundle", async (t) => {
  await using cluster = await testing.createCluster({ seed: 2 });
  const typed = cluster.client();
  await t.throwsAsync(cluster.run(typed.kind("pods").get("nothing")), { instanceOf: client.StatusError });
  await cluster.apply(readFileSync(manifest, "utf8"));
  await cluster.settled();
  await using twin = await testing.createCluster({ from: structuredClone(await cluster.snapshot()) });
  t.is(twin.list("Pod").length, cluster.list("Pod").length);
});

test("a cold process takes V8's code cache, also behind a cluster, whose clock needs another flag", async (t) => {
  const file = join(root, "dist", "bundle", "troupe.cjs");
  await using cluster = await testing.createCluster();
  await cluster.settled();
  t.false(scriptOf(file, readFileSync(codeCacheOf(file))).cachedDataRejected);
});

test("the bundle runs under flags for which its code cache was not made", async (t) => {
  const file = join(root, "dist", "examples", "testing", "manifests.node.js");
  const { stdout } = await run(process.execPath, ["--expose-gc", "--test", file], { timeout: 120_000 });
  t.regex(stdout, /# pass 3/);
});

test("the test of manifests runs in Node's own test runner on the bundle", async (t) => {
  const file = join(root, "dist", "examples", "testing", "manifests.node.js");
  const { stdout } = await run(process.execPath, ["--test", file], { timeout: 120_000 });
  t.regex(stdout, /# pass 3/);
});
