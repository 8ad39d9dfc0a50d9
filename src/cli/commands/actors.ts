/** `troupe actors`: the supervision tree, one actor in full, transitions as they happen, and the word that lets a parked one go. */
import { UserError } from "../../util/errors.ts";
import { actorName } from "../../kinds/actor.ts";
import { drawTree, explained, type ActorItem, type Explanation } from "../actor-tree.ts";
import { drawTransition } from "../chart.ts";
import { actorsRoot as root, ask, clusterAccess } from "../actor-requests.ts";
import type { ApiAccess } from "../api-client.ts";
import { parseChoice } from "../arguments.ts";
import { clusterOptions, outputOption } from "../cluster-options.ts";
import { text, type Command } from "../command.ts";
import { print } from "../output.ts";
import { self } from "../self.ts";

export const actors: Command = {
  name: "actors",
  summary:
    "The actors of a cluster: who restarts whom, what one of them would do, who goes\nfrom which state to which, and the word that lets a parked one go on.",
  examples: [
    "troupe actors tree",
    "troupe actors tree /node/n1",
    "troupe actors explain /obj/apps/deployments/default/web --event paused",
    "troupe actors watch /obj/core/pods",
    "troupe actors release ctl.deployment.default.web",
  ],
  arguments: "tree|explain|watch|release [PATH|NAME] ",
  options: [
    { name: "event", type: "string", value: "TYPE", help: "explain: what this event would do (dry run)" },
    ...clusterOptions,
    outputOption("text (default) or json"),
  ],
  async run(values, [verb = "", wanted]) {
    const json = parseChoice("output", text(values, "output") ?? "text", ["text", "json"]) === "json";
    if (!["tree", "explain", "watch", "release"].includes(verb)) {
      throw usage(`actors knows tree, explain, watch and release`);
    }
    if ((verb === "explain" || verb === "release") && wanted === undefined)
      throw usage(`actors ${verb} needs the path or the name of an actor`);
    const access = await clusterAccess(values);
    if (verb === "tree") await tree(access, wanted, json);
    else if (verb === "watch") await watch(access, wanted, json);
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

/** Until it is interrupted, or the master goes. */
async function watch(access: ApiAccess, prefix: string | undefined, json: boolean): Promise<void> {
  const { connect } = await import("../../client/main.ts");
  // gRPC listens on the port behind that of REST.
  const { host, port, authority, certificate, key } = access;
  const client = connect({ address: `${host}:${port + 1}`, authority, certificate, key });
  try {
    for await (const transition of client.transitions(prefix ?? "")) {
      print(json ? JSON.stringify(transition) : drawTransition(transition));
    }
  } catch (error) {
    throw new UserError("TRP-0140", "the master's stream broke", { cause: error, hint: `${self} status`, exitCode: 5 });
  } finally {
    client.close();
  }
}

async function release(access: ApiAccess, wanted: string): Promise<void> {
  const path = `${root}/${encodeURIComponent(actorName(wanted))}/release`;
  print((await ask<{ readonly message: string }>(access, "POST", path)).message);
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
