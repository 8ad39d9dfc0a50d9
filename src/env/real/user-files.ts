/** What a program of the user's finds in their home: files by path, and the environment. */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";

export function readUserFile(path: string): string {
  return readFileSync(path, "utf8");
}

/** Files that a file names are relative to it. */
export function besides(file: string, path: string): string {
  return isAbsolute(path) ? path : join(dirname(file), path);
}

/** The kubeconfig that kubectl would read: of several in $KUBECONFIG the first that exists. */
export function userKubeconfig(): string {
  const listed = (process.env["KUBECONFIG"] ?? "").split(":").filter((path) => path !== "");
  return listed.find((path) => existsSync(path)) ?? listed.at(-1) ?? join(homedir(), ".kube", "config");
}
