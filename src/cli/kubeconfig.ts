/**
 * Adds a context to the user's kubeconfig, or takes it away, and leaves everything else in the file,
 * comments included, as it is. Pure but for the two functions at the end.
 */
import { homedir } from "node:os";
import { join } from "node:path";
import { isMap, isSeq, parseDocument, type Document, type YAMLMap, type YAMLSeq } from "yaml";
import { UserError } from "../util/errors.ts";
import { readText, writeAtomic } from "./cluster-file.ts";

export interface ContextEntry {
  /** Name of context, cluster and user. */
  readonly name: string;
  readonly server: string;
  /** PEM texts; stored inline. */
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/** The file that kubectl would write to: the first of $KUBECONFIG, else ~/.kube/config. */
export function kubeconfigPath(environment: NodeJS.ProcessEnv = process.env): string {
  const first = (environment["KUBECONFIG"] ?? "").split(":").find((path) => path !== "");
  return first ?? join(homedir(), ".kube", "config");
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
    throw new UserError("TRP-0120", `the kubeconfig cannot be read: ${broken?.message ?? "it is not a mapping"}`, {
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
  const at = indexOf(present, entry.name);
  if (at === -1) present.add(document.createNode(entry));
  else present.set(at, document.createNode(entry));
}

function indexOf(list: YAMLSeq, name: string): number {
  return list.items.findIndex((item) => isMap(item) && (item as YAMLMap).get("name") === name);
}

export async function addContext(path: string, entry: ContextEntry): Promise<void> {
  await writeAtomic(path, withContext(await readText(path), entry), 0o600);
}

export async function removeContext(path: string, name: string): Promise<void> {
  const text = await readText(path);
  if (text === undefined) return;
  const changed = withoutContext(text, name);
  if (changed !== text) await writeAtomic(path, changed, 0o600);
}
