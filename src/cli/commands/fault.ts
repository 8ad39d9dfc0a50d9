/** `troupe fault`: what is to go wrong, what does, and an end of it. */
import type { KindClient, Manifest } from "../../client/main.ts";
import type { Fault } from "../../kinds/generated/types.ts";
import { StatusError, UserError } from "../../util/errors.ts";
import { parseChoice, parseDuration } from "../arguments.ts";
import { outputOption } from "../cluster-options.ts";
import { flag, text, type Command, type Values } from "../command.ts";
import { faultOptions, specOf } from "../fault-words.ts";
import { readManifests, withClient, type Session } from "../objects.ts";
import { print, say, table } from "../output.ts";
import { self } from "../self.ts";
import { showObjects, type Output } from "../show.ts";

const apiVersion = "faults.troupe.dev/v1";
const pollMs = 500;
/** Of a schedule whose end nobody knows. */
const runMaxMs = 3_600_000;

export const fault: Command = {
  name: "fault",
  summary: "Faults of a cluster that was started with --enable-faults: for tests.",
  examples: [
    "troupe fault add drop --kind pods --object web-* --p 0.2 --for 30s",
    "troupe fault add crash --path /ctl/deployment",
    "troupe fault list",
    "troupe fault run outage.yaml",
    "troupe fault clear --all",
  ],
  arguments: "add|list|clear|run [KIND|NAME|FILE …] ",
  options: [
    { name: "context", type: "string", value: "NAME", help: "context of the kubeconfig (the current one)" },
    ...faultOptions,
    outputOption("list: table (default), wide, json, yaml"),
    { name: "all", type: "boolean", help: "clear: all there are" },
    { name: "timeout", type: "string", value: "1h", help: "run: how long to wait for the end" },
  ],
  run: (values, [verb = "", ...rest]) =>
    withClient(values, async (session) => {
      const run = verbs[verb];
      if (run === undefined) throw usage("fault knows add, list, clear and run");
      return withWords(() => run(session, values, rest));
    }),
};

type Verb = (session: Session, values: Values, rest: readonly string[]) => Promise<number>;

const verbs: Readonly<Record<string, Verb>> = { add, list, clear, run };

async function add(session: Session, values: Values, [kind, name]: readonly string[]): Promise<number> {
  if (kind === undefined) throw usage("fault add needs the kind: crash, hang, delay, drop …");
  const metadata = name === undefined ? { generateName: `${kind}-` } : { name };
  const manifest = { apiVersion, kind: "Fault", metadata, spec: specOf(kind, values) };
  const { object } = await faultsOf(session).create(manifest as unknown as Manifest);
  print(`fault/${object.metadata.name} added`);
  return 0;
}

async function list(session: Session, values: Values): Promise<number> {
  const calls = faultsOf(session);
  const { items } = await calls.list();
  const outputs = ["table", "wide", "json", "yaml"] as const;
  const output: Output = parseChoice("output", text(values, "output") ?? "table", outputs);
  if (items.length === 0) say("there are no faults");
  const how = { kind: calls.kind, output, withNamespace: false, showSecrets: false, now: Date.now() };
  if (items.length > 0 || output === "json" || output === "yaml") print(showObjects(items, how, false));
  return 0;
}

async function clear(session: Session, values: Values, names: readonly string[]): Promise<number> {
  const calls = faultsOf(session);
  if (names.length === 0 && !flag(values, "all")) throw usage("fault clear needs names, or --all");
  const wanted = names.length > 0 ? names : (await calls.list()).items.map(({ metadata }) => metadata.name);
  for (const name of wanted) {
    await calls.delete(name);
    print(`fault/${name} cleared`);
  }
  return 0;
}

