/**
 * `npm run bench -- proxy`: the service proxy at 1,000, 10,000 and 30,000 services of 3 endpoints.
 *
 * Method. The product's proxy (`startProxy`: rendering, delta, nft driver) runs in a network namespace
 * of its own on a set of made-up Services and EndpointSlices; a bare nft in a second namespace makes
 * the same changes with the same text, recorded on its way from the product. Full load: from the start
 * of the proxy until it reports the revision as programmed, three times on an empty namespace, against
 * one `nft -f -` with the same text. Update: one Service changes one of its endpoints, from the change
 * until it is programmed, 300 times, each followed by the bare one: the same line given to a running
 * `nft -i`. Beside it the same change by a process of its own (`nft -f -`), 10 times.
 */
import { fileURLToPath } from "node:url";
import { createMachine } from "../test/live/support/machine.ts";
import { load, say } from "./support/cluster.ts";

const sizes = [1_000, 10_000, 30_000];

export async function run(): Promise<object> {
  const results: Record<string, unknown> = {};
  for (const services of sizes) {
    const [own, bare] = [createMachine(), createMachine()];
    try {
      const script = fileURLToPath(new URL("support/proxy-worker.js", import.meta.url));
      const args = [script, String(services), bare.netns];
      const ran = await own.run(process.execPath, args, { timeoutMs: 120_000 });
      if (ran.code !== 0) throw new Error(ran.stderr);
      results[services] = JSON.parse(ran.stdout.trim().split("\n").at(-1)!) as unknown;
      say(`${services}: ${JSON.stringify(results[services])}  load ${load()}`);
    } finally {
      await own.dispose();
      await bare.dispose();
    }
  }
  return {
    bench: "proxy",
    endpointsEach: 3,
    services: results,
    method: "the product's proxy against a bare nft that makes the same change with the same text",
  };
}
