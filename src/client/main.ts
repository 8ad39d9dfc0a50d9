/**
 * `troupe/client`: connects to a master and answers a typed client.
 *
 *     import { connect } from "troupe/client";
 *     const client = connect();                      // the current context of the kubeconfig
 *     await client.kind("deployments.apps").apply(web, { fieldManager: "me" });
 */
import { realClock } from "../env/real/clock.ts";
import { loadService } from "../env/real/proto.ts";
import { besides, readUserFile, userKubeconfig } from "../env/real/user-files.ts";
import { Client } from "./client.ts";
import { credentialsOf, type KubeconfigChoice } from "./kubeconfig.ts";
import { createGrpcTransport, type Credentials } from "./transport.ts";

export { Client, KindClient } from "./client.ts";
export type {
  ApplyOptions,
  Change,
  DeleteOptions,
  KindName,
  List,
  ListOptions,
  LogOptions,
  Manifest,
  ObjectVersion,
  Place,
  WriteOptions,
  Written,
} from "./client.ts";
export type { KubeconfigChoice } from "./kubeconfig.ts";
export type { Credentials } from "./transport.ts";
export type { WatchEvent } from "./watch.ts";
export { StatusError, TransientError, type Status } from "../util/errors.ts";
export type * from "../kinds/generated/types.ts";

export interface ConnectOptions {
  /** Path; default: what kubectl would read. */
  readonly kubeconfig?: string;
  /** Default: the current one. */
  readonly context?: string;
}

/** Connects when the first call is made. Throws UserError for a kubeconfig that cannot be used. */
export function connect(options: ConnectOptions | Credentials = {}): Client {
  const credentials = "address" in options ? options : readKubeconfig(options);
  const service = loadService("api.proto", "troupe.v1.Api");
  return new Client(createGrpcTransport(credentials, service, realClock), realClock);
}

/** Where `connect` would go, and the namespace of the context. */
export function readKubeconfig(options: ConnectOptions = {}): KubeconfigChoice {
  const path = options.kubeconfig ?? userKubeconfig();
  return credentialsOf(readUserFile(path), (file) => readUserFile(besides(path, file)), options.context);
}
