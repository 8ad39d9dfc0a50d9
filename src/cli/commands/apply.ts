/** Makes the cluster's objects what files say, by server-side apply. */
import { UserError } from "../../util/errors.ts";
import { flag, text, type Command } from "../command.ts";
import { connectionOptions, kindOfManifest, readManifests, spaceOf, withClient, type Session } from "../objects.ts";
import { print, say } from "../output.ts";
import { nameOf } from "../show.ts";
import type { ApplyOptions, Manifest } from "../../client/main.ts";

export const apply: Command = {
  name: "apply",
  summary: "Makes objects what files say, and owns the fields that they name.",
  examples: ["troupe apply -f examples/hello/", "troupe apply -f app.yaml --atomic"],
  options: [
    { name: "filename", type: "string", short: "f", value: "FILE", help: "file, folder, or - for stdin" },
    ...connectionOptions,
    { name: "atomic", type: "boolean", help: "all objects in one transaction, or none" },
    { name: "dry-run", type: "boolean", help: "say what would be done" },
    { name: "force-conflicts", type: "boolean", help: "take fields over from others" },
    { name: "field-manager", type: "string", value: "NAME", help: "who owns the fields (troupe)" },
  ],
  run: (values, positionals) =>
    withClient(values, async (session) => {
      const file = text(values, "filename");
      if (file === undefined) {
        throw new UserError("TRP-0002", "apply needs a file", { hint: apply.examples[0] ?? "", exitCode: 2 });
      }
      const manifests = readManifests([file, ...positionals]);
      const options = {
        fieldManager: text(values, "field-manager") ?? "troupe",
        force: flag(values, "force-conflicts"),
        dryRun: flag(values, "dry-run"),
      };
      if (flag(values, "atomic")) await applyAtOnce(session, manifests, options);
      else for (const manifest of manifests) await applyOne(session, manifest, options);
      return 0;
    }),
};

type Options = Required<Pick<ApplyOptions, "fieldManager" | "force" | "dryRun">>;

const dryMark = (options: Options): string => (options.dryRun ? " (dry run)" : "");

async function applyOne({ client, namespace }: Session, manifest: Manifest, options: Options): Promise<void> {
  const calls = kindOfManifest(client, manifest);
  const done = await calls.apply(manifest, { ...options, ...spaceOf(calls.kind, namespace) });
  for (const warning of done.warnings) say(`warning: ${warning}`);
  print(`${nameOf(calls.kind, done.object)} ${done.created ? "created" : "applied"}${dryMark(options)}`);
}

async function applyAtOnce(
  { client, namespace }: Session,
  given: readonly Manifest[],
  options: Options,
): Promise<void> {
  const placed = given.map((manifest): Manifest => {
    const space = spaceOf(kindOfManifest(client, manifest).kind, namespace);
    return { ...manifest, metadata: { ...space, ...manifest.metadata } };
  });
  const { fieldManager, force, dryRun } = options;
  await client.transact(
    placed.map((manifest) => ({ apply: manifest, fieldManager, force })),
    { dryRun },
  );
  for (const manifest of placed) {
    const { kind } = kindOfManifest(client, manifest);
    print(`${kind.singular}/${manifest.metadata.name ?? ""} applied${dryMark(options)}`);
  }
}
