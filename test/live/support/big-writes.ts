/**
 * Writes one large ConfigMap again and again, until so much is in the log. A process of its own inside a machine's
 * namespace; a write that is refused or lost is asked for again.
 *
 * usage: node big-writes.js KUBECONFIG MIB
 */
import { setTimeout as delay } from "node:timers/promises";
import { createRestClient, type Answer } from "./rest-client.ts";

const [kubeconfig = "", mib = "0"] = process.argv.slice(2);
const sizeBytes = 900_000;
const folder = "/api/v1/namespaces/default/configmaps";
const client = createRestClient(kubeconfig, { timeoutMs: 10_000 });

async function ask(method: string, path: string, body: object): Promise<Answer> {
  for (;;) {
    const answer = await client.call(method, path, body).catch(() => undefined);
    if (answer !== undefined && answer.status < 500) return answer;
    await delay(100);
  }
}

const metadata = { name: "big" };
await ask("POST", folder, { metadata });
for (let written = 0; written < Number(mib) * 1_048_576; written += sizeBytes) {
  await ask("PUT", `${folder}/big`, { metadata, data: { v: String(written).padEnd(sizeBytes, "x") } });
}
process.exit(0);
