/** `troupe doctor`: is this machine, and this data directory, fit to run a cluster? */
import { resolve } from "node:path";
import { parseChoice } from "../arguments.ts";
import { dataDirOf, readCluster, requireCluster, type Registered, type ClusterFile } from "../cluster-file.ts";
import { dataDirOption, outputOption } from "../cluster-options.ts";
import { text, type Command, type Values } from "../command.ts";
import type { Check, Verdict } from "../doctor/check.ts";
import { paint, print, signs } from "../output.ts";

export const doctor: Command = {
  name: "doctor",
  summary:
    "Looks at this machine and at a cluster's data directory, and says what is wrong\n" +
    "and what to do. It changes nothing. Exit code 1 where a check fails.",
  examples: ["troupe doctor", "troupe doctor --name dev -o json"],
  options: [
    { name: "name", type: "string", value: "NAME", help: "name of the cluster (dev, if it is there)" },
    dataDirOption,
    outputOption("table (default) or json"),
  ],
  async run(values) {
    const output = parseChoice("output", text(values, "output") ?? "table", ["table", "json"]);
    const found = await clusterOf(values);
    const checks = await allChecks(found);
    const verdict = worst(checks);
    if (output === "json") {
      print(JSON.stringify({ verdict, ...(found === undefined ? {} : { name: found.name }), checks }, undefined, 2));
    } else for (const line of linesOf(checks)) print(line);
    return verdict === "fail" ? 1 : 0;
  },
};

/** A cluster that was named must be there; without a name the machine alone can be looked at. */
async function clusterOf(values: Values): Promise<Registered | undefined> {
  const [name, dataDir] = [text(values, "name"), text(values, "data-dir")];
  if (name !== undefined || dataDir !== undefined) {
    return requireCluster(name ?? "dev", dataDir === undefined ? undefined : resolve(dataDir));
  }
  const standard = await dataDirOf("dev", undefined);
  const cluster = await readCluster(standard);
  return cluster === undefined ? undefined : { name: cluster.name, dataDir: standard, cluster };
}

async function allChecks(found: Registered | undefined): Promise<readonly Check[]> {
  const { machineChecks } = await import("../doctor/machine-checks.ts");
  const { dataChecks, spaceCheck } = await import("../doctor/data-checks.ts");
  const { leftoverChecks } = await import("../doctor/leftovers.ts");
  const machine = machineChecks(runtimeHere(found), found?.cluster.runtimeEndpoint);
  const data = found === undefined ? [await spaceCheck("/var/lib/troupe")] : await dataChecks(found);
  return [...machine, ...data, ...(await leftoverChecks())];
}

/** A machine with nothing but a master needs what simulated nodes need. */
function runtimeHere(found: Registered | undefined): ClusterFile["runtime"] {
  if (found?.cluster.machine !== undefined && found.cluster.nodes.length === 0) return "simulated";
  return found?.cluster.runtime ?? "containerd";
}

export function worst(checks: readonly Pick<Check, "verdict">[]): Verdict {
  if (checks.some(({ verdict }) => verdict === "fail")) return "fail";
  return checks.some(({ verdict }) => verdict === "warn") ? "warn" : "ok";
}

const colours = { ok: "green", warn: "yellow", fail: "red" } as const;

/** One line a check, and below it what to do. */
export function linesOf(checks: readonly Check[]): readonly string[] {
  const width = Math.max(...checks.map(({ name }) => name.length));
  return checks.flatMap(({ name, verdict, found, fix }) => {
    const line = `${paint(colours[verdict], signs[verdict])} ${verdict.padEnd(4)} ${name.padEnd(width)}  ${found}`;
    return fix === undefined ? [line] : [line, `  ${" ".repeat(width + 7)}do: ${fix}`];
  });
}
