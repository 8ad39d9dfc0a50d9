/** The DNS process of a node; started by its agent, outlives it. */
import { resolve } from "node:path";
import { realNet } from "../../env/real/net.ts";
import { realSockets } from "../../env/real/sockets.ts";
import { UserError } from "../../util/errors.ts";
import { text, type Command } from "../command.ts";
import { layoutOf, readCluster } from "../cluster-file.ts";
import { createProcessEnv } from "../process-env.ts";

export const dns: Command = {
  name: "dns",
  summary: "Serves the cluster's DNS on one node.",
  examples: ["troupe dns --data-dir /var/lib/troupe/dev --node n1"],
  options: [
    { name: "data-dir", type: "string", value: "DIR", help: "data directory of the cluster" },
    { name: "node", type: "string", value: "NAME", help: "name of the node" },
  ],
  async run(values) {
    const dataDir = resolve(text(values, "data-dir") ?? "");
    const cluster = await readCluster(dataDir);
    if (cluster === undefined) throw new UserError("TRP-0111", `there is no cluster at ${dataDir}`, { exitCode: 3 });
    const dataDirectory = layoutOf(dataDir).node(text(values, "node") ?? "n1");
    const { runDnsNode } = await import("../../server/dns.ts");
    await runDnsNode({
      env: createProcessEnv({ diskRoot: dataDirectory, verbose: false }),
      net: realNet(),
      sockets: realSockets,
      dataDirectory,
      address: cluster.dnsAddress,
    });
    await new Promise<void>((settle) => {
      for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => settle());
    });
    process.exit(0);
  },
};
