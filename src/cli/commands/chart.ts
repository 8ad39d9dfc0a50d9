/** `troupe chart`: the machine of an actor, and where in it the actor is. */
import { actorName } from "../../kinds/actor.ts";
import { UserError } from "../../util/errors.ts";
import { actorsRoot, ask, clusterAccess } from "../actor-requests.ts";
import { parseChoice } from "../arguments.ts";
import { mermaid, type ActorChart } from "../chart.ts";
import { clusterOptions, outputOption } from "../cluster-options.ts";
import { text, type Command } from "../command.ts";
import { print } from "../output.ts";
import { self } from "../self.ts";

export const chart: Command = {
  name: "chart",
  summary:
    "The state machine of an object or of any other actor, as a Mermaid\ndiagram in which its state of now is marked.",
  examples: [
    "troupe chart deployment/web",
    "troupe chart pod/web-0 -n shop -o json",
    "troupe chart /ctl/deployment",
    "troupe chart /node/n1/pod/default/web-0/liveness/app",
  ],
  arguments: "KIND/NAME|PATH ",
  options: [
    { name: "namespace", type: "string", short: "n", value: "NAME", help: "namespace of the object (default)" },
    ...clusterOptions,
    outputOption("mermaid (default) or json"),
  ],
  async run(values, [wanted]) {
    const format = parseChoice("output", text(values, "output") ?? "mermaid", ["mermaid", "json"]);
    if (wanted === undefined) {
      throw new UserError("TRP-0002", "chart needs KIND/NAME or the path of an actor", {
        hint: `${self} chart --help`,
        exitCode: 2,
      });
    }
    const name = await nameOf(wanted, text(values, "namespace") ?? "default");
    const access = await clusterAccess(values);
    const said = await ask<ActorChart>(access, "GET", `${actorsRoot}/${encodeURIComponent(name)}/chart`);
    if (format === "json") print(JSON.stringify(said, undefined, 2));
    else for (const line of mermaid(said)) print(line);
    return 0;
  },
};

/** `deployment/web` is an object; everything else is the path or the name of an actor. */
async function nameOf(wanted: string, namespace: string): Promise<string> {
  const [word = "", object, ...more] = wanted.split("/");
  if (word === "" || object === undefined || more.length > 0) return actorName(wanted);
  const { kindOfWord } = await import("../objects.ts");
  const { group, plural, scope } = kindOfWord(word);
  return `obj.${group === "" ? "core" : group}.${plural}.${scope === "Cluster" ? "-" : namespace}.${object}`;
}