/** Makes the file's faults, waits until all are over, and says what was hit. */
async function run(session: Session, values: Values, files: readonly string[]): Promise<number> {
  if (files.length === 0) throw usage("fault run needs a file of Faults");
  const manifests = readManifests(files);
  const strange = manifests.find((each) => each.kind !== "Fault" || each.apiVersion !== apiVersion);
  if (strange !== undefined) throw usage(`${files.join(" ")}: ${strange.kind} is no Fault of ${apiVersion}`);
  const wait = text(values, "timeout");
  const deadlineMs = Date.now() + (wait === undefined ? runMaxMs : parseDuration("timeout", wait));
  const calls = faultsOf(session);
  const names: string[] = [];
  const stop = (): void => void removeAll(calls, names).finally(() => process.exit(130));
  process.once("SIGINT", stop);
  try {
    for (const manifest of manifests) names.push(await begin(calls, manifest));
    const ended = await untilEnded(calls, names, deadlineMs);
    for (const line of told(ended)) print(line);
    return 0;
  } catch (error) {
    await removeAll(calls, names);
    throw error;
  } finally {
    process.removeListener("SIGINT", stop);
  }
}

/** One of the same name that is over makes room. */
async function begin(calls: KindClient<Fault>, manifest: Manifest): Promise<string> {
  const { name } = manifest.metadata;
  const before = name === undefined ? undefined : await calls.get(name).catch(onlyMissing);
  if (before?.status?.phase === "Ended") await calls.delete(before.metadata.name);
  const { object } = await calls.create(manifest);
  say(`fault/${object.metadata.name} added`);
  return object.metadata.name;
}

async function untilEnded(
  calls: KindClient<Fault>,
  names: readonly string[],
  deadlineMs: number,
): Promise<readonly Fault[]> {
  for (;;) {
    const found = await Promise.all(names.map((name) => calls.get(name).catch(whileAway)));
    const present = found.filter((each) => each !== undefined);
    if (present.length === names.length && present.every(({ status }) => status?.phase === "Ended")) return present;
    if (Date.now() >= deadlineMs) {
      throw new UserError("TRP-0191", "not all faults came to their end in time", {
        cause: new Error(`${present.filter(({ status }) => status?.phase !== "Ended").length} go on`),
        hint: `${self} fault list; --timeout waits longer`,
        exitCode: 4,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

/** A master that was killed by the very fault answers again soon. */
function whileAway(error: unknown): undefined {
  if (error instanceof StatusError && error.status.code === 404) {
    throw new UserError("TRP-0192", "a fault was taken away while it ran", { hint: `${self} fault list`, exitCode: 1 });
  }
  return undefined;
}

function onlyMissing(error: unknown): undefined {
  if (error instanceof StatusError && error.status.code === 404) return undefined;
  throw error;
}

async function removeAll(calls: KindClient<Fault>, names: readonly string[]): Promise<void> {
  for (const name of names) await calls.delete(name).catch((error: unknown) => say(`fault/${name}: ${String(error)}`));
}

function told(faults: readonly Fault[]): readonly string[] {
  const rows = faults.map(({ metadata, spec, status }) => [
    metadata.name,
    spec.seam ?? "",
    spec.kind,
    String(status?.hits ?? 0),
    status?.reason ?? "",
    (status?.targets ?? [])
      .flatMap(({ points }) => points ?? [])
      .slice(0, 3)
      .map(({ path, hits }) => `${path} (${hits})`)
      .join(", ") || "nothing",
  ]);
  return [table(["NAME", "SEAM", "KIND", "HITS", "REASON", "WHAT WAS HIT"], rows)];
}

function faultsOf({ client }: Session): KindClient<Fault> {
  return client.kind("faults.faults.troupe.dev");
}

/** Where Faults are not served the path leads nowhere, which helps nobody. */
async function withWords<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const status = error instanceof StatusError ? error.status : undefined;
    const isUnknown = status?.code === 404 && status.details?.name === undefined;
    if (!isUnknown) throw error;
    throw new UserError("TRP-0193", "this cluster serves no Faults", {
      cause: new Error("its masters were started without --enable-faults"),
      hint: `${self} down && ${self} up --enable-faults`,
      exitCode: 3,
    });
  }
}

function usage(words: string): UserError {
  return new UserError("TRP-0002", words, { hint: `${self} fault --help`, exitCode: 2 });
}
