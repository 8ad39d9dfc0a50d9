/** How the commands about actors ask the API of a cluster on this machine. */
import { UserError } from "../util/errors.ts";
import { send, type ApiAccess } from "./api-client.ts";
import { layoutOf, requireCluster } from "./cluster-file.ts";
import { text, type Values } from "./command.ts";
import { accessOf } from "./commands/up.ts";
import { ensurePki } from "./pki.ts";
import { self } from "./self.ts";

export const actorsRoot = "/apis/actors.troupe.dev/v1/actors";

/** Throws UserError when there is no such cluster. */
export async function clusterAccess(values: Values): Promise<ApiAccess> {
  const { dataDir, cluster } = await requireCluster(text(values, "name") ?? "dev", text(values, "data-dir"));
  return accessOf(cluster, await ensurePki(layoutOf(dataDir).pki, cluster));
}

/** What the API answers; its refusals are a person's errors. */
export async function ask<T>(access: ApiAccess, method: "GET" | "POST", path: string): Promise<T> {
  const { status, body } = await send(access, method, path).catch((error: unknown) => {
    throw new UserError("TRP-0140", "no master answers", { cause: error, hint: `${self} status`, exitCode: 5 });
  });
  const said = JSON.parse(body) as T & { readonly message?: string };
  if (status < 300) return said;
  throw new UserError("TRP-0141", said.message ?? `the API answered ${status}`, {
    hint: status === 404 ? `${self} actors tree` : `${self} status`,
    exitCode: status === 404 ? 3 : 1,
  });
}
