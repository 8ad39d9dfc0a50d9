/**
 * Adds a context to the user's kubeconfig, or takes it away, and leaves everything else in the file,
 * comments included, as it is. Pure but for the functions at the end.
 */
import { existsSync } from "node:fs";
import { chown, realpath, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { isMap, isSeq, parseDocument, type Document, type YAMLMap, type YAMLSeq } from "yaml";
import { UserError } from "../util/errors.ts";
import { isRoot, readText, writeAtomic } from "./cluster-file.ts";
import { withLock } from "./lock.ts";

export interface ContextEntry {
  /** Name of context, cluster and user. */
  readonly name: string;
  readonly server: string;
  /** PEM texts; stored inline. */
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/**
 * The file that kubectl would write to: of several in $KUBECONFIG the first that exists, else the last;
 * without any, ~/.kube/config.
 */
export function kubeconfigPath(
  environment: NodeJS.ProcessEnv = process.env,
  exists: (path: string) => boolean = existsSync,
): string {
  const listed = (environment["KUBECONFIG"] ?? "").split(":").filter((path) => path !== "");
  return listed.find(exists) ?? listed.at(-1) ?? join(homedir(), ".kube", "config");
}

const base64 = (pem: string): string => Buffer.from(pem).toString("base64");

export function withContext(text: string | undefined, entry: ContextEntry): string {
  const document = parse(text);
  put(document, "clusters", {
    name: entry.name,
    cluster: { server: entry.server, "certificate-authority-data": base64(entry.authority) },
  });
  put(document, "users", {
    name: entry.name,
    user: { "client-certificate-data": base64(entry.certificate), "client-key-data": base64(entry.key) },
  });
  put(document, "contexts", { name: entry.name, context: { cluster: entry.name, user: entry.name } });
  document.set("current-context", entry.name);
  return document.toString({ lineWidth: 0 });
}

/** The user's certificate and key anew, where the file has that user, and the authority if it is given; all else stays. */
export function withUser(
  text: string,
  entry: Pick<ContextEntry, "name" | "certificate" | "key"> & Partial<Pick<ContextEntry, "authority">>,
): string {
  const document = parse(text);
  const users = document.get("users");
  if (!isSeq(users) || indexOf(users, entry.name) === -1) return text;
  const { name, certificate, key } = entry;
  const user = { "client-certificate-data": base64(certificate), "client-key-data": base64(key) };
  put(document, "users", { name, user });
  const clusters = document.get("clusters");
  const at = isSeq(clusters) ? indexOf(clusters, name) : -1;
  if (entry.authority !== undefined && at !== -1) {
    document.setIn(["clusters", at, "cluster", "certificate-authority-data"], base64(entry.authority));
  }
  return document.toString({ lineWidth: 0 });
}

export function withoutContext(text: string, name: string): string {
  const document = parse(text);
  for (const section of ["clusters", "users", "contexts"]) {
    const list = document.get(section);
    if (!isSeq(list)) continue;
    const at = indexOf(list, name);
    if (at !== -1) list.delete(at);
  }
  if (document.get("current-context") === name) document.set("current-context", "");
  return document.toString({ lineWidth: 0 });
}

function parse(text: string | undefined): Document {
  const blank = text === undefined || text.trim() === "";
  const document = parseDocument(blank ? "apiVersion: v1\nkind: Config\n" : text);
  const broken = document.errors[0];
  if (broken !== undefined || !isMap(document.contents)) {
    throw new UserError("TRP-0120", "the kubeconfig cannot be read", {
      cause: new Error(broken?.message ?? "it is not a mapping"),
      hint: "set KUBECONFIG to another file",
    });
  }
  return document;
}

function put(
  document: Document,
  section: string,
  entry: { readonly name: string; readonly [member: string]: unknown },
): void {
  const present = document.get(section);
  if (!isSeq(present)) {
    document.set(section, document.createNode([entry]));
    return;
  }
  // A list written as `[]` is no place for certificates on one line.
  if (present.items.length === 0) present.flow = false;
  const at = indexOf(present, entry.name);
  if (at === -1) present.add(document.createNode(entry));
  else present.set(at, document.createNode(entry));
}

function indexOf(list: YAMLSeq, name: string): number {
  return list.items.findIndex((item) => isMap(item) && (item as YAMLMap).get("name") === name);
}

export async function addContext(path: string, entry: ContextEntry): Promise<void> {
  await change(path, (text) => withContext(text, entry));
}

export async function renewUser(path: string, entry: Parameters<typeof withUser>[1]): Promise<void> {
  await change(path, (text) => (text === undefined ? undefined : withUser(text, entry)));
}

export async function removeContext(path: string, name: string): Promise<void> {
  await change(path, (text) => (text === undefined ? undefined : withoutContext(text, name)));
}

/**
 * Two clusters that come up at once write the same file: one after the other, each on top of what the other wrote.
 * `edit` answers undefined where nothing is to be written.
 */
async function change(path: string, edit: (text: string | undefined) => string | undefined): Promise<void> {
  const target = await fileOf(path);
  await withLock("kubeconfig", target, async () => {
    const text = await readText(target);
    const changed = edit(text);
    if (changed !== undefined && changed !== text) await replace(target, changed);
  });
}

/** The one name that a file has, however it is called and whether it is there yet: it may be a link, or lie behind one. */
async function fileOf(path: string): Promise<string> {
  const folder = dirname(resolve(path));
  if (existsSync(path)) return realpath(path);
  return existsSync(folder) ? join(await realpath(folder), basename(path)) : resolve(path);
}

/** Under sudo it is another user's, and stays so. */
async function replace(target: string, text: string): Promise<void> {
  const owner = existsSync(target) ? await stat(target) : undefined;
  await writeAtomic(target, text, 0o600);
  if (owner !== undefined && isRoot) await chown(target, owner.uid, owner.gid);
}
