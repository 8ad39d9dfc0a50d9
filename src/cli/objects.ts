/** What the verbs on objects share: which cluster, which kind, which files. */
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { connect, readKubeconfig, type Client, type KindClient, type Manifest } from "../client/main.ts";
import { allKinds as kinds } from "../kinds/catalogue.ts";
import type { Kind, KubeObject } from "../kinds/kind.ts";
import { UserError } from "../util/errors.ts";
import { nearest } from "./arguments.ts";
import { text, type Command, type CommandOption, type Values } from "./command.ts";
import { self } from "./self.ts";

export const connectionOptions: readonly CommandOption[] = [
  { name: "context", type: "string", value: "NAME", help: "context of the kubeconfig (the current one)" },
  { name: "namespace", type: "string", short: "n", value: "NAME", help: "namespace (the context's)" },
];

export interface Session {
  readonly client: Client;
  /** That of the options, else the context's. */
  readonly namespace: string;
}

/** Runs with a client that is closed afterwards. */
export async function withClient(values: Values, run: (session: Session) => Promise<number>): Promise<number> {
  const context = text(values, "context");
  const credentials = readKubeconfig(context === undefined ? {} : { context });
  const client = connect(credentials);
  try {
    return await run({ client, namespace: text(values, "namespace") ?? credentials.namespace });
  } finally {
    client.close();
  }
}

/** `pods`, `pod`, `po`, `Pod`, `deployments.apps`. Throws UserError for a word that names no kind. */
export function kindOfWord(word: string): Kind {
  const wanted = word.toLowerCase();
  const found = kinds.find((kind) => namesOf(kind).includes(wanted));
  if (found !== undefined) return found;
  const near = nearest(wanted, [...new Set(kinds.flatMap(({ plural, singular }) => [plural, singular]))]);
  throw new UserError("TRP-0150", `there is no kind ${word}`, {
    hint: near.length > 0 ? near.map((name) => `${self} get ${name}`).join(", ") : "kubectl api-resources",
    exitCode: 2,
  });
}

function namesOf({ plural, singular, shortNames, kind, group }: Kind): readonly string[] {
  const plain = [plural, singular, ...shortNames, kind.toLowerCase()];
  return group === "" ? plain : [...plain, `${plural}.${group}`];
}

export interface Named {
  readonly kind: Kind;
  readonly names: readonly string[];
}

/** `pods web db`, or `pod/web deploy/hello`. Throws UserError. */
export function parseNamed(command: Command, positionals: readonly string[]): readonly Named[] {
  const [first, ...rest] = positionals;
  if (first === undefined) {
    throw new UserError("TRP-0002", `${command.name} needs to be told which objects`, {
      hint: command.examples.join("; "),
      exitCode: 2,
    });
  }
  if (!first.includes("/")) return [{ kind: kindOfWord(first), names: rest }];
  return positionals.map((words) => {
    const [kind = "", name = "", ...more] = words.split("/");
    if (name === "" || more.length > 0) {
      throw new UserError("TRP-0002", `${words} is not KIND/NAME`, { hint: command.examples[0] ?? "", exitCode: 2 });
    }
    return { kind: kindOfWord(kind), names: [name] };
  });
}

/** The calls on a kind that is known by its declaration only. */
export function callsOf(client: Client, kind: Kind): KindClient<KubeObject> {
  const { group, version } = kind;
  const found = client.kindOf({ apiVersion: group === "" ? version : `${group}/${version}`, kind: kind.kind });
  if (found === undefined) throw new UserError("TRP-0150", `there is no kind ${kind.kind}`, { exitCode: 2 });
  return found;
}

export function spaceOf(kind: Kind, namespace: string): { readonly namespace?: string } {
  return kind.scope === "Cluster" ? {} : { namespace };
}

/** Objects of files, of all files of a folder (`.yaml`, `.yml`, `.json`), or of stdin (`-`). */
export function readManifests(paths: readonly string[]): readonly Manifest[] {
  const files = paths.flatMap((path) => {
    if (path === "-") return [path];
    if (!existsSync(path)) throw new UserError("TRP-0130", `there is no file ${path}`, { exitCode: 2 });
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path)
      .filter((name) => /\.(ya?ml|json)$/.test(name))
      .toSorted()
      .map((name) => join(path, name));
  });
  return files.flatMap((file) => parseManifests(readFileSync(file === "-" ? 0 : file, "utf8"), file));
}

/** Throws UserError for texts that are no objects. */
export function parseManifests(words: string, file: string): readonly Manifest[] {
  const unreadable = (why: string): UserError =>
    new UserError("TRP-0151", `${file} holds no objects`, { cause: new Error(why), exitCode: 2 });
  const documents = parseAllDocuments(words, { version: "1.1", merge: true });
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document): readonly Manifest[] => {
    const [problem] = document.errors;
    if (problem !== undefined) throw unreadable(problem.message);
    const value: unknown = document.toJS();
    if (value === null) return [];
    if (!isManifest(value)) throw unreadable("an object says its apiVersion, kind and metadata");
    const { items } = value;
    return value.kind.endsWith("List") && Array.isArray(items) ? items.filter(isManifest) : [value];
  });
}

function isManifest(value: unknown): value is Manifest {
  if (typeof value !== "object" || value === null) return false;
  const { apiVersion, kind, metadata } = value as Record<string, unknown>;
  const isList = typeof kind === "string" && kind.endsWith("List");
  return typeof apiVersion === "string" && typeof kind === "string" && (typeof metadata === "object" || isList);
}

/** The kind of an object in a file. Throws UserError. */
export function kindOfManifest(client: Client, manifest: Manifest): KindClient<KubeObject> {
  const found = client.kindOf(manifest);
  if (found !== undefined) return found;
  throw new UserError("TRP-0150", `there is no kind ${manifest.kind} of ${manifest.apiVersion}`, { exitCode: 2 });
}
