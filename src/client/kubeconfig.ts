/** Which master to ask, and as whom, from the text of a kubeconfig. Pure. */
import { parse } from "yaml";
import { UserError } from "../util/errors.ts";
import { decodeBase64 } from "../util/base64.ts";
import { textOf } from "../util/bytes.ts";
import type { Credentials } from "./transport.ts";

interface Named<T> {
  readonly name?: string;
  readonly cluster?: T;
  readonly user?: T;
  readonly context?: T;
}

interface Kubeconfig {
  readonly "current-context"?: string;
  readonly clusters?: readonly Named<Fields>[];
  readonly users?: readonly Named<Fields>[];
  readonly contexts?: readonly Named<Fields>[];
}

type Fields = Readonly<Record<string, string | undefined>>;

export interface KubeconfigChoice extends Credentials {
  readonly context: string;
  /** Namespace of the context. */
  readonly namespace: string;
}

/**
 * `readFile` answers the text of a file that the kubeconfig names. gRPC listens on the port after the
 * server's. Throws UserError where the file names nothing that can be used.
 */
export function credentialsOf(
  text: string,
  readFile: (path: string) => string,
  wanted: string | undefined,
): KubeconfigChoice {
  const config = (parse(text) ?? {}) as Kubeconfig;
  const name = wanted ?? config["current-context"] ?? "";
  const context = config.contexts?.find((each) => each.name === name)?.context;
  if (context === undefined) throw unusable(name === "" ? "it names no current context" : `it has no context ${name}`);
  const cluster = config.clusters?.find((each) => each.name === context["cluster"])?.cluster;
  if (cluster?.["server"] === undefined) throw unusable(`context ${name} names no cluster with a server`);
  const user = config.users?.find((each) => each.name === context["user"])?.user ?? {};
  const server = new URL(cluster["server"]);
  const pem = (fields: Fields, field: string): string | undefined => {
    const inline = fields[`${field}-data`];
    if (inline !== undefined) return textOf(decodeBase64(inline) ?? new Uint8Array(0));
    const path = fields[field];
    return path === undefined ? undefined : readFile(path);
  };
  const authority = pem(cluster, "certificate-authority");
  if (authority === undefined) throw unusable(`cluster ${context["cluster"] ?? ""} names no certificate-authority`);
  const certificate = pem(user, "client-certificate");
  const key = pem(user, "client-key");
  const token = user["token"] ?? (user["tokenFile"] === undefined ? undefined : readFile(user["tokenFile"]).trim());
  const serverName = cluster["tls-server-name"];
  return {
    context: name,
    namespace: context["namespace"] ?? "default",
    address: `${server.hostname}:${Number(server.port || 443) + 1}`,
    authority,
    ...(certificate === undefined || key === undefined ? {} : { certificate, key }),
    ...(token === undefined ? {} : { token }),
    ...(serverName === undefined ? {} : { serverName }),
  };
}

function unusable(why: string): UserError {
  return new UserError("TRP-0121", "the kubeconfig leads to no cluster", {
    cause: new Error(why),
    hint: "troupe up adds a context for its cluster",
  });
}
