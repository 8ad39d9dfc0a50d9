/** `troupe secrets rotate-key`: a new key for what is sealed at rest. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../util/errors.ts";
import { get, type ApiAccess } from "../api-client.ts";
import { layoutOf, requireCluster, writeAtomic } from "../cluster-file.ts";
import { clusterOptions } from "../cluster-options.ts";
import { text, type Command } from "../command.ts";
import { print } from "../output.ts";
import { ensurePki, newSealingKey, parseSealingKeys, sealingKeyFile, sealingKeyName } from "../pki.ts";
import { openAdmin } from "../machines/admin.ts";
import { processesOf } from "../processes.ts";
import { hand } from "../rotating.ts";
import { self } from "../self.ts";
import { accessOf } from "./up.ts";

export const secrets: Command = {
  name: "secrets",
  summary: "Makes a new key for Secrets at rest, and seals all of them with it.",
  examples: ["troupe secrets rotate-key --name dev"],
  arguments: "rotate-key ",
  options: clusterOptions,
  async run(values, [verb, ...more]) {
    if (verb !== "rotate-key" || more.length > 0) {
      throw new UserError("TRP-0002", "secrets knows one verb: rotate-key", {
        hint: `${self} ${secrets.examples[0]?.replace("troupe ", "") ?? ""}`,
        exitCode: 2,
      });
    }
    const { dataDir, cluster } = await requireCluster(text(values, "name") ?? "dev", text(values, "data-dir"));
    const layout = layoutOf(dataDir);
    const pki = await ensurePki(layout.pki, cluster);
    const file = join(layout.pki, sealingKeyFile);
    const added = newSealingKey();
    const content = `${(await readFile(file, "utf8")).trim()}\n${added}\n`;
    if (cluster.machine !== undefined) {
      // Every master must be able to open what the leader seals with it.
      await hand(await openAdmin(values), { [sealingKeyFile]: content });
    } else {
      await writeAtomic(file, content, 0o600);
    }
    const name = sealingKeyName(parseSealingKeys(added)[0]!);
    const servers = processesOf(dataDir).filter(({ role }) => role === "server");
    for (const { pid } of servers) process.kill(pid, "SIGHUP");
    if (servers.length === 0) {
      print(`key ${name} added; the master seals with it once it runs`);
      return 0;
    }
    await sealedBy(name, accessOf(cluster, pki));
    print(`all Secrets are sealed with key ${name}; older keys stay in ${file} for what the log still holds`);
    return 0;
  },
};

interface Sealing {
  readonly key: string;
  readonly left: number;
}

const waitMs = 60_000;

/** Resolves when the master says that nothing is sealed by another key any more. */
async function sealedBy(name: string, access: ApiAccess): Promise<void> {
  const deadline = Date.now() + waitMs;
  while (Date.now() < deadline) {
    const answer = await get(access, "/troupe/v1/member");
    const { sealing } = JSON.parse(answer.body) as { readonly sealing?: Sealing };
    if (sealing?.key === name && sealing.left === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new UserError("TRP-0152", "the master has not sealed all Secrets with the new key yet", {
    hint: "it goes on by itself; its log says reseal.failed if it cannot",
    exitCode: 4,
  });
}
