import { cpus } from "node:os";
import { bugs, type Bug } from "./bugs.ts";
import { copyBuild, type BuildCopy } from "./build-copy.ts";
import { faultBugs } from "./fault-bugs.ts";
import { masterBugs } from "./master-bugs.ts";
import { copyForFaults, hunt, logParts } from "./hunt.ts";

/**
 * `npm run ledger -- [log|masters|faults] [part of a name or of a suite]`: puts each bug into a copy of the
 * build and looks whether what must catch it does. Ends with 1 where one is not caught.
 */
interface Ledger {
  readonly bugs: readonly Bug[];
  readonly copy: () => Promise<BuildCopy>;
}

const ledgers: Readonly<Record<string, Ledger>> = {
  log: { bugs, copy: () => copyBuild(logParts) },
  masters: { bugs: masterBugs, copy: () => copyBuild(logParts) },
  faults: { bugs: faultBugs, copy: copyForFaults },
};

const [which, part = ""] = process.argv.slice(2);
const chosen = which === undefined ? Object.values(ledgers) : [ledgers[which]];
if (chosen.includes(undefined)) {
  process.stderr.write(`there is no ledger ${which}: ${Object.keys(ledgers).join(", ")}\n`);
  process.exit(2);
}

const suiteOf = ({ caughtBy }: Bug): string => ("suite" in caughtBy ? caughtBy.suite : "");
let caught = 0;
let missed = 0;
for (const ledger of chosen) {
  if (ledger === undefined) continue;
  const wanted = ledger.bugs.filter((bug) => bug.name.includes(part) || suiteOf(bug) === part);
  const rest = wanted.values();
  await Promise.all(
    Array.from({ length: Math.min(wanted.length, cpus().length) }, async () => {
      await using copy = await ledger.copy();
      for (const bug of rest) {
        const { isCaught, seen } = await hunt(copy, bug).catch((error: unknown) => ({
          isCaught: false,
          seen: String(error),
        }));
        if (isCaught) caught += 1;
        else missed += 1;
        process.stdout.write(`${isCaught ? "caught" : "MISSED"}: ${bug.name}\n    ${seen}\n`);
      }
    }),
  );
}
process.stdout.write(`${caught} caught, ${missed} missed\n`);
process.exitCode = missed === 0 ? 0 : 1;
