/** How the command line of a machine with a master asks the masters, as the administrator. */
import { UserError } from "../../util/errors.ts";
import { accessOf } from "../commands/up.ts";
import { layoutOf, requireCluster, type Registered } from "../cluster-file.ts";
import { text, type Values } from "../command.ts";
import { ensurePki } from "../pki.ts";
import { self } from "../self.ts";
import { ask } from "./asking.ts";

export interface Admin {
  readonly found: Registered;
  /** PEM of the serving authority. */
  readonly authority: string;
  /** Answers the body; throws `UserError`. */
  ask<T>(method: "GET" | "POST" | "DELETE", path: string, body?: object): Promise<T>;
  /** The same, but these masters are asked: `host:port` of each. */
  at(masters: readonly string[]): Admin;
}

const waitMs = 15_000;

export async function openAdmin(values: Values): Promise<Admin> {
  const found = await requireCluster(text(values, "name") ?? "dev", text(values, "data-dir"));
  const { dataDir, cluster } = found;
  if (cluster.masterSeeds !== undefined) {
    throw new UserError("TRP-0111", `${dataDir} is that of a node: it has no keys of the cluster`, {
      hint: `${self} on a machine with a master`,
      exitCode: 3,
    });
  }
  const pki = await ensurePki(layoutOf(dataDir).pki, cluster);
  const { host, port, authority, certificate, key } = accessOf(cluster, pki);
  const masters = [`${host}:${port}`, ...(cluster.masters ?? []).map((master) => `127.0.0.1:${master.apiPort}`)];
  const open = (asked: readonly string[], ms: number): Admin => ({
    found,
    authority,
    ask: (method, path, body) =>
      ask({
        masters: asked,
        method,
        path,
        ...(body === undefined ? {} : { body }),
        authority,
        identity: { certificate, key },
        waitMs: ms,
        timeoutMs: waitMs,
      }),
    at: (others) => open(others, 0),
  });
  return open(masters, waitMs);
}
