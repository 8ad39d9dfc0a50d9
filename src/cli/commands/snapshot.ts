/** `troupe snapshot save|restore|inspect|list`: backups of all objects. */
import { dirname, resolve } from "node:path";
import { UserError } from "../../util/errors.ts";
import { parseChoice } from "../arguments.ts";
import type { Inspected } from "../backups.ts";
import { requireCluster } from "../cluster-file.ts";
import { outputOption } from "../cluster-options.ts";
import { flag, text, type Command, type Values } from "../command.ts";
import { print, say, sizeText, table } from "../output.ts";
import { self } from "../self.ts";

export const snapshot: Command = {
  name: "snapshot",
  summary:
    "Saves all objects of a cluster in one file, and makes a cluster out of it.\n" +
    "Secrets stay sealed in it: keep a copy of the folder pki as well, elsewhere.",
  examples: [
    "troupe snapshot save backup.snapshot --name dev",
    "troupe snapshot restore backup.snapshot --data-dir /var/lib/troupe/new",
    "troupe snapshot inspect backup.snapshot",
    "troupe snapshot list --name dev",
  ],
  arguments: "save|restore|inspect|list [FILE] ",
  options: [
    { name: "name", type: "string", value: "NAME", help: "save, list: name of the cluster (dev)" },
    { name: "data-dir", type: "string", value: "DIR", help: "its data directory; restore: the new one" },
    { name: "keys", type: "string", value: "DIR", help: "restore: the cluster's pki folder, or a copy" },
    { name: "replace", type: "boolean", help: "restore: put the state of DIR's master aside" },
    outputOption("inspect, list: table (default) or json"),
  ],
  async run(values, [verb, file, ...more]) {
    if (more.length > 0) throw wrong("there is at most one FILE");
    switch (verb) {
      case "save":
        return save(values, file);
      case "restore":
        return restore(values, required(file));
      case "inspect":
        return inspect(values, required(file));
      case "list":
        return list(values);
      default:
        throw wrong("snapshot knows save, restore, inspect and list");
    }
  },
};

function wrong(what: string): UserError {
  return new UserError("TRP-0002", what, { hint: `${self} snapshot --help`, exitCode: 2 });
}

function required(file: string | undefined): string {
  if (file === undefined) throw wrong("which FILE?");
  return file;
}

async function save(values: Values, file: string | undefined): Promise<number> {
  const { saveBackup } = await import("../backups.ts");
  const found = await requireCluster(text(values, "name") ?? "dev", text(values, "data-dir"));
  const { path, sizeBytes, manifest, from } = await saveBackup(found, file);
  print(path);
  const where = from === "master" ? "" : ", from the folder of the master that does not run";
  say(`saved revision ${manifest.revision} of "${found.name}", ${sizeText(sizeBytes)}${where}`);
  say(`its Secrets are sealed with key ${manifest.sealingKey}: keep a copy of ${found.dataDir}/pki as well`);
  return 0;
}

async function restore(values: Values, file: string): Promise<number> {
  const { inspectBackup, requireNotRunning, restoreBackup } = await import("../backups.ts");
  const dataDir = text(values, "data-dir");
  if (dataDir === undefined) throw wrong("restore needs --data-dir, the folder of the new cluster");
  const target = resolve(dataDir);
  await requireNotRunning((await inspectBackup(file)).cluster.name, target);
  const keys = text(values, "keys");
  const done = await restoreBackup({ path: file, dataDir: target, keys, replace: flag(values, "replace") });
  const { cluster, revision, takenAt, aside } = done;
  print(target);
  say(`"${cluster.name}" as of ${takenAt}, epoch ${cluster.epoch ?? 0}; its revisions go on behind ${revision}`);
  say(done.keys === undefined ? "it gets new keys and certificates when it starts" : `keys from ${done.keys}`);
  if (aside !== undefined) say(`the state before lies in ${aside}; remove it when it is not needed any more`);
  say(`Next: ${self} up --name ${cluster.name}`);
  return 0;
}

async function inspect(values: Values, file: string): Promise<number> {
  const { inspectBackup } = await import("../backups.ts");
  const output = parseChoice("output", text(values, "output") ?? "table", ["table", "json"]);
  const found = await inspectBackup(file);
  print(output === "json" ? JSON.stringify(found, undefined, 2) : inspectText(found));
  return found.checksum === "sound" ? 0 : 1;
}

export function inspectText(found: Inspected): string {
  const { cluster, objects, sealingKeys } = found;
  const counts = Object.entries(objects);
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  return table(
    ["FILE", found.file],
    [
      ["size", sizeText(found.sizeBytes)],
      ["checksum", found.checksum],
      ["cluster", `${cluster.name}, id ${cluster.id}, epoch ${cluster.epoch}`],
      ["taken", `${found.takenAt} by ${found.member}`],
      ["revision", `${found.revision}, log entry ${found.index}, term ${found.term}`],
      ["sealed by", sealingKeys.length === 0 ? "none: it holds no Secrets" : `key ${sealingKeys.join(", ")}`],
      ["objects", String(total)],
      ...counts.map(([kind, count]) => [`  ${kind}`, String(count)]),
    ],
  );
}

async function list(values: Values): Promise<number> {
  const { listSaved } = await import("../backups.ts");
  const output = parseChoice("output", text(values, "output") ?? "table", ["table", "json"]);
  const found = await requireCluster(text(values, "name") ?? "dev", text(values, "data-dir"));
  const listed = await listSaved(found.dataDir);
  if (output === "json") {
    print(JSON.stringify({ name: found.name, snapshots: listed }, undefined, 2));
    return 0;
  }
  if (listed.length === 0) {
    say(`no snapshots of "${found.name}" yet; its master makes the first within minutes of its start`);
    return 0;
  }
  say(`in ${dirname(listed[0]!.path)}`);
  const rows = listed.map(({ name, takenAt, revision, sizeBytes, problem }) =>
    problem === undefined ? [name, takenAt, String(revision), sizeText(sizeBytes)] : [name, problem],
  );
  print(table(["NAME", "TAKEN", "REVISION", "SIZE"], rows));
  return 0;
}
