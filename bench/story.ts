/**
 * How fast virtual time passes: an hour of 100 Deployments on five nodes, with two rollouts a minute and a node
 * lost for five of every ten minutes. `MINUTES`: of that hour, 60 by default. `fasterByCpu` says what the wall
 * clock of a loaded machine cannot.
 */
import { rolloutHour } from "./support/rollout-hour.ts";

export async function run(): Promise<object> {
  const minutes = Number(process.env["MINUTES"] ?? 60);
  process.stderr.write(`${minutes} virtual minutes of rollouts…\n`);
  return { bench: "story", ...(await rolloutHour(minutes)) };
}
