/** The master killed again and again under write load; see `master-kills.ts` for what is compared. */
import { join } from "node:path";
import { runMasterKills, type MasterKills } from "../live/support/master-kills-run.ts";
import { createMachine } from "../live/support/machine.ts";

const killsDefault = 50;

export async function kills(count: number = killsDefault): Promise<MasterKills> {
  const machine = createMachine();
  const data = join(machine.folder, "d");
  try {
    const up = await machine.troupe("up", "--name", `sk${process.pid % 10_000}`, "--data-dir", data);
    if (up.code !== 0) throw new Error(up.stderr);
    return await runMasterKills(machine, data, { kills: count, progress: (line) => process.stderr.write(line) });
  } finally {
    await machine.dispose();
  }
}
