/** `troupe recover`: a lone survivor becomes a cluster of one master. */
import { requireCluster } from "../cluster-file.ts";
import { clusterOptions } from "../cluster-options.ts";
import { flag, text, type Command } from "../command.ts";
import { print, say } from "../output.ts";
import { planRecovery, recoverMaster, refused, type RecoverPlan } from "../recovering.ts";
import { self } from "../self.ts";

export const recover: Command = {
  name: "recover",
  summary:
    "Where the other masters are lost for good, and too few are left to agree: makes\n" +
    "this one a cluster of its own, with what it has. It must not run meanwhile.",
  examples: ["troupe recover --name prod", "troupe recover --name prod --accept-loss"],
  options: [
    ...clusterOptions,
    { name: "accept-loss", type: "boolean", help: "do it; without, it is only told what would be done" },
    { name: "force", type: "boolean", help: "also while another master answers" },
  ],
  async run(values) {
    const found = await requireCluster(text(values, "name") ?? "dev", text(values, "data-dir"));
    const plan = await planRecovery(found);
    for (const line of warnings(plan)) say(line);
    if (plan.alive.length > 0 && !flag(values, "force")) {
      throw refused(
        `the master at ${plan.alive.join(" and at ")} answers`,
        "bring the others back; what is left of them knows what was acknowledged",
      );
    }
    if (!flag(values, "accept-loss")) {
      throw refused(
        "nobody has said yet that a loss is accepted",
        `${self} recover --name ${found.name} --accept-loss`,
      );
    }
    const { cluster, revision, aside } = await recoverMaster(found);
    print(found.dataDir);
    say(
      `"${cluster.name}" is in epoch ${cluster.epoch ?? 0} now, with one master; its revisions go on behind ${revision}`,
    );
    say(`the folder of before lies in ${aside}; remove it when it is not needed any more`);
    say("The other masters are of another life: empty their data directories, and let them join anew.");
    say(`Next: ${self} server --data-dir ${found.dataDir}, and ${self} member add`);
    return 0;
  },
};

export function warnings({ memberId, term, index, others }: RecoverPlan): readonly string[] {
  return [
    `! member ${memberId} would go on alone, from entry ${index} of term ${term}`,
    "! what only the others had acknowledged is lost; what only this one had may come true",
    ...(others.length === 0
      ? []
      : [`! the masters at ${others.join(", ")} must never start again with what they hold`]),
    "! of several survivors, take the one with the highest term, and of these the highest entry",
  ];
}
