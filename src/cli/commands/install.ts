/** `troupe install server|agent`: a systemd unit, so that the machine starts it and keeps it running. */
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { UserError } from "../../util/errors.ts";
import { parseChoice } from "../arguments.ts";
import {
  checkName,
  dataDirOf,
  defaultDataDir,
  readCluster,
  readText,
  register,
  writeAtomic,
  type ClusterFile,
} from "../cluster-file.ts";
import { nameOption } from "../cluster-options.ts";
import { flag, text, type Command, type Values } from "../command.ts";
import { joinAsNode } from "../machines/joining.ts";
import { machineCluster, machineWish } from "../machines/master.ts";
import { joinWish } from "../machines/node.ts";
import { joinOptions, masterOptions, nodeOptions } from "../machines/options.ts";
import { print, say } from "../output.ts";
import { processesOf } from "../processes.ts";
import { self } from "../self.ts";
import { unitName, unitText } from "../units.ts";

const systemFolder = "/etc/systemd/system";

export const install: Command = {
  name: "install",
  summary:
    "Writes a systemd unit for a master, or for the agent of a node. On a new machine\n" +
    "it makes the data directory first, or joins: no token stands in a unit. What\n" +
    "stands behind -- goes to troupe server or troupe agent as it is.",
  examples: [
    "troupe install server --name prod --advertise-address 10.0.0.1",
    "troupe install server --name prod --join 10.0.0.1:6443 --token TRP1…",
    "troupe install agent --join 10.0.0.1:6443 --token TRP1… --node worker-1",
    "troupe install agent --name dev --node n1",
    "troupe install server --name dev --print",
  ],
  arguments: "server|agent [-- ARGUMENTS] ",
  options: [
    nameOption,
    { name: "data-dir", type: "string", value: "DIR", help: "data directory (/var/lib/troupe/NAME)" },
    { name: "node", type: "string", value: "NAME", help: "agent: name of the node (n1; join: the machine's)" },
    ...joinOptions,
    ...masterOptions,
    ...nodeOptions,
    { name: "unit-dir", type: "string", value: "DIR", help: `where units lie (${systemFolder})` },
    { name: "print", type: "boolean", help: "only print the unit" },
  ],
  async run(values, [role = "", ...more]) {
    if (role !== "server" && role !== "agent") {
      throw new UserError("TRP-0002", "install what? server or agent", { hint: `${self} install --help`, exitCode: 2 });
    }
    const dataDir = await folderOf(values, role);
    const cluster = flag(values, "print") ? await readCluster(dataDir) : await prepare(values, role, dataDir);
    const node = text(values, "node") ?? cluster?.nodes[0] ?? "n1";
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

/** A node on a machine of its own has a folder of its own, beside that of a master. */
async function folderOf(values: Values, role: "server" | "agent"): Promise<string> {
  const given = text(values, "data-dir");
  const isJoiningNode = role === "agent" && text(values, "join") !== undefined;
  if (isJoiningNode) return resolve(given ?? defaultDataDir("agent"));
  return resolve(await dataDirOf(checkName(text(values, "name") ?? "dev"), given));
}

/** What the unit will start: made or joined now, while somebody is there to read what goes wrong. */
async function prepare(values: Values, role: "server" | "agent", dataDir: string): Promise<ClusterFile | undefined> {
  const present = await readCluster(dataDir);
  const at = text(values, "join");
  if (role === "agent") {
    if (present !== undefined || at === undefined) return present;
    const joined = await joinAsNode(joinWish(values, { at, dataDir }));
    say(`joined "${joined.name}" as node ${joined.nodes[0]}`);
    return joined;
  }
  const isOfMachines = [...joinOptions, ...masterOptions].some(({ name }) => text(values, name) !== undefined);
  if (!isOfMachines) return present;
  const cluster = await machineCluster(machineWish(values, dataDir), present);
  await register(cluster.name, dataDir);
  return cluster;
}
