/** `troupe install server|agent`: a systemd unit, so that the machine starts it and keeps it running. */
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { UserError } from "../../util/errors.ts";
import { parseChoice } from "../arguments.ts";
import { dataDirOf, readCluster, readText, writeAtomic } from "../cluster-file.ts";
import { flag, text, type Command } from "../command.ts";
import { print, say } from "../output.ts";
import { processesOf } from "../processes.ts";
import { self } from "../self.ts";
import { unitName, unitText } from "../units.ts";

const systemFolder = "/etc/systemd/system";

export const install: Command = {
  name: "install",
  summary:
    "Writes a systemd unit for a master, or for the agent of a node. What stands\n" +
    "behind -- goes to troupe server or troupe agent as it is.",
  examples: [
    "troupe install server --name dev",
    "troupe install agent --name dev --node n1",
    "troupe install server --name dev --print",
  ],
  arguments: "server|agent [-- ARGUMENTS] ",
  options: [
    { name: "name", type: "string", value: "NAME", help: "name of the cluster (dev)" },
    { name: "data-dir", type: "string", value: "DIR", help: "its data directory, if it is not registered" },
    { name: "node", type: "string", value: "NAME", help: "agent: name of the node (n1)" },
    { name: "unit-dir", type: "string", value: "DIR", help: `where units lie (${systemFolder})` },
    { name: "print", type: "boolean", help: "only print the unit" },
  ],
  async run(values, [role = "", ...more]) {
    if (role !== "server" && role !== "agent") {
      throw new UserError("TRP-0002", "install what? server or agent", { hint: `${self} install --help`, exitCode: 2 });
    }
    const dataDir = resolve(await dataDirOf(text(values, "name") ?? "dev", text(values, "data-dir")));
    const cluster = await readCluster(dataDir);
    const node = text(values, "node") ?? "n1";
    if (role === "agent" && cluster !== undefined) parseChoice("node", node, cluster.nodes);
    const wish = {
      role,
      dataDir,
      node,
      nodePath: process.execPath,
      troupePath: resolve(process.argv[1]!),
      more,
    } as const;
    if (flag(values, "print")) {
      process.stdout.write(unitText(wish));
      return 0;
    }
    const path = join(resolve(text(values, "unit-dir") ?? systemFolder), unitName(wish));
    await mkdir(join(path, ".."), { recursive: true });
    const before = await readText(path);
    if (before === unitText(wish)) say(`${path} is as it should be`);
    else await writeAtomic(path, unitText(wish), 0o644);
    print(path);
    if (processesOf(dataDir).some((found) => found.role === "keeper")) {
      say(
        `"up" keeps this cluster at the moment; first: ${self} down${cluster === undefined ? "" : ` --name ${cluster.name}`}`,
      );
    }
    say(`Next: systemctl daemon-reload && systemctl enable --now ${unitName(wish)}`);
    return 0;
  },
};
