// Stock kubectl against a virtual cluster: `cluster.listen()` of troupe/testing.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import test from "ava";
import { createCluster } from "../../src/testing/main.ts";
import { kubectls, root } from "./support/machine.ts";

const run = promisify(execFile);
const manifest = join(root, "examples", "testing", "manifests", "shop.yaml");

for (const { version, path } of kubectls().filter((each) => ["1.27", "1.31", "1.33"].includes(each.version))) {
  test.serial(`kubectl ${version} works on a virtual cluster`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "troupe-testing-"));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const script = () => ({ log: ["at your service"], exec: () => ({ stdout: "done\n", exitCode: 0 }) });
    await using cluster = await createCluster({ nodes: 2, script });
    await using endpoint = await cluster.listen({ speed: 10 });
    const KUBECONFIG = join(folder, "config");
    writeFileSync(KUBECONFIG, endpoint.kubeconfig);
    const kubectl = async (...args: readonly string[]): Promise<string> => {
      const env = { ...process.env, KUBECONFIG, HOME: folder };
      const { stdout, stderr } = await run(path, ["-n", "shop", ...args], { env, timeout: 30_000 });
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
