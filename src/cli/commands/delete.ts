/** Deletes objects by name, by label, or those of files. */
import { UserError } from "../../util/errors.ts";
import type { DeleteOptions } from "../../client/main.ts";
import { parseChoice } from "../arguments.ts";
import { flag, text, type Command, type Values } from "../command.ts";
import {
  callsOf,
  connectionOptions,
  kindOfManifest,
  parseNamed,
  readManifests,
  spaceOf,
  withClient,
  type Named,
  type Session,
} from "../objects.ts";
import { print } from "../output.ts";
import { nameOf } from "../show.ts";

export const remove: Command = {
  name: "delete",
  summary: "Deletes objects. What has a grace or finalizers goes when they are over.",
  examples: ["troupe delete pod web", "troupe delete -f app.yaml", "troupe delete pods -l app=web"],
  arguments: "[KIND NAME …] ",
  options: [
    {
      name: "filename",
      type: "string",
      short: "f",
      value: "FILE",
      help: "objects of a file, a folder, or - for stdin",
    },
    ...connectionOptions,
    { name: "selector", type: "string", short: "l", value: "LABELS", help: "instead of names" },
    { name: "all", type: "boolean", help: "all objects of the kind in the namespace" },
    { name: "cascade", type: "string", value: "HOW", help: "background (default), foreground or orphan" },
    { name: "grace-period", type: "string", value: "N", help: "seconds; 0: at once" },
    { name: "dry-run", type: "boolean", help: "say what would be done" },
  ],
  run: (values, positionals) =>
    withClient(values, async (session) => {
      const options = optionsOf(values);
      const file = text(values, "filename");
      if (file !== undefined) {
        for (const manifest of readManifests([file, ...positionals])) {
          const { kind } = kindOfManifest(session.client, manifest);
          const namespace = manifest.metadata.namespace ?? session.namespace;
          await removeNamed({ ...session, namespace }, { kind, names: [manifest.metadata.name ?? ""] }, options);
        }
        return 0;
      }
      for (const named of parseNamed(remove, positionals)) {
        if (named.names.length > 0) await removeNamed(session, named, options);
        else await removeChosen(session, named, { ...options, ...chosen(values) });
      }
      return 0;
    }),
};

const policies = { background: "Background", foreground: "Foreground", orphan: "Orphan" } as const;

function optionsOf(values: Values): DeleteOptions {
  const grace = text(values, "grace-period");
  if (grace !== undefined && !/^\d{1,9}$/.test(grace)) {
    throw new UserError("TRP-0103", `--grace-period ${grace} cannot be understood`, {
      cause: new Error("it takes a number of seconds"),
      exitCode: 2,
    });
  }
  const cascade = parseChoice("cascade", text(values, "cascade") ?? "background", [
    "background",
    "foreground",
    "orphan",
  ] as const);
  return {
    propagationPolicy: policies[cascade],
    dryRun: flag(values, "dry-run"),
    ...(grace === undefined ? {} : { gracePeriodSeconds: Number(grace) }),
  };
}

/** Nothing is deleted in bulk that was not asked for in so many words. */
function chosen(values: Values): { readonly labels?: string } {
  const labels = text(values, "selector");
  if (labels !== undefined) return { labels };
  if (flag(values, "all")) return {};
  throw new UserError("TRP-0002", "delete needs names, a selector or --all", {
    hint: remove.examples.join("; "),
    exitCode: 2,
  });
}

async function removeNamed(
  { client, namespace }: Session,
  { kind, names }: Named,
  options: DeleteOptions,
): Promise<void> {
  for (const name of names) {
    await callsOf(client, kind).delete(name, { ...options, ...spaceOf(kind, namespace) });
    print(`${kind.singular}/${name} deleted${options.dryRun === true ? " (dry run)" : ""}`);
  }
}

async function removeChosen(
  { client, namespace }: Session,
  { kind }: Named,
  options: DeleteOptions & { readonly labels?: string },
): Promise<void> {
  const objects = await callsOf(client, kind).deleteCollection({ ...options, ...spaceOf(kind, namespace) });
  for (const object of objects) print(`${nameOf(kind, object)} deleted${options.dryRun === true ? " (dry run)" : ""}`);
}
