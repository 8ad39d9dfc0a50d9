/** Stops a cluster and removes everything that it made outside its data directory. Run twice it finds nothing to do. */
import { resolve } from "node:path";
import { UserError } from "../../util/errors.ts";
import { dataDirOf, readCluster, registered, unregister } from "../cluster-file.ts";
import { clusterOptions } from "../cluster-options.ts";
import { flag, text, type Command } from "../command.ts";
import { removeUnbegun } from "../data-folder.ts";
import { withClusterLock } from "../lock.ts";
import { say } from "../output.ts";
import { self } from "../self.ts";
import { takeDown } from "../taking-down.ts";

export const down: Command = {
  name: "down",
  summary: "Stops a cluster and removes everything outside its data directory.",
  examples: ["troupe down --name dev", "troupe down --name dev --purge"],
  options: [...clusterOptions, { name: "purge", type: "boolean", help: "remove the data too" }],
  async run(values) {
    const name = text(values, "name") ?? "dev";
    const dataDir = resolve(await dataDirOf(name, text(values, "data-dir")));
    const cluster = await readCluster(dataDir);
    if (cluster === undefined) {
      if (text(values, "data-dir") === undefined) await unregister(name);
      // Who makes a cluster there right now holds the lock until there is one.
      const purged = flag(values, "purge") && (await withClusterLock(dataDir, () => removeUnbegun(dataDir)));
      if (purged) say(`removed ${dataDir}, in which no cluster had begun`);
      const others = (await registered()).map((entry) => entry.name);
      say(`there is no cluster "${name}"${others.length > 0 ? `; there is ${others.join(", ")}` : ""}`);
      return 0;
    }
    if (text(values, "name") !== undefined && cluster.name !== name) {
      throw new UserError("TRP-0113", `${dataDir} holds the cluster "${cluster.name}", not "${name}"`, {
        hint: `${self} down --name ${cluster.name} --data-dir ${dataDir}`,
      });
    }
    await takeDown({ name: cluster.name, dataDir, cluster, purge: flag(values, "purge") });
    return 0;
  },
};
