/** `troupe actors`: the supervision tree, one actor in full, and the word that lets a parked one go. */
import { UserError } from "../../util/errors.ts";
import { actorName } from "../../kinds/actor.ts";
import { drawTree, explained, type ActorItem, type Explanation } from "../actor-tree.ts";
import { send, type ApiAccess } from "../api-client.ts";
import { parseChoice } from "../arguments.ts";
import { layoutOf, requireCluster } from "../cluster-file.ts";
import { text, type Command } from "../command.ts";
import { print } from "../output.ts";
import { ensurePki } from "../pki.ts";
import { self } from "../self.ts";
import { accessOf } from "./up.ts";

const root = "/apis/actors.troupe.dev/v1/actors";

export const actors: Command = {
  name: "actors",
  summary:
    "The actors of a cluster: who restarts whom, what one of them would do,\nand the word that lets a parked one go on.",
  examples: [
    "troupe actors tree",
    "troupe actors tree /node/n1",
    "troupe actors explain /obj/apps/deployments/default/web --event paused",
    "troupe actors release ctl.deployment.default.web",
  ],
  arguments: "tree|explain|release [PATH|NAME] ",
  options: [
    { name: "event", type: "string", value: "TYPE", help: "explain: what this event would do (dry run)" },
    { name: "name", type: "string", value: "NAME", help: "name of the cluster (dev)" },
    { name: "data-dir", type: "string", value: "DIR", help: "its data directory, if it is not registered" },
    { name: "output", type: "string", short: "o", value: "FORMAT", help: "text (default) or json" },
  ],
  async run(values, [verb = "", wanted]) {
    const json = parseChoice("output", text(values, "output") ?? "text", ["text", "json"]) === "json";
    if (!["tree", "explain", "release"].includes(verb)) throw usage(`actors knows tree, explain and release`);
    if (verb !== "tree" && wanted === undefined) throw usage(`actors ${verb} needs the path or the name of an actor`);
    const { dataDir, cluster } = await requireCluster(text(values, "name") ?? "dev", text(values, "data-dir"));
    const access = accessOf(cluster, await ensurePki(layoutOf(dataDir).pki, cluster));
    if (verb === "tree") await tree(access, wanted, json);
    else if (verb === "explain") await explain(access, wanted!, { event: text(values, "event"), json });
    else await release(access, wanted!);
    return 0;
  },
};

async function tree(access: ApiAccess, from: string | undefined, json: boolean): Promise<void> {
  const { items } = await ask<{ readonly items: readonly ActorItem[] }>(access, "GET", root);
  const below = from === undefined ? "/" : (items.find(isNamed(from))?.spec.path ?? from);
  if (from !== undefined && !items.some(({ spec }) => spec.path === below)) throw unknown(from);
  if (json) print(JSON.stringify(items, undefined, 2));
  else for (const line of drawTree(items, from === undefined ? undefined : below, Date.now())) print(line);
}

async function explain(
  access: ApiAccess,
  wanted: string,
  { event, json }: { readonly event: string | undefined; readonly json: boolean },
): Promise<void> {
  const query = event === undefined ? "" : `?event=${encodeURIComponent(event)}`;
  const said = await ask<Explanation>(
    access,
    "GET",
    `${root}/${encodeURIComponent(actorName(wanted))}/explain${query}`,
  );
  if (json) print(JSON.stringify(said, undefined, 2));
  else for (const line of explained(said)) print(line);
}

async function release(access: ApiAccess, wanted: string): Promise<void> {
  const path = `${root}/${encodeURIComponent(actorName(wanted))}/release`;
  print((await ask<{ readonly message: string }>(access, "POST", path)).message);
}

/** What the API answers; its refusals are a person's errors. */
async function ask<T>(access: ApiAccess, method: "GET" | "POST", path: string): Promise<T> {
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

function isNamed(wanted: string): (item: ActorItem) => boolean {
  return ({ metadata, spec }) => spec.path === wanted || metadata.name === wanted;
}

function unknown(wanted: string): UserError {
  return new UserError("TRP-0141", `there is no actor ${wanted}`, { hint: `${self} actors tree`, exitCode: 3 });
}

function usage(words: string): UserError {
  return new UserError("TRP-0002", words, { hint: `${self} actors --help`, exitCode: 2 });
}
