/** `troupe image load FILE`: an OCI or docker archive into the nodes of a cluster on this machine. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { UserError } from "../../util/errors.ts";
import { clusterOptions } from "../cluster-options.ts";
import { text, type Command } from "../command.ts";
import { layoutOf, requireCluster } from "../cluster-file.ts";
import { print } from "../output.ts";
import { self } from "../self.ts";

export const image: Command = {
  name: "image",
  summary: "Loads an OCI or docker archive into the nodes.",
  examples: ["troupe image load app.tar --name dev"],
  arguments: "load FILE ",
  options: clusterOptions,
  async run(values, [verb, file]) {
    if (verb !== "load" || file === undefined) {
      throw new UserError("TRP-0002", "image knows one verb: load FILE", {
        hint: `${self} image load app.tar`,
        exitCode: 2,
      });
    }
    if (!existsSync(file)) throw new UserError("TRP-0130", `there is no file ${file}`, { exitCode: 2 });
    const { dataDir, cluster } = await requireCluster(text(values, "name") ?? "dev", text(values, "data-dir"));
    if (cluster.runtime !== "containerd") {
      throw new UserError("TRP-0131", "simulated nodes run no containers and take no images", { exitCode: 1 });
    }
    const { loadImage } = await import("../../server/image.ts");
    for (const node of cluster.nodes) {
      const names = await loadImage(layoutOf(dataDir).node(node), resolve(file), cluster.runtimeEndpoint);
      for (const name of names) print(`${node}: ${name}`);
    }
    return 0;
  },
};
